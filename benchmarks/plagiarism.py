"""How well copies are told from independent work: student answers, and Java programs with six levels of disguise.

    python benchmarks/plagiarism.py --answers short_answers --java java_assignments

`--answers DIR` (Clough & Stevenson 2011): `file_information.csv` with File, Task, Category; each answer beside the
source of its task. Weights are learned leave-one-task-out, and once more not at all: those that ship, learned on
invented texts. The command's own way, all texts of the folder against all, is shown too: answers may have been copied
from each other, or from a part of the article that the source file does not have.

`--java DIR` (IR-Plag, Karnalim et al. 2019): `case-*/{original,non-plagiarized,plagiarized/L1 … L6}`; every program is
compared with the original of its case, and ranked. Weights are learned leave-one-case-out. Beside it: overlap of token
3-grams (Jaccard), and winnowing by the package copydetect with its defaults, where that is installed.

Intervals resample answers, or programs within a case and level, 2,000 times.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from twinnet.apps.plagiarism import default_judge, find_plagiarism
from twinnet.apps.plagiarism.learn import combine, learn
from twinnet.apps.plagiarism.measures import measure
from twinnet.apps.plagiarism.prepared import Prepared, prepare, split_words
from twinnet.core.seeds import stream
from twinnet.data.documents import Document, read_document
from twinnet.decide import clopper_pearson

CLASSES = ("non", "heavy", "light", "cut")
LEVELS = ("L1", "L2", "L3", "L4", "L5", "L6")
RESAMPLED = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--java", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found: dict[str, Any] = {}
    if args.answers:
        found["answers"] = answers(args.answers)
    if args.java:
        found["java"] = java(args.java)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def answers(folder: Path) -> dict[str, Any]:
    with (folder / "file_information.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ready = {row["File"]: prepare(split_words(read_document(folder / row["File"]))) for row in rows}
    source = {row["Task"]: ready[row["File"]] for row in rows if row["Category"] == "orig"}
    rows = [row for row in rows if row["Category"] != "orig"]
    x = np.array([measure(ready[row["File"]], source[row["Task"]]).measures for row in rows])
    task = np.unique([row["Task"] for row in rows], return_inverse=True)[1]
    kind = np.array([CLASSES.index(row["Category"]) for row in rows])
    copied, n = kind > 0, len(rows)

    four, two = np.zeros(n, np.int64), np.zeros(n, np.bool_)
    for held in np.unique(task):
        rest = task != held
        centre, scale = x[rest].mean(0), x[rest].std(0)
        classes = LogisticRegression(max_iter=5000).fit((x[rest] - centre) / scale, kind[rest])
        four[~rest] = classes.predict((x[~rest] - centre) / scale)
        judged = learn(x[rest], copied[rest], np.arange(rest.sum()), "the other tasks")
        two[~rest] = [judged.decide(row).same for row in x[~rest]]
    shipped = np.array([default_judge().decide("prose", row).same for row in x])
    everything = find_plagiarism(folder)
    involved = {everything.names[i] for match in everything.copies for i in (match.a, match.b)}
    among_all = np.array([row["File"] in involved for row in rows])

    right = {
        "four classes, leave-one-task-out": four == kind,
        "copied or not, leave-one-task-out": two == copied,
        "copied or not, the weights that ship": shipped == copied,
        "copied or not, that ship, all against all": among_all == copied,
    }
    table = Table("short answers", "right", "accuracy", "95 %", *CLASSES)
    for name, hit in right.items():
        interval = clopper_pearson(int(hit.sum()), n)
        by_class = [f"{hit[kind == k].sum()} of {(kind == k).sum()}" for k in range(len(CLASSES))]
        table.add_row(name, f"{hit.sum()} of {n}", f"{hit.mean():.1%}", percent(interval.low, interval.high), *by_class)
    Console(width=150).print(table)
    return {name: int(hit.sum()) for name, hit in right.items()}


def java(folder: Path) -> dict[str, Any]:
    cases = [Case(place) for place in sorted(folder.glob("case-*"))]
    x = [case.measures() for case in cases]
    scores: dict[str, list[np.ndarray]] = {"twinnet, leave-one-case-out": [], "twinnet, the weights that ship": []}
    for i, case in enumerate(cases):
        others = [k for k in range(len(cases)) if k != i]
        copied = np.concatenate([cases[k].level != "non" for k in others])
        group = np.repeat(others, [len(cases[k].level) for k in others])
        learned = combine(np.concatenate([x[k] for k in others]), copied, group)
        scores["twinnet, leave-one-case-out"].append(-learned(x[i]))
        scores["twinnet, the weights that ship"].append(-default_judge().of["code"].combination(x[i]))
        for name, peer in peers().items():
            scores.setdefault(name, []).append(np.array([peer(text, case.original) for text in case.texts]))
    table = Table("Java, mean AP of cases", *LEVELS)
    found: dict[str, Any] = {}
    for name, of_cases in scores.items():
        found[name] = {level: interval_of_ap(of_cases, cases, level) for level in LEVELS}
        table.add_row(name, *(f"{m:.3f}\n{low:.2f}–{high:.2f}" for m, low, high in found[name].values()))
    Console(width=120).print(table)
    return found


class Case:
    """One assignment: its original, and the programs beside it with their levels."""

    def __init__(self, place: Path) -> None:
        folders = [("non", p) for p in sorted((place / "non-plagiarized").iterdir())]
        folders += [(level, p) for level in LEVELS for p in sorted((place / "plagiarized" / level).iterdir())]
        self.original = joined(place / "original")
        self.level = np.array([level for level, _ in folders])
        self.texts = [joined(p) for _, p in folders]

    def measures(self) -> np.ndarray:
        """`(P, M)`: each program beside the original."""
        original = ready(self.original)
        return np.array([measure(ready(text), original).measures for text in self.texts])


def joined(folder: Path) -> str:
    return "\n".join(read_document(path).text for path in sorted(folder.rglob("*.java")))


def ready(text: str) -> Prepared:
    return prepare(split_words(Document("program", text, "java")))


def interval_of_ap(of_cases: list[np.ndarray], cases: list[Case], level: str) -> tuple[float, float, float]:
    """Mean of the cases' average precisions with its 95 % interval."""
    rng = stream(0, "resample", level)
    drawn = np.zeros((RESAMPLED, len(cases)))
    means = []
    for i, (score, case) in enumerate(zip(of_cases, cases, strict=True)):
        own, copies = score[case.level == "non"], score[case.level == level]
        means.append(precision(own, copies))
        for r in range(RESAMPLED):
            drawn[r, i] = precision(rng.choice(own, len(own)), rng.choice(copies, len(copies)))
    low, high = np.quantile(drawn.mean(1), [0.025, 0.975])
    return float(np.mean(means)), float(low), float(high)


def precision(own: np.ndarray, copies: np.ndarray) -> float:
    label = np.repeat([False, True], [len(own), len(copies)])
    return float(average_precision_score(label, np.concatenate([own, copies])))


def peers() -> dict[str, Callable[[str, str], float]]:
    """Similarities of two programs, by name."""
    found: dict[str, Callable[[str, str], float]] = {"token 3-grams, Jaccard": jaccard}
    try:
        import copydetect  # noqa: F401
    except ImportError:
        print("copydetect is not installed, so it is left out")
    else:
        found["copydetect (winnowing)"] = winnowing
    return found


def jaccard(a: str, b: str) -> float:
    one, two = (three_grams(text) for text in (a, b))
    return len(one & two) / max(1, len(one | two))


def three_grams(text: str) -> set[tuple[int, ...]]:
    tokens = split_words(Document("program", text, "java")).exact.tolist()
    return set(zip(tokens, tokens[1:], tokens[2:], strict=False))


def winnowing(a: str, b: str) -> float:
    from copydetect import CodeFingerprint, compare_files

    with tempfile.TemporaryDirectory() as folder:
        prints = []
        for name, text in (("a", a), ("b", b)):
            path = Path(folder) / f"{name}.java"
            path.write_text(text, encoding="utf-8")
            prints.append(CodeFingerprint(str(path), 25, 1))
        _, similar, _ = compare_files(*prints)
    return float(max(similar))


def percent(low: float, high: float) -> str:
    return f"{low:.1%} … {high:.1%}"


if __name__ == "__main__":
    main()
