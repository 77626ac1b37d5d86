"""What two documents may share: runs of words, and loose pairs of words that survive rewording."""

from __future__ import annotations

import hashlib
from collections import Counter
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


def marked(
    words: Words, common: npt.NDArray[np.bool_], *, run: int, reach: int, counted: npt.NDArray[np.bool_] | None = None
) -> Marks:
    """The marks of a document.

    `common (W,)` says which of its words are too usual to tell anything in a loose pair; words that are not
    `counted (W,)` are in no mark at all. A run whose words are single characters, as in scripts without spaces, is
    twice as long, because a character says less than a word.
    """
    numbers = word_numbers(words.keys)
    single = np.array([len(key) == 1 and not key.isascii() for key in words.keys], np.bool_)
    parts = []
    for n, of_characters in ((run, False), (2 * run, True)):
        keys = runs(numbers, n)
        start = np.flatnonzero(_all_of(single, n) == of_characters)
        parts.append((keys[start] | np.uint64(1), start, start + n - 1))
    loose, first, last = pairs_within(stem_numbers(words.keys), ~(common | single), reach)
    # A run and a loose pair never mean each other: the lowest bit tells them apart.
    parts.append((loose & ~np.uint64(1), first, last))
    keys, first, last = (np.concatenate(column) for column in zip(*parts, strict=True))
    if counted is not None and not counted.all():
        hidden = np.concatenate([[0], np.cumsum(~counted)])
        clear = hidden[last + 1] == hidden[first]
        keys, first, last = keys[clear], first[clear], last[clear]
    order = np.argsort(keys, kind="stable")
    return Marks(keys[order], first[order], last[order], len(words))


def common_words(words: Words) -> npt.NDArray[np.bool_]:
    """Which words `(W,)` say little beside another: short ones, and those that this very document repeats most.

    It depends on nothing but the document, so a pair's alignment never changes when others come.
    """
    often = Counter(words.keys)
    limit = max(3, 0.015 * len(words))
    return np.array([len(key) < 4 or often[key] > limit for key in words.keys], np.bool_)


def _all_of(which: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.bool_]:
    if len(which) < n:
        return np.zeros(0, np.bool_)
    before = np.concatenate([[0], np.cumsum(which)])
    return np.asarray(before[n:] - before[:-n] == n)


@lru_cache(maxsize=1 << 18)
def _number(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
