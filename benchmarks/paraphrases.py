"""Do two sentences say the same? Text twins beside single n-gram cosines, overlap as in BLEU, and a sentence model.

    python benchmarks/paraphrases.py --paraphrases msr_paraphrase_train.txt --sts sts_benchmark --sentences minilm/

Paraphrases (Dolan & Brockett 2005): five folds over pairs; every method's threshold, and what it learns, comes from the
other four. STS (Cer et al. 2017): taught on its training part, Spearman's correlation on its dev part. `--sentences` is
the folder of a sentence-transformers model. Intervals: over folds (t), or 2,000 resamples of pairs.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr, t
from sklearn.metrics import f1_score

from twinnet.apps.texts import NGrams, TextPairs, sentence_model, train_texts
from twinnet.apps.texts.fields import FIELDS
from twinnet.core.seeds import stream
from twinnet.decide import choose_threshold

FOLDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paraphrases", type=Path)
    parser.add_argument("--sts", type=Path)
    parser.add_argument("--sentences", help="folder of a sentence-transformers model, or wordllama")
    args = parser.parse_args()
    if args.paraphrases:
        paraphrases(args.paraphrases, args.sentences)
    if args.sts:
        sts(args.sts, args.sentences)


def paraphrases(path: Path, sentences: str | None) -> None:
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    lines = [line for line in lines if len(line) == 5 and line[0] in "01"]
    pairs = TextPairs(
        tuple(x[3] for x in lines), tuple(x[4] for x in lines), np.array([float(line[0]) for line in lines])
    )
    fold = stream(0, "paraphrases").permutation(len(pairs)) % FOLDS
    found: dict[str, list[tuple[float, float]]] = {}
    for k in range(FOLDS):
        train, test = pairs.subset(np.flatnonzero(fold != k)), pairs.subset(np.flatnonzero(fold == k))
        truth = test.same == 1
        for name, distance in singles(train, sentences).items():
            rule = choose_threshold(distance(train), train.same == 1, method="accuracy")
            said = distance(test) < rule.threshold
            found.setdefault(name, []).append((float((said == truth).mean()), float(f1_score(truth, said))))
        for name, model in {"twins of n-grams": None, "twins of n-grams and the sentence model": sentences}.items():
            if name.endswith("model") and not sentences:
                continue
            twins = train_texts(train, sentences=model)
            said = twins.distances(test.first, test.second) < twins.rule.threshold
            found.setdefault(name, []).append((float((said == truth).mean()), float(f1_score(truth, said))))
    table = Table("paraphrases", "accuracy", "F1", title=f"{len(pairs):,} pairs, {FOLDS} folds")
    table.add_row(
        "always the same", f"{pairs.same.mean():.1%}", f"{2 * pairs.same.mean() / (1 + pairs.same.mean()):.1%}"
    )
    for name, rows in found.items():
        table.add_row(name, *(spread(np.array(rows)[:, i]) for i in range(2)))
    Console(width=120).print(table)


def singles(train: TextPairs, sentences: str | None) -> dict:
    """Distances of one number each."""
    ngrams = NGrams.fit([*train.first, *train.second])

    def cosine(field: str):
        def distance(p: TextPairs) -> np.ndarray:
            x = ngrams.compare(ngrams.encode(p.first), ngrams.encode(p.second))
            return 1 - x[:, list(FIELDS).index(field)]

        return distance  # fmt: skip

    found = {
        "TF-IDF of words, cosine": cosine("words"),
        "TF-IDF of 3 letters, cosine": cosine("letters_3"),
        "TF-IDF of 4 letters, cosine": cosine("letters_4"),
        "BLEU-like overlap": lambda p: np.array([1 - bleu(a, b) for a, b in zip(p.first, p.second, strict=True)]),
    }
    if sentences:
        found["sentence model, cosine"] = lambda p: (
            1 - (sentence_model(sentences).encode(p.first) * sentence_model(sentences).encode(p.second)).sum(1)
        )
    return found


def bleu(a: str, b: str) -> float:
    """Mean of both directions: smoothed precisions of 1 to 4 words, with the brevity penalty (Papineni et al. 2002)."""
    one, two = (re.findall(r"\w+", text.lower()) for text in (a, b))
    return (one_way(one, two) + one_way(two, one)) / 2


def one_way(a: list[str], b: list[str]) -> float:
    logs = 0.0
    for n in range(1, 5):
        x, y = (Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in (a, b))
        logs += math.log(((x & y).total() + 1) / (x.total() + 1)) / 4
    return math.exp(logs + min(0.0, 1 - len(b) / max(1, len(a))))


def sts(folder: Path, sentences: str | None) -> None:
    train, dev = (read_sts(folder / f"sts-{part}.csv") for part in ("train", "dev"))
    rows = {name: distance(dev) for name, distance in singles(train, sentences).items()}
    rows["twins of n-grams"] = train_texts(train).distances(dev.first, dev.second)
    if sentences:
        rows["twins of n-grams and the sentence model"] = train_texts(train, sentences=sentences).distances(
            dev.first, dev.second
        )
    rng, table = stream(0, "sts"), Table("STS, dev part", "Spearman", title=f"{len(dev):,} pairs")
    for name, distance in rows.items():
        drawn = []
        for _ in range(2000):
            i = rng.integers(len(dev), size=len(dev))
            drawn.append(spearmanr(-distance[i], dev.same[i]).statistic)
        low, high = np.quantile(drawn, [0.025, 0.975])
        table.add_row(name, f"{spearmanr(-distance, dev.same).statistic:.3f} [{low:.3f}, {high:.3f}]")
    Console(width=120).print(table)


def read_sts(path: Path) -> TextPairs:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if len(row) >= 7]
    return TextPairs(
        tuple(row[5] for row in rows), tuple(row[6] for row in rows), np.array([float(row[4]) for row in rows]) / 5
    )


def spread(values: np.ndarray) -> str:
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return f"{values.mean():.1%} [{values.mean() - half:.1%}, {values.mean() + half:.1%}]"


if __name__ == "__main__":
    main()
