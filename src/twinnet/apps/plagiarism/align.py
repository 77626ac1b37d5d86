"""Passages that two documents share: seed, extend, merge.

Seeds are marks that both have. Seeds that lie near each other in *both* documents belong to one passage; how near is
the `gap`. A passage counts where enough of its words, on both sides, are under seeds. This is the plan of the best
systems of the PAN text-alignment task (Potthast et al. 2014), with unordered pairs of words in place of sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from twinnet.apps.plagiarism.marks import Marks
from twinnet.core.types import BoolArray, IntArray

_MOST_JOINED = 1000  # so many passages are joined at most: the table of their gaps grows with the square
_MOST_PLACES = 8  # a mark that stands more often than this in a document tells nothing about where


@dataclass(frozen=True, slots=True)
class Alignment:
    """How seeds become passages; lengths in words."""

    gap: int = 8
    shortest: int = 12
    density: float = 0.45  # share of a passage's words that lie under seeds
    reach: int = 60  # passages no farther apart on both sides are joined, in any order, if that is as dense


class Passage(NamedTuple):
    """Words `first … last` of one document, both included, stand for words `first … last` of the other."""

    a: tuple[int, int]
    b: tuple[int, int]
    density: float


def aligned(a: Marks, b: Marks, how: Alignment) -> list[Passage]:
    """The passages that two documents share, longest first; they overlap on one side where text was used twice."""
    x, y = _seeds(a, b)
    if not len(x):
        return []
    group = _grouped(a, b, x, y, how.gap)
    found = []
    for members in _members(group):
        passage = _passage(a, b, x[members], y[members], how)
        if passage is not None:
            found.append(passage)
    return _longest_first(_merged(found))


def joined(passages: list[Passage], how: Alignment) -> list[Passage]:
    """Neighbours become one where together they are dense on both sides: one stretch of a source, in another order."""
    reach = how.reach
    while len(passages) > 1 and reach > how.gap:
        passages = _joined(passages, reach, how.density)
        reach //= 2
    return _longest_first(passages)


def _longest_first(passages: list[Passage]) -> list[Passage]:
    return sorted(passages, key=lambda p: (p.a[0] - p.a[1], p.a))


def covered(passages: list[Passage], side: int, n_words: int) -> BoolArray:
    """Which of a document's words `(W,)` lie in a shared passage; side 0 is a, 1 is b."""
    under = np.zeros(n_words, np.bool_)
    for passage in passages:
        first, last = passage[side]  # type: ignore[misc]
        under[first : last + 1] = True
    return under


def _seeds(a: Marks, b: Marks) -> tuple[IntArray, IntArray]:
    """Positions in the two lists of marks where the keys are equal, without the keys that stand everywhere."""
    low, high = np.searchsorted(b.keys, a.keys, "left"), np.searchsorted(b.keys, a.keys, "right")
    own = np.searchsorted(a.keys, a.keys, "right") - np.searchsorted(a.keys, a.keys, "left")
    count = np.where((high - low <= _MOST_PLACES) & (own <= _MOST_PLACES), high - low, 0)
    x = np.repeat(np.arange(len(a.keys)), count)
    inside = np.arange(len(x)) - np.repeat(np.cumsum(count) - count, count)
    return x, np.repeat(low, count) + inside


def _grouped(a: Marks, b: Marks, x: IntArray, y: IntArray, gap: int) -> IntArray:
    """Which passage each seed belongs to: seeds are linked where they are at most `gap` words apart on both sides."""
    from scipy.spatial import cKDTree

    # The middle of a seed stands for it. Seeds are put into cells of two words first: a long document beside itself
    # has many seeds to a word, and links grow with their square.
    cells = np.stack([a.first[x] + a.last[x], b.first[y] + b.last[y]], 1) // 4
    cells, cell_of = np.unique(cells, axis=0, return_inverse=True)
    links = cKDTree(cells).query_pairs(gap / 2, p=np.inf, output_type="ndarray")
    graph = coo_matrix((np.ones(len(links), np.bool_), (links[:, 0], links[:, 1])), (len(cells), len(cells)))
    group = connected_components(graph, directed=False)[1]
    return np.asarray(group[cell_of.ravel()], np.int64)


def _members(group: IntArray) -> list[IntArray]:
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _passage(a: Marks, b: Marks, x: IntArray, y: IntArray, how: Alignment) -> Passage | None:
    left, right = _side(a, x), _side(b, y)
    if min(left[1] - left[0], right[1] - right[0]) + 1 < how.shortest:
        return None
    density = min(left[2], right[2])
    return Passage(left[:2], right[:2], density) if density >= how.density else None


def _side(marks: Marks, seeds: IntArray) -> tuple[int, int, float]:
    first, last = marks.first[seeds], marks.last[seeds]
    start, end = int(first.min()), int(last.max())
    edges = np.zeros(end - start + 2, np.int64)
    np.add.at(edges, first - start, 1)
    np.add.at(edges, last - start + 1, -1)
    return start, end, float((np.cumsum(edges)[:-1] > 0).mean())


def _merged(passages: list[Passage]) -> list[Passage]:
    """Passages that overlap on both sides are one."""
    kept: list[Passage] = []
    for passage in sorted(passages, key=lambda p: p.a):
        for i, other in enumerate(kept):
            if _overlap(passage.a, other.a) and _overlap(passage.b, other.b):
                kept[i] = Passage(
                    _around([passage.a, other.a]), _around([passage.b, other.b]), min(passage.density, other.density)
                )
                break
        else:
            kept.append(passage)
    return kept


def _joined(passages: list[Passage], reach: int, density: float) -> list[Passage]:
    if len(passages) > _MOST_JOINED:
        return passages
    spans = np.array([[p.a, p.b] for p in passages])
    first, last = spans[:, :, 0], spans[:, :, 1]
    gap = (np.maximum(first[:, None], first[None]) - np.minimum(last[:, None], last[None])).max(axis=2)
    part = connected_components(coo_matrix(gap <= reach), directed=False)[1]
    found: list[Passage] = []
    for members in _members(part):
        some = [passages[i] for i in members]
        whole = Passage(_around([p.a for p in some]), _around([p.b for p in some]), _density(some))
        found += [whole] if whole.density >= density else some
    return found


def _around(spans: list[tuple[int, int]]) -> tuple[int, int]:
    return min(span[0] for span in spans), max(span[1] for span in spans)


def _density(passages: list[Passage]) -> float:
    """Of what lies around passages, the share that lies under their seeds, on the sparser side."""
    shares = []
    for side in (0, 1):
        start, end = _around([p[side] for p in passages])  # type: ignore[misc]
        under = np.zeros(end - start + 1)
        for p in passages:
            first, last = p[side]  # type: ignore[misc]
            part = under[first - start : last - start + 1]
            np.maximum(part, p.density, out=part)
        shares.append(float(under.mean()))
    return min(shares)


def _overlap(one: tuple[int, int], two: tuple[int, int]) -> bool:
    return one[0] <= two[1] and two[0] <= one[1]
