"""Where each query's matches stand among all that it could have found, in blocks and without sorting everybody.

Only the nearest few non-matches count, so a block of distances is compared once with the farthest that still matters;
what is nearer, less and less as the blocks go by, is merged into the nearest so far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from twinnet.core.errors import ConfigError
from twinnet.core.types import BoolArray, IntArray
from twinnet.evaluation.blocks import Block, distances
from twinnet.evaluation.crosses import Cross, Vectors

_SMALLEST, _LARGEST = 1 << 14, 1 << 20  # distances of one block
_MOST_ROWS = 512  # queries of one block
_PER_DISTANCE, _PER_KEPT = 64, 16  # bytes of one distance of a block, and of a kept one, while they are merged


@dataclass(frozen=True, slots=True)
class Items:
    """Vectors `(N, D)` in order of identity, with identity and group of each `(N,)`, and its number of matches `(N,)`.

    `start`, `end (N,)` are where its identity begins and ends. `grouped`: a match must be of another group.
    """

    x: Vectors
    who: IntArray
    group: IntArray
    matches: IntArray
    start: IntArray
    end: IntArray
    grouped: bool


def ranks(items: Items, cross: Cross, rows: IntArray, deepest: int, columns: int) -> list[IntArray]:
    """The rank, from 1, of every match of each of these places `(R,)`, ascending; beyond `max(deepest, R)` too great.

    A match stands behind all non-matches at the same distance, so that ties never flatter.
    """
    depth = max(deepest, int(items.matches[rows].max()))
    own = _matches(items, cross, rows, columns)
    # Beyond its farthest match nothing matters to a query.
    bound = np.nextafter(np.where(np.isfinite(own), own, -np.inf).max(1), np.inf)
    kept = np.full((len(rows), 0), np.inf, own.dtype)
    for some in _columns(0, len(items.x), columns):
        d = distances(cross, items.x[rows], items.x[some])
        same = _same(items, rows, some)
        if same is not None:
            d = np.where(same, np.asarray(np.inf, d.dtype), d)
        place = np.flatnonzero(d < bound[:, None])
        if not len(place):
            continue
        kept = np.concatenate([kept, packed(d.ravel()[place], place // d.shape[1], len(rows))], axis=1)
        if kept.shape[1] > depth:
            kept = np.partition(kept, depth - 1, axis=1)[:, :depth]
            bound = np.minimum(bound, kept.max(1))  # a non-match as far as the last of them changes no count
    kept.sort(axis=1)
    own.sort(axis=1)
    found = []
    for near, mine, r in zip(kept, own, items.matches[rows], strict=True):
        found.append(np.searchsorted(near, mine[:r], side="right") + np.arange(1, r + 1))
    return found


def packed(values: Block, row: IntArray, rows: int) -> Block:
    """Values `(P,)`, those of row 0 first and so on, side by side in `(rows, most)`; ∞ where a row has fewer."""
    each = np.bincount(row, minlength=rows)
    side = np.full((rows, int(each.max(initial=0))), np.inf, values.dtype)
    side[row, np.arange(len(row)) - np.repeat(np.cumsum(each) - each, each)] = values
    return side


def strips(items: Items, queries: IntArray, deepest: int, max_memory: int, threads: int) -> tuple[list[IntArray], int]:
    """Places of `queries`, in parts that fit into memory, and how many columns go with each part."""
    depth = np.maximum(deepest, items.matches[queries])
    fixed = items.x.nbytes + 120 * len(items.x)
    fits = (max_memory - fixed) // (threads * _PER_DISTANCE)
    # A query's own kept distances, before and after merging with those of a block, are at most this many.
    needs = 4 * int(depth.max()) * _PER_KEPT // _PER_DISTANCE
    if fits < max(_SMALLEST, needs):
        needed = (fixed + threads * _PER_DISTANCE * max(_SMALLEST, needs)) / 2**20
        raise ConfigError(
            f"{len(items.x):,} items, with up to {int(items.matches.max()):,} matches each, need {needed:,.0f} MB, and "
            f"{max_memory / 2**20:,.0f} MB are allowed. Next: raise max_memory."
        )
    n = len(items.x)
    block = int(min(fits, _LARGEST, max(_SMALLEST, n * n // 128)))
    columns = max(1, min(n, int((block * 8) ** 0.5)))
    most = max(1, min(_MOST_ROWS, block // columns))
    parts, at = [], 0
    while at < len(queries):
        deep = int(depth[at : at + most].max())
        rows = max(1, min(most, fits * _PER_DISTANCE // (4 * deep * _PER_KEPT)))
        parts.append(queries[at : at + rows])
        at += rows
    return parts, columns


def _matches(items: Items, cross: Cross, rows: IntArray, columns: int) -> Block:
    """Distances of the matches of each row `(R, most)`, in no order; ∞ where it has fewer."""
    values, row = [], []
    for some in _columns(int(items.start[rows].min()), int(items.end[rows].max()), columns):
        d = distances(cross, items.x[rows], items.x[some])
        match = (items.who[rows, None] == items.who[some]) & (items.group[rows, None] != items.group[some])
        place = np.flatnonzero(match)
        values.append(d.ravel()[place])
        row.append(place // d.shape[1])
    of = np.concatenate(row)
    order = np.argsort(of, kind="stable")
    return packed(np.concatenate(values)[order], of[order], len(rows))


def _same(items: Items, rows: IntArray, some: slice) -> BoolArray | None:
    """What no non-match is: the same identity, or the same group where groups are asked for. None where nothing is."""
    beside = some.start < items.end[rows].max() and items.start[rows].min() < some.stop
    if not beside and not items.grouped:
        return None
    same = items.group[rows, None] == items.group[some] if items.grouped else np.zeros((1, 1), np.bool_)
    return np.asarray(same | (items.who[rows, None] == items.who[some]))


def _columns(start: int, end: int, columns: int) -> Iterator[slice]:
    for at in range(start, end, columns):
        yield slice(at, min(at + columns, end))
