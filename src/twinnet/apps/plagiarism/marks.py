"""What two documents may share: runs of words, and loose pairs of words that survive rewording."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from twinnet.core.types import IntArray
from twinnet.data.documents import Words

Keys = npt.NDArray[np.uint64]

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ / golden ratio: spreads neighbouring numbers (Knuth, TAOCP 6.4)
_STEM = 6  # letters: enough to tell words apart, few enough to join their endings, in no language in particular


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks of one document, by ascending key: `keys (M,)`, and each one's first and last word, `first, last (M,)`."""

    keys: Keys
    first: IntArray
    last: IntArray
    n_words: int


def word_numbers(words: Sequence[str]) -> Keys:
    """A number for each word `(W,)`, the same in every process."""
    return np.array([_number(word) for word in words], np.uint64)


def stem_numbers(words: Sequence[str]) -> Keys:
    """The same for the beginnings of words, so that endings do not matter."""
    return np.array([_number(word[:_STEM]) for word in words], np.uint64)


def runs(numbers: Keys, n: int) -> Keys:
    """A key for each run of n words, `(W,)` → `(W − n + 1,)`."""
    if len(numbers) < n:
        return np.zeros(0, np.uint64)
    key = np.zeros(len(numbers) - n + 1, np.uint64)
    for i in range(n):
        key = (key ^ numbers[i : i + len(key)]) * _MIX
        key ^= key >> np.uint64(29)
    return key


def pairs_within(numbers: Keys, kept: npt.NDArray[np.bool_], reach: int) -> tuple[Keys, IntArray, IntArray]:
    """Keys of unordered pairs of kept words at most `reach` kept words apart, with their first and last word."""
    at = np.flatnonzero(kept)
    some = numbers[at]
    keys, first, last = [], [], []
    for step in range(1, reach + 1):
        a, b = some[:-step], some[step:]
        keys.append((np.minimum(a, b) * _MIX) ^ np.maximum(a, b))
        first.append(at[:-step])
        last.append(at[step:])
    if not keys:
        none = np.zeros(0, np.int64)
        return np.zeros(0, np.uint64), none, none
    return np.concatenate(keys), np.concatenate(first), np.concatenate(last)


def marked(words: Words, common: npt.NDArray[np.bool_], *, run: int, reach: int) -> Marks:
    """The marks of a document; `common (W,)` says which of its words are too usual to tell anything in a loose pair."""
    numbers = word_numbers(words.keys)
    of_runs = runs(numbers, run)
    start = np.arange(len(of_runs))
    loose, first, last = pairs_within(stem_numbers(words.keys), ~common, reach)
    # A run and a loose pair never mean each other: the lowest bit tells them apart.
    keys = np.concatenate([of_runs | np.uint64(1), loose & ~np.uint64(1)])
    first, last = np.concatenate([start, first]), np.concatenate([start + run - 1, last])
    order = np.argsort(keys, kind="stable")
    return Marks(keys[order], first[order], last[order], len(words))


@lru_cache(maxsize=1 << 18)
def _number(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
