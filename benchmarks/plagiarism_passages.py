"""Where copied passages are: precision, recall and granularity as in PAN, on passages planted in real text.

    python benchmarks/plagiarism_passages.py --sentences msr_paraphrase_train.txt --pairs 200

`--sentences`: tab-separated Quality, id, id, sentence, sentence with a header (the Microsoft Research Paraphrase
Corpus). A source and a suspicious text are made of sentences that share no four words in a row with others; one to
three passages of 4 to 8 sentences are planted, each altered in one way:

    cut        as it was
    random     a tenth of the words dropped, a tenth swapped with a neighbour, a tenth replaced by other words (light)
    shuffled   every sentence as it was, in another order
    reworded   each sentence in another person's words: the two sides of pairs that people called paraphrases

A third of the pairs has nothing planted. Precision, recall and granularity are those of Potthast et al. 2010: means
over detections and over planted passages, of the share of their characters on both sides;
plagdet = F1 / log2(1 + granularity).
Beside it a plain method: common runs of 5 words, merged where at most 10 words apart on both sides, 12 words or more.
Intervals resample the pairs of texts.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from twinnet.apps.plagiarism.align import Alignment, aligned, joined
from twinnet.apps.plagiarism.marks import marked
from twinnet.apps.plagiarism.prepared import HOW, Prepared, prepare, split_words
from twinnet.core.seeds import stream
from twinnet.data.documents import Document

KINDS = ("cut", "random", "shuffled", "reworded")
Span = tuple[int, int]


@dataclass(frozen=True)
class Made:
    """Two texts, and what was planted: characters of the suspicious text and of the source."""

    suspicious: str
    source: str
    planted: list[tuple[Span, Span]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=200, help="pairs of texts of each kind")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    table = Table(
        "planted", "by", "plagdet", "95 %", "precision", "recall", "granularity", "pairs with a false passage"
    )
    found = {}
    for kind in KINDS:
        maker = Maker(args.sentences, kind)
        pairs = [maker.pair(i) for i in range(args.pairs)]
        for name, detect in (("twinnet", ours), ("runs of 5 words", runs_of_five)):
            rows = [judged(pair, detect(pair.suspicious, pair.source)) for pair in pairs]
            value = scores(rows)
            rng = stream(1, kind)
            again = [scores([rows[i] for i in rng.integers(len(rows), size=len(rows))])[0] for _ in range(1000)]
            low, high = np.quantile(again, [0.025, 0.975])
            clean = [len(row[0]) > 0 for row, pair in zip(rows, pairs, strict=True) if not pair.planted]
            false = f"{sum(clean)} of {len(clean)}"
            table.add_row(
                kind, name, f"{value[0]:.3f}", f"{low:.3f}–{high:.3f}", *(f"{v:.3f}" for v in value[1:]), false
            )
            found[f"{kind}, {name}"] = [*value, float(low), float(high), sum(clean), len(clean)]
    Console(width=130).print(table)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


class Maker:
    """Makes pairs of texts of one kind."""

    def __init__(self, path: Path, kind: str) -> None:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
        self._kind = kind
        seen: set[tuple[str, ...]] = set()
        self._alike = [(row[3], row[4]) for row in rows if row[0] == "1" and _is_new(f"{row[3]} {row[4]}", seen)]
        self._plain = [row[3] for row in rows if row[0] == "0" and _is_new(row[3], seen)]

    def pair(self, number: int) -> Made:
        rng = stream(0, self._kind, number)
        n_passages = 0 if number % 3 == 0 else int(rng.integers(1, 4))
        plain = [self._plain[i] for i in rng.permutation(len(self._plain))[:60]]
        a, b = plain[:30], plain[30:60]
        alike = iter(rng.permutation(len(self._alike)).tolist())
        left: list[tuple[str, int]] = [(s, 0) for s in a]
        right: list[tuple[str, int]] = [(s, 0) for s in b]
        for k in range(1, n_passages + 1):
            taken = [self._alike[next(alike)] for _ in range(int(rng.integers(4, 9)))]
            source = [one for one, _ in taken]
            _insert(left, self._altered(taken, rng), k, rng)
            _insert(right, source, k, rng)
        suspicious, at_a = _text(left)
        source_text, at_b = _text(right)
        return Made(suspicious, source_text, [(at_a[k], at_b[k]) for k in range(1, n_passages + 1)])

    def _altered(self, taken: list[tuple[str, str]], rng: np.random.Generator) -> list[str]:
        if self._kind == "reworded":
            return [other for _, other in taken]
        same = [one for one, _ in taken]
        if self._kind == "shuffled":
            return [same[i] for i in rng.permutation(len(same))]
        return [self._noisy(sentence, rng) for sentence in same] if self._kind == "random" else same

    def _noisy(self, sentence: str, rng: np.random.Generator) -> str:
        out: list[str] = []
        for word in sentence.split():
            dice = rng.random()
            if dice < 0.1:
                continue
            if dice < 0.2:
                word = str(rng.choice(self._plain[int(rng.integers(len(self._plain)))].split()))
            out.append(word)
        for i in range(len(out) - 1):
            if rng.random() < 0.1:
                out[i], out[i + 1] = out[i + 1], out[i]
        return " ".join(out) or sentence


def _is_new(text: str, seen: set[tuple[str, ...]]) -> bool:
    """Whether no run of 4 words was seen: the corpus tells the same news in several of its pairs."""
    words = re.findall(r"\w+", text.lower())
    runs = {tuple(words[i : i + 4]) for i in range(len(words) - 3)}
    if runs & seen:
        return False
    seen |= runs
    return True


def _insert(text: list[tuple[str, int]], passage: list[str], k: int, rng: np.random.Generator) -> None:
    free = [i for i in range(len(text) + 1) if not (0 < i < len(text) and text[i - 1][1] == text[i][1] != 0)]
    at = int(rng.choice(free))
    text[at:at] = [(sentence, k) for sentence in passage]


def _text(sentences: list[tuple[str, int]]) -> tuple[str, dict[int, Span]]:
    out, at, where = [], 0, {}
    for sentence, k in sentences:
        where[k] = (where.get(k, (at, 0))[0], at + len(sentence))
        out.append(sentence)
        at += len(sentence) + 1
    return " ".join(out), where


def ours(suspicious: str, source: str) -> list[tuple[Span, Span]]:
    a, b = ready(suspicious), ready(source)
    return _spans(a, b, joined(aligned(a.marks, b.marks, HOW["prose"]), HOW["prose"]))


def runs_of_five(suspicious: str, source: str) -> list[tuple[Span, Span]]:
    a, b = ready(suspicious), ready(source)
    one, two = (marked(p.words, np.ones(len(p.words), np.bool_), run=5, reach=0, counted=p.counted) for p in (a, b))
    how = Alignment(gap=10, shortest=12, density=0.0)
    return _spans(a, b, joined(aligned(one, two, how), how))


def ready(text: str) -> Prepared:
    return prepare(split_words(Document("text", text, "")))


def _spans(a: Prepared, b: Prepared, passages: list) -> list[tuple[Span, Span]]:
    def characters(p: Prepared, span: Span) -> Span:
        return int(p.words.start[span[0]]), int(p.words.end[span[1]])

    return [(characters(a, p.a), characters(b, p.b)) for p in passages]


def judged(pair: Made, detected: list[tuple[Span, Span]]) -> tuple[list[float], list[float], list[int]]:
    """Precision of each detection, recall of each planted passage, and how many detections each found one has."""
    precision = [_share(r, [s for s in pair.planted if _meet(s, r)]) for r in detected]
    recall = [_share(s, [r for r in detected if _meet(s, r)]) for s in pair.planted]
    return precision, recall, [n for s in pair.planted if (n := sum(_meet(s, r) for r in detected))]


def _meet(one: tuple[Span, Span], two: tuple[Span, Span]) -> bool:
    return all(x[0] < y[1] and y[0] < x[1] for x, y in zip(one, two, strict=True))


def _share(whole: tuple[Span, Span], parts: list[tuple[Span, Span]]) -> float:
    """Share of the characters of `whole`, both sides together, that lie in `parts`."""
    hit = total = 0
    for side, (start, end) in enumerate(whole):
        under = np.zeros(end - start, np.bool_)
        for part in parts:
            under[max(0, part[side][0] - start) : max(0, part[side][1] - start)] = True
        hit, total = hit + int(under.sum()), total + end - start
    return hit / total


def scores(rows: list[tuple[list[float], list[float], list[int]]]) -> tuple[float, float, float, float]:
    """Plagdet, precision, recall, granularity."""
    precision = np.mean([v for row in rows for v in row[0]] or [0.0])
    recall = np.mean([v for row in rows for v in row[1]] or [0.0])
    granularity = np.mean([v for row in rows for v in row[2]] or [1.0])
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return float(f1 / np.log2(1 + granularity)), float(precision), float(recall), float(granularity)


if __name__ == "__main__":
    main()
