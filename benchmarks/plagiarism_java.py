"""Java programs with six levels of disguise: copies ranked over independent solutions; see plagiarism.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from plagiarism_peers import peers
from twinnet.apps.plagiarism import default_judge
from twinnet.apps.plagiarism.learn import combine
from twinnet.apps.plagiarism.measures import measure
from twinnet.apps.plagiarism.prepared import Prepared, prepare, split_words
from twinnet.core.seeds import stream
from twinnet.data.documents import Document, read_document

LEVELS = ("L1", "L2", "L3", "L4", "L5", "L6")
RESAMPLED = 2000


def java(folder: Path, dolos: Path | None = None) -> dict[str, Any]:
    cases = [Case(place) for place in sorted(folder.glob("case-*"))]
    x = [case.measures() for case in cases]
    scores: dict[str, list[np.ndarray]] = {"twinnet, leave-one-case-out": [], "twinnet, the weights that ship": []}
    beside = peers(dolos)
    for i, case in enumerate(cases):
        others = [k for k in range(len(cases)) if k != i]
        copied = np.concatenate([cases[k].level != "non" for k in others])
        group = np.repeat(others, [len(cases[k].level) for k in others])
        learned = combine(np.concatenate([x[k] for k in others]), copied, group)
        scores["twinnet, leave-one-case-out"].append(-learned(x[i]))
        scores["twinnet, the weights that ship"].append(-default_judge().of["code"].combination(x[i]))
        for name, peer in beside.items():
            scores.setdefault(name, []).append(peer(case.texts, case.original))
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
    means, drawn = [], []
    for score, case in zip(of_cases, cases, strict=True):
        own, copies = score[case.level == "non"], score[case.level == level]
        values = np.unique(np.concatenate([own, copies]))[::-1]
        counts = [(part[:, None] == values).sum(axis=0) for part in (own, copies)]
        means.append(precision(*(count[None] for count in counts))[0])
        drawn.append(precision(*(rng.multinomial(c.sum(), c / c.sum(), RESAMPLED) for c in counts)))
    low, high = np.quantile(np.mean(drawn, axis=0), [0.025, 0.975])
    return float(np.mean(means)), float(low), float(high)


def precision(own: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Average precision, as scikit-learn has it on ties: how many stand at each value `(R, V)`, best first → `(R,)`."""
    found, all_found = np.cumsum(copies, axis=1), np.cumsum(own + copies, axis=1)
    return (copies * found / np.maximum(all_found, 1)).sum(axis=1) / copies.sum(axis=1)
