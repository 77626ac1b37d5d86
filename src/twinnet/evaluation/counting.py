"""All pairs without a matrix of them: exact counts over more pairs than memory could hold.

Genuine pairs are few and are kept. Every figure of a verification changes only at a genuine distance, so of the
impostor pairs nothing has to be known but how many lie below each of them: a block of impostor distances is sorted,
counted, and forgotten. Items stand in order of identity, so that genuine pairs lie beside the diagonal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

import numpy as np

from twinnet.core.errors import ConfigError, TooFewIdentities
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import BoolArray, FloatArray, IntArray, Pairs
from twinnet.evaluation.blocks import PER_DISTANCE, Block, distances, in_threads, numbered, workers
from twinnet.evaluation.counted import AllPairs
from twinnet.evaluation.crosses import Cross, Vectors
from twinnet.evaluation.hardest import Hardest

_PER_GENUINE, _PER_GENUINE_AND_THREAD, _PER_SAMPLED = 64, 24, 80  # bytes
_SMALLEST, _LARGEST = 1 << 14, 1 << 20  # distances of one block
_BLOCKS_SORTED = (
    4  # blocks whose near impostors are sorted together, so that genuine distances are looked up less often
)
_WIDE = 8  # columns of a block for each of its rows


@dataclass(frozen=True, slots=True)
class _Items:
    """In order of identity: vectors `(N, D)`, where each item's identity ends `(N,)`, each item's place `(N,)`."""

    x: Vectors
    ends: IntArray
    place: IntArray


def all_pairs(
    embeddings: Vectors,
    identities: IntArray,
    cross: Cross,
    *,
    threshold: float | None = None,
    sample: Pairs | None = None,
    hardest: int = 0,
    max_memory: int = 1 << 30,
    threads: int | None = None,
    progress: Progress = SILENT,
) -> AllPairs:
    """Count all N (N − 1) / 2 pairs of `embeddings (N, D)` with `identities (N,)`, within `max_memory` bytes.

    `cross` is called by several threads at once. The same items, memory and threads give the same blocks; in others a
    distance may differ in its last bit, as matrix products round. `sample` asks for the distances of some pairs, and
    `hardest` for so many of the nearest impostor pairs.
    Raises TooFewIdentities where a kind of pair is missing, CalibrationError for a distance that is not finite,
    DataError for shapes that do not match, ConfigError where the pairs do not fit into that memory.
    """
    x, who, sizes = numbered(embeddings, identities)
    n, threads = len(x), threads or workers()
    n_genuine = int((sizes * (sizes - 1) // 2).sum())
    if len(sizes) < 2 or not n_genuine:
        raise TooFewIdentities(
            f"{n:,} items of {len(sizes):,} identities: verification needs two identities, and one with two items."
        )
    order = np.argsort(who, kind="stable")
    block = _block(n, n_genuine, x.nbytes, (0 if sample is None else len(sample)) + 2 * hardest, max_memory, threads)
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    nearest = Hardest(hardest)
    items = _Items(x[order], np.cumsum(sizes)[who[order]], place)
    rows, columns = max(1, int((block / _WIDE) ** 0.5)), max(1, int((block * _WIDE) ** 0.5))
    strips = [slice(at, min(at + rows, n)) for at in range(0, n, rows)]

    def genuine(strip: slice) -> list[Block]:
        end = int(items.ends[strip.stop - 1])
        return [
            d[_same(items, strip, some)]
            for some in _columns(strip, end, columns)
            for d in [distances(cross, items.x[strip], items.x[some])]
        ]

    first_of_two = items.ends > np.arange(n) + 1
    beside = [strip for strip in strips if first_of_two[strip].any()]
    kept = np.concatenate([part for parts in in_threads(genuine, beside, threads) for part in parts])
    counts = _Counts(kept, threshold, sample, items, rows)
    del kept

    def impostors(strip: slice) -> int:
        waiting: list[Block] = []
        for some in _columns(strip, n, columns):
            d = distances(cross, items.x[strip], items.x[some])
            counts.pick(d, strip, some)
            nearest.offer(d, strip.start, some.start, items.ends[strip])
            if some.start < items.ends[strip.stop - 1]:
                d = d[np.arange(some.start, some.stop) >= items.ends[strip, None]]
            waiting.append(counts.near(d.ravel()))
            if sum(map(len, waiting)) >= _BLOCKS_SORTED * block:
                counts.add(waiting)
        counts.add(waiting)
        return int((n - items.ends[strip]).sum())

    n_impostor = n * (n - 1) // 2 - n_genuine
    with progress.task("pairs", n_impostor) as task:
        for done in in_threads(impostors, strips, threads):
            task.advance(done)
    near, first, second = nearest.found()
    return counts.found(n_impostor, Pairs(order[first], order[second], np.zeros(len(near), np.bool_)), near)


class _Counts:
    """What the threads add to."""

    def __init__(self, kept: Block, threshold: float | None, sample: Pairs | None, items: _Items, rows: int) -> None:
        self._distance, each = np.unique(kept, return_counts=True)
        self._genuine = np.cumsum(each)
        self._below, self._upto = np.zeros((2, len(each)), np.int64)
        self._threshold = None if threshold is None else _rounded_up(threshold, kept)
        accepted = 0 if self._threshold is None else int(np.count_nonzero(kept < self._threshold))
        self._accepted = [accepted, 0]
        self._lock = Lock()
        ask = (
            (np.empty(0, np.int64),) * 2 if sample is None else (items.place[sample.first], items.place[sample.second])
        )
        first, second = np.minimum(*ask), np.maximum(*ask)
        self._asked = np.lexsort((second, first // rows))  # by strip, then by column
        self._row, self._column = first[self._asked], second[self._asked]
        self._strip, self._rows = self._row // rows, rows
        self._sample = np.empty(len(first))

    def pick(self, d: Block, strip: slice, some: slice) -> None:
        """Note the distances of sampled pairs in this block."""
        own = slice(*np.searchsorted(self._strip, [strip.start // self._rows, strip.start // self._rows + 1]))
        at = slice(*(own.start + np.searchsorted(self._column[own], [some.start, some.stop])))
        found = d[self._row[at] - strip.start, self._column[at] - some.start]
        self._sample[self._asked[at]] = found  # each pair stands in one block: no other thread writes here

    def near(self, d: Block) -> Block:
        """Count the impostors `(P,)` below the threshold; those nearer than some genuine pair are left to count."""
        if self._threshold is not None:
            accepted = int(np.count_nonzero(d < self._threshold))
            with self._lock:
                self._accepted[1] += accepted
        near = d <= self._distance[-1]
        return d if near.all() else d[near]

    def add(self, waiting: list[Block]) -> None:
        """Count impostors below each genuine distance, and empty the list."""
        d = np.concatenate(waiting) if waiting else np.empty(0)
        waiting.clear()
        if not len(d):
            return
        d.sort()
        below = np.searchsorted(d, self._distance, side="left")
        # Ties of an impostor with a genuine pair are few, so only they are looked up a second time.
        tied = np.flatnonzero(d[np.minimum(below, len(d) - 1)] == self._distance)
        equal = np.searchsorted(d, self._distance[tied], side="right") - below[tied]
        with self._lock:
            self._below += below
            self._upto += below
            self._upto[tied] += equal

    def found(self, n_impostor: int, hardest: Pairs, hardest_distance: FloatArray) -> AllPairs:
        """When all is counted."""
        return AllPairs(
            self._distance.astype(np.float64), self._genuine, self._below, self._upto, n_impostor,
            (self._accepted[0], self._accepted[1]), self._sample, hardest, hardest_distance,
        )  # fmt: skip


def _rounded_up(threshold: float, like: Block) -> np.floating:
    """The least number of that kind that is not below: distances of that kind are below both or neither."""
    number = like.dtype.type(threshold)
    return np.nextafter(number, like.dtype.type(np.inf)) if float(number) < threshold else number


def _same(items: _Items, strip: slice, some: slice) -> BoolArray:
    row, column = np.arange(strip.start, strip.stop)[:, None], np.arange(some.start, some.stop)
    return np.asarray((column > row) & (column < items.ends[strip, None]))


def _columns(strip: slice, end: int, columns: int) -> Iterator[slice]:
    for at in range(strip.start // columns * columns, end, columns):
        yield slice(max(at, strip.start), min(at + columns, end))


def _block(n: int, n_genuine: int, vectors: int, n_sampled: int, max_memory: int, threads: int) -> int:
    """How many distances a block may have. Small sets get small blocks, so that memory follows the need."""
    fixed = vectors + (_PER_GENUINE + _PER_GENUINE_AND_THREAD * threads) * n_genuine + _PER_SAMPLED * n_sampled
    each = threads * (PER_DISTANCE + 8 * 2 * (_BLOCKS_SORTED + 1))
    fits = (max_memory - fixed) // each
    if fits < _SMALLEST:
        raise ConfigError(
            f"{n_genuine:,} genuine pairs of {n:,} items need {(fixed + each * _SMALLEST) / 2**20:,.0f} MB, and "
            f"{max_memory / 2**20:,.0f} MB are allowed. Next: raise max_memory, or judge a sample of the pairs."
        )
    return int(min(fits, _LARGEST, max(_SMALLEST, n * n // 128)))
