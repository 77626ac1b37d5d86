"""Student answers, copied or not and how: four classes and two, each task judged by weights learned on the others."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twinnet.apps.plagiarism import Judge, default_judge, find_plagiarism
from twinnet.apps.plagiarism.align import aligned, covered
from twinnet.apps.plagiarism.learn import learn
from twinnet.apps.plagiarism.marks import runs
from twinnet.apps.plagiarism.measures import MEASURES, measure
from twinnet.apps.plagiarism.prepared import HOW, Prepared, prepare, split_words
from twinnet.data.documents import read_document
from twinnet.decide import clopper_pearson

CLASSES = ("non", "heavy", "light", "cut")


def answers(folder: Path) -> dict[str, Any]:
    with (folder / "file_information.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ready = {row["File"]: prepare(split_words(read_document(folder / row["File"]))) for row in rows}
    source = {row["Task"]: ready[row["File"]] for row in rows if row["Category"] == "orig"}
    rows = [row for row in rows if row["Category"] != "orig"]
    pairs = [(ready[row["File"]], source[row["Task"]]) for row in rows]
    x = np.array([measure(a, b).measures for a, b in pairs])
    degrees = np.array([degree(a, b, row) for (a, b), row in zip(pairs, x, strict=True)])
    overlaps = np.array([overlap(a, b) for a, b in pairs])
    task = np.unique([row["Task"] for row in rows], return_inverse=True)[1]
    kind = np.array([CLASSES.index(row["Category"]) for row in rows])
    copied = kind > 0

    two = np.zeros(len(rows), np.bool_)
    for held in np.unique(task):
        rest = task != held
        judged = learn(x[rest], copied[rest], np.arange(rest.sum()), "the other tasks")
        two[~rest] = [judged.decide(row).same for row in x[~rest]]
    shipped = np.array([default_judge().decide("prose", row).same for row in x])
    each = np.arange(len(rows))
    ours, theirs = held_out(Steps, degrees, kind, task), held_out(GaussianNB, overlaps, kind, task)

    right = {
        "four classes, leave-one-task-out": ours == kind,
        "– naive Bayes on containment and LCS": theirs == kind,
        "four classes, leave-one-answer-out": held_out(Steps, degrees, kind, each) == kind,
        "– naive Bayes on containment and LCS, too": held_out(GaussianNB, overlaps, kind, each) == kind,
        "copied or not, leave-one-task-out": two == copied,
        "copied or not, naive Bayes on containment and LCS": (theirs > 0) == copied,
        "copied or not, the weights that ship": shipped == copied,
        "copied or not, that ship, all against all": among_all(folder, rows, default_judge()) == copied,
    }
    table = Table("short answers", "right", "accuracy", "95 %", *CLASSES)
    for name, hit in right.items():
        interval = clopper_pearson(int(hit.sum()), len(hit))
        by_class = [f"{hit[kind == k].sum()} of {(kind == k).sum()}" for k in range(len(CLASSES))]
        between = f"{interval.low:.1%} … {interval.high:.1%}"
        table.add_row(name, f"{hit.sum()} of {len(hit)}", f"{hit.mean():.1%}", between, *by_class)
    Console(width=150).print(table)
    print("four classes, said of each:", {
        name: np.bincount(ours[kind == k], minlength=len(CLASSES)).tolist() for k, name in enumerate(CLASSES)
    })  # fmt: skip
    return {name: {"right": int(hit.sum()), "of": len(hit)} for name, hit in right.items()}


def among_all(folder: Path, rows: list[dict[str, str]], judge: Judge) -> np.ndarray:
    """Which answers are in a pair of copies when all texts of the folder are compared with each other."""
    found = find_plagiarism(folder, judge=judge)
    involved = {found.names[i] for match in found.copies for i in (match.a, match.b)}
    return np.array([row["File"] in involved for row in rows])


def degree(a: Prepared, b: Prepared, row: np.ndarray) -> list[float]:
    """How much of an answer is shared; how literally; its best chain; how long its runs are, by words."""
    inside = covered(aligned(a.marks, b.marks, HOW["prose"]), 0, len(a.words))
    literal = inside & _same(a, b, 3)
    pairs = np.concatenate([[0], np.isin(runs(a.exact, 2), runs(b.exact, 2)).astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(pairs))
    lengths = edges[1::2] - edges[::2]
    mean = (lengths**2).sum() / max(1, lengths.sum())
    share = inside.sum() / max(1, len(a.words))
    chain = row[MEASURES["prose"].index("chain")]
    return [share, literal.sum() / max(1, inside.sum()), float(chain), float(np.log2(1 + mean))]


def overlap(a: Prepared, b: Prepared) -> list[float]:
    """Containment of 1 to 5 words, and the longest common subsequence, as shares of the answer."""
    shares = [float(np.isin(runs(a.exact, n), runs(b.exact, n)).mean()) for n in range(1, 6)]
    longest = np.zeros(len(b.exact) + 1, np.int64)
    for word in a.exact:
        step = longest.copy()
        step[1:] = np.maximum(step[1:], longest[:-1] + (b.exact == word))
        longest = np.maximum.accumulate(step)
    return [*shares, float(longest[-1] / len(a.exact))]


def _same(a: Prepared, b: Prepared, n: int) -> np.ndarray:
    """Which words of `a` stand in a run of n that `b` has."""
    hit = np.isin(runs(a.exact, n), runs(b.exact, n))
    found = np.zeros(len(a.words), np.bool_)
    for step in range(n):
        found[step : step + len(hit)] |= hit
    return found


class Steps:
    """Ordered classes by one regression for each step (Frank & Hall 2001), both sides of a step weighing the same."""

    def fit(self, x: np.ndarray, kind: np.ndarray) -> Steps:
        def regression() -> Any:
            return make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=3000))

        self._steps = [regression().fit(x, kind > k) for k in range(len(CLASSES) - 1)]
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        above = np.array([step.predict_proba(x)[:, 1] for step in self._steps])
        return (np.minimum.accumulate(above) > 0.5).sum(axis=0)


def held_out(model: Callable[[], Any], x: np.ndarray, kind: np.ndarray, task: np.ndarray) -> np.ndarray:
    """The class of each answer by a model that never saw its task."""
    found = np.zeros(len(x), np.int64)
    for held in np.unique(task):
        rest = task != held
        found[~rest] = model().fit(x[rest], kind[rest]).predict(x[~rest])
    return found
