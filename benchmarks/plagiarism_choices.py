"""What an author of an invented program chooses, what the task's sheet prescribes, and what a copier changes."""

from __future__ import annotations

import numpy as np

CHANGES = {
    "L1": {"comment": 0.8, "layout": 0.3},
    "L2": {"name": 0.8},
    "L3": {"declare": 0.7, "order": 0.5},
    "L4": {"method": 0.8, "join": 0.4},
    "L5": {"loop": 0.7, "statement": 0.7, "print": 0.5, "input": 0.2},
    "L6": {"test": 0.8, "needless": 0.8, "wording": 0.2},
}
"""What each level of copying changes beyond those below it, and how often."""
_LOWER = 0.8  # of copiers make the changes of a lower level, too
_SHEET = {"wording": 0.85, "print": 0.3, "thing": 0.8, "join": 0.5, "order": 0.7}
"""How often a solver follows the sheet where it says something."""
_POPULAR = {"comment": 0.0, "layout": 0.5, "name": 1.0}
"""The k-th most popular option is chosen as k to minus this power; the obvious way to write a loop is most people's."""


class Choices:
    """What one author chose, always the same at one place.

    Of a copier: what the original chose, but for the kinds of choice that he changes. Earlier options are more popular.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        sheet: Choices | None = None,
        original: Choices | None = None,
        change: dict[str, float] | None = None,
    ) -> None:
        self._rng, self._sheet, self._original, self._change, self._made = rng, sheet, original, change or {}, {}

    def pick(self, kind: str, place: str, options: list):
        """One of the options."""
        return options[self._index(kind, place, len(options))]

    def _index(self, kind: str, place: str, n: int) -> int:
        if (kind, place) not in self._made:
            self._made[kind, place] = self._choose(kind, place, n)
        return self._made[kind, place] % n

    def _choose(self, kind: str, place: str, n: int) -> int:
        rng = self._rng
        if self._original is not None:
            kept = self._original._index(kind, place, n)
            if rng.random() >= self._change.get("name" if kind == "thing" else kind, 0.0):
                return kept
            others = [i for i in range(n) if i != kept]
            return int(rng.choice(others)) if others else kept
        if self._sheet is not None and rng.random() < self._sheet.follows(kind):
            return self._sheet._index(kind, place, n)
        weight = 1 / np.arange(1, n + 1) ** _POPULAR.get(kind, 1.6)
        return int(rng.choice(n, p=weight / weight.sum()))

    def follows(self, kind: str) -> float:
        """How often solvers take this sheet's choice of a kind: not at all where it says nothing of it."""
        if kind not in _SHEET:
            return 0.0
        return _SHEET[kind] * self.pick("says", kind, [1, 1, 0] if kind in ("wording", "thing") else [0, 1])


def changes(level: str, rng: np.random.Generator) -> dict[str, float]:
    """The changes of a level; those of lower levels are made by most."""
    found = dict(CHANGES[level])
    for lower in list(CHANGES)[: list(CHANGES).index(level)]:
        if rng.random() < _LOWER:
            found |= CHANGES[lower]
    return found
