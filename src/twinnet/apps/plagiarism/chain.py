"""How long one text follows another, word by word, whatever stands between: the best local alignment.

A word that both have, in the same order, adds 1; each word passed over on either side takes `GAP` off (Smith & Waterman
1981). Heavy rewriting leaves no run of three words and still keeps many words of a sentence in their order; two
independent texts on one topic share the words but not the order, so their best chain stays short.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from twinnet.apps.plagiarism.marks import Keys, runs, stem_numbers
from twinnet.core.types import BoolArray
from twinnet.data.documents import Words

GAP = 0.3
"""Chosen on invented texts and on planted paraphrases, among 0.15 to 0.5."""
_LEAST_LETTERS = 4  # shorter words say too little
_MOST_CELLS = 2e7  # of the table: some tenths of a second


def telling(words: Words, counted: BoolArray) -> Keys:
    """The words `(N,)` that may be in a chain, in order: beginnings of longer words; pairs of single characters."""
    keys = stem_numbers(words.keys)
    length = np.array([len(key) for key in words.keys], np.int64)
    single = (length == 1) & np.array([not key.isascii() for key in words.keys], np.bool_)
    pair = np.zeros(len(keys), np.bool_)
    pair[:-1] = single[:-1] & single[1:] & counted[1:]
    together = keys.copy()
    together[:-1] = runs(keys, 2)
    kept = counted & (pair | (length >= _LEAST_LETTERS))
    return np.asarray(np.where(pair, together, keys)[kept], np.uint64)


def chained(a: Keys, b: Keys, gap: float = GAP) -> float:
    """The best chain's worth, 0 where the two share nothing; the same for (b, a)."""
    a_at, b_at, a_key, b_key = _in_both(*sorted((a, b), key=len))
    if not len(a_key):
        return 0.0
    order = np.argsort(b_key, kind="stable")
    first = np.searchsorted(b_key[order], a_key, "left")
    last = np.searchsorted(b_key[order], a_key, "right")
    # A chain's worth plus `gap` for every word of a and of b before its end: what is passed over then costs nothing,
    # and `best_before[j]` is simply the greatest of all chains that end before column j.
    best_before, passed = np.full(len(b_at) + 1, -np.inf), gap * b_at
    best = 0.0
    for row, low, high in zip((gap * a_at).tolist(), first.tolist(), last.tolist(), strict=True):
        hit = order[low:high]
        start = passed[hit] + row
        worth = 1 + np.maximum(best_before[hit] + 2 * gap, start)
        best = max(best, float((worth - start).max()))
        best_before[hit + 1] = np.maximum(best_before[hit + 1], worth)
        np.maximum.accumulate(best_before, out=best_before)
    return best


def _in_both(a: Keys, b: Keys) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Keys, Keys]:
    """Places and keys of the words that both have; the most frequent are passed over where the table gets too large."""
    common, times_a, times_b = _counts(a, b)
    cells = np.argsort(np.maximum(times_a, times_b), kind="stable")
    rows, columns = np.cumsum(times_a[cells]), np.cumsum(times_b[cells])
    kept = np.sort(common[cells[rows * columns.astype(np.float64) <= _MOST_CELLS]])
    a_at, b_at = np.flatnonzero(np.isin(a, kept)), np.flatnonzero(np.isin(b, kept))
    return a_at, b_at, a[a_at], b[b_at]


def _counts(a: Keys, b: Keys) -> tuple[Keys, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    keys_a, times_a = np.unique(a, return_counts=True)
    keys_b, times_b = np.unique(b, return_counts=True)
    common, at_a, at_b = np.intersect1d(keys_a, keys_b, assume_unique=True, return_indices=True)
    return common, times_a[at_a], times_b[at_b]
