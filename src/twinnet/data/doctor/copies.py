"""What copies mean: across a split a leak, under two names a contradiction, within one identity a repetition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from twinnet.core.types import BoolArray, IntArray, Pairs
from twinnet.data.dataset import Dataset
from twinnet.data.doctor.duplicates import Duplicates
from twinnet.data.doctor.finding import Finding, first, many


def copies(
    found: Duplicates,
    keys: Sequence[str],
    *,
    identities: IntArray | None = None,
    pairs: Pairs | None = None,
    sides: IntArray | None = None,
    side_names: Sequence[str] = (),
) -> list[Finding]:
    """Findings about the duplicates among items called `keys`.

    `identities (N,)`, where known, say whose an item is; `sides (N,)` on which side of a split it stands, −1 for none.
    Of explicit pairs, those count that are said to be different and are copies.
    """
    a, b = found.first, found.second
    leaks = np.zeros(len(a), bool) if sides is None else (sides[a] != sides[b]) & (sides[a] >= 0) & (sides[b] >= 0)
    split = ", ".join(side_names[side] for side in _present(sides, a, b, leaks))
    conflicts = _said_different(found, pairs) if identities is None else identities[a] != identities[b]
    groups = (
        _finding(found, keys, leaks, "leak", "stop", f"on two sides of a split ({split})",
                 "remove one of each, or file both under one identity"),
        _finding(found, keys, conflicts & ~leaks, "contradiction", "warn", "under two identities",
                 "remove the wrong one: it teaches that equal pictures are different"),
        _finding(found, keys, ~conflicts & ~leaks, "repetition", "note", "within one identity",
                 "remove them if they are not separate pictures: they make results look better"),
    )  # fmt: skip
    return [finding for finding in groups if finding is not None]


def side_of(data: Dataset, parts: Mapping[str, Dataset | None]) -> tuple[IntArray, list[str]]:
    """On which side of a split each item `(N,)` of `data` stands, −1 for none, and the names of the sides."""
    side: dict[str, int] = {}
    for number, part in enumerate(parts.values()):
        side |= dict.fromkeys(part.keys, number) if part is not None else {}
    return np.array([side.get(key, -1) for key in data.keys], np.int64), list(parts)


def _finding(
    found: Duplicates, keys: Sequence[str], chosen: BoolArray, kind: str, severity: str, what: str, step: str
) -> Finding | None:
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return None
    exact = int(found.exact[rows].sum())
    items = [f"{keys[found.first[p]]} {'=' if found.exact[p] else '≈'} {keys[found.second[p]]}" for p in rows[:100]]
    least = "" if found.complete else "at least "
    words = (
        f"{least}{many(len(rows), 'pair')} of equal pictures {what}: {exact:,} exactly, {len(rows) - exact:,} nearly"
    )
    return Finding(kind, severity, words, len(rows), first(items), step)  # type: ignore[arg-type]


def _present(sides: IntArray | None, a: IntArray, b: IntArray, leaks: BoolArray) -> list[int]:
    if sides is None:
        return []
    return [int(side) for side in np.unique(np.concatenate([sides[a[leaks]], sides[b[leaks]]]))]


def _said_different(found: Duplicates, pairs: Pairs | None) -> BoolArray:
    if pairs is None:
        return np.zeros(len(found), bool)
    told = zip(pairs.first[~pairs.same].tolist(), pairs.second[~pairs.same].tolist(), strict=True)
    different = {(min(i, j), max(i, j)) for i, j in told}
    return np.array([pair in different for pair in zip(found.first.tolist(), found.second.tolist(), strict=True)], bool)
