"""Bags of hashed runs: what a document holds, without where. Two bags are compared by what the smaller one shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from twinnet.apps.plagiarism.marks import Keys, runs
from twinnet.core.types import BoolArray, IntArray


class Bag(NamedTuple):
    """`keys (K,)` ascending, how often each is there, `counts (K,)`, and their sum."""

    keys: Keys
    counts: IntArray
    total: int


def bag_of(numbers: Keys, lengths: Sequence[int], counted: BoolArray | None = None) -> Bag:
    """All runs of these lengths in `numbers (W,)`; only those all of whose words are `counted (W,)`."""
    parts = []
    for n in lengths:
        keys = runs(numbers, n)
        if counted is not None and not counted.all():
            keys = keys[whole(counted, n)]
        parts.append(keys)
    keys, counts = np.unique(np.concatenate(parts), return_counts=True)
    return Bag(keys, counts.astype(np.int64), int(counts.sum()))


def whole(counted: BoolArray, n: int) -> BoolArray:
    """Which runs of n words `(W − n + 1,)` have all of their words counted."""
    if len(counted) < n:
        return np.zeros(0, np.bool_)
    before = np.concatenate([[0], np.cumsum(counted)])
    return np.asarray(before[n:] - before[:-n] == n)


def contained(a: Bag, b: Bag) -> float:
    """The share of the smaller bag that the other one has too (Broder 1997), 0 where one is empty."""
    if not a.total or not b.total:
        return 0.0
    if len(a.keys) > len(b.keys):
        a, b = b, a
    at = np.minimum(np.searchsorted(b.keys, a.keys), len(b.keys) - 1)
    common = np.where(b.keys[at] == a.keys, np.minimum(a.counts, b.counts[at]), 0)
    return float(common.sum() / min(a.total, b.total))
