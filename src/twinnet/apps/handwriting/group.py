"""Strokes that belong together: dots and accents join their letter, neighbours stay apart."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from twinnet.core.types import BoolArray, FloatArray, IntArray

_WIDE = 0.75  # this quantile of all gaps is one between characters, where most characters are of few strokes
_SHARE = 0.6  # of that gap: strokes which are nearer belong together; chosen on composed sheets of five scripts
_RANGE = (0.08, 0.7)  # of a character's size: the parting gap lies between these

_DOUBLE = 1.8  # times the usual size: what is longer, and parts into two of a character's size, is two


def grouped(mask: BoolArray, gap: float | None = None) -> IntArray:
    """Ink `(H, W)` → the number of its character at each pixel `(H, W)`, 1 … n, and 0 on paper.

    Strokes are joined up to a gap that is taken from the gaps of the minimum spanning tree of all strokes: the wide
    ones are between characters, and those inside are clearly narrower. `gap`, as a share of the usual size of strokes,
    sets it instead. Without it, what lies in the middle of another character's box is part of that character.
    """
    labels, n = ndimage.label(mask, np.ones((3, 3)))
    if n <= 1:
        return np.asarray(labels, np.int64)
    usual = _usual_size(labels)
    tree = minimum_spanning_tree(_gaps(labels, n)).tocoo()
    share = gap if gap is not None else float(np.clip(_SHARE * np.quantile(tree.data, _WIDE) / usual, *_RANGE))
    edges, length = np.stack([tree.row, tree.col], 1), tree.data  # (n − 1, 2), (n − 1,)
    near = length < share * usual
    edges, length = edges[near], length[near]
    if gap is not None:
        return np.asarray(np.concatenate([[0], _joined(edges, n) + 1])[labels], np.int64)
    of = _without_doubles(edges, length, _boxes(labels))
    return _with_inner(np.asarray(np.concatenate([[0], of + 1])[labels], np.int64))


def _joined(edges: IntArray, n: int) -> IntArray:
    """The number of each stroke's character, `(n,)`, where `edges (E, 2)` join strokes."""
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _without_doubles(edges: IntArray, length: FloatArray, boxes: FloatArray) -> IntArray:
    """The number of each stroke's character `(n,)`, where one as long as two is parted at its widest gap.

    That happens where a line stands close below another; both parts must be of a character's size.
    """
    n, kept, at_first = len(boxes), np.ones(len(edges), bool), _joined(edges, len(boxes))
    usual = float(np.median([_side(boxes[at_first == k]) for k in range(at_first.max() + 1)]))
    for e in np.argsort(-length):
        of = _joined(edges[kept], n)
        whole = of == of[edges[e, 0]]
        if _side(boxes[whole]) <= _DOUBLE * usual:
            continue
        kept[e] = False
        parts = _joined(edges[kept], n)
        sides = [_side(boxes[parts == parts[end]]) for end in edges[e]]
        kept[e] = min(sides) < 0.5 * usual
    return _joined(edges[kept], n)


def _side(boxes: FloatArray) -> float:
    """The longer side of the box around boxes."""
    return float((boxes[:, 2:].max(0) - boxes[:, :2].min(0)).max())


def _boxes(labels: IntArray) -> FloatArray:
    """Top, left, bottom, right of each label, `(n, 4)`."""
    return np.array([[r.start, c.start, r.stop, c.stop] for r, c in ndimage.find_objects(labels)], np.float64)


def _with_inner(labels: IntArray) -> IntArray:
    """The same with every character whose box has its centre in a larger one's box joined to that one."""
    box = _boxes(labels)
    centre, area = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]).prod(1)
    inside = ((centre[:, None] > box[None, :, :2]) & (centre[:, None] < box[None, :, 2:])).all(2)  # (n, n)
    inside &= area[:, None] < area[None]
    of = _joined(np.argwhere(inside), len(box)) + 1
    return np.asarray(np.concatenate([[0], of])[labels], np.int64)


def _usual_size(labels: IntArray) -> float:
    """The longer side of most strokes, dots and accents apart."""
    boxes = _boxes(labels)
    sides = (boxes[:, 2:] - boxes[:, :2]).max(1)
    return float(np.median(sides[sides >= 0.5 * np.quantile(sides, 0.9)]))


def _gaps(labels: IntArray, n: int) -> coo_array:
    """The gap between strokes that are neighbours, in pixels, as a sparse `(n, n)` matrix.

    Every pixel of paper is given to its nearest stroke. Where two of these regions meet, the two ways to the strokes
    together are the gap. The least of all such paths is among them, so the spanning tree misses nothing.
    """
    depth, (rows, columns) = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    nearest = labels[rows, columns] - 1  # (H, W)
    parts = []
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        meet = nearest[a] != nearest[b]
        parts.append(np.stack([nearest[a][meet], nearest[b][meet], (depth[a] + depth[b])[meet]]))
    first, second, gap = np.concatenate(parts, 1)
    i, j = np.minimum(first, second).astype(np.int64), np.maximum(first, second).astype(np.int64)
    key = i * n + j
    order = np.lexsort((gap, key))
    least = order[np.r_[True, np.diff(key[order]) > 0]]
    return coo_array((np.maximum(gap[least], 1.0), (i[least], j[least])), shape=(n, n))
