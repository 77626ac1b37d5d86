"""In which order a sheet is read: lines from the top, and along each line in the direction of the script."""

from __future__ import annotations

from typing import Literal

import numpy as np

from twinnet.core.types import FloatArray, IntArray

Direction = Literal["ltr", "rtl"]
_THIN = 0.45  # of the usual height: a line thinner than this is an accent or a comma of its neighbour


def lines_of(boxes: FloatArray) -> IntArray:
    """The line of each box `(n, 4)` (left, top, right, bottom), from 0 at the top.

    The middle halves of the boxes of one line overlap in a chain; those of two lines do not.
    """
    top, bottom = boxes[:, 1], boxes[:, 3]
    usual = float(np.median(bottom - top))
    quarter = (bottom - top) / 4
    begin, end = top + quarter, bottom - quarter
    line, reach, number = np.empty(len(boxes), np.int64), -np.inf, -1
    for i in np.argsort(begin, kind="stable"):
        if begin[i] > reach:
            number, reach = number + 1, end[i]
        line[i], reach = number, max(reach, end[i])
    line = _without_thin(line, top, bottom, usual)
    return np.unique(line, return_inverse=True)[1].astype(np.int64)


def _without_thin(line: IntArray, top: FloatArray, bottom: FloatArray, usual: float) -> IntArray:
    middle = (top + bottom) / 2
    tall = {k for k in np.unique(line) if np.ptp(np.r_[top[line == k], bottom[line == k]]) >= _THIN * usual}
    centre = {k: float(middle[line == k].mean()) for k in tall}
    out = line.copy()
    for k in set(np.unique(line).tolist()) - tall if tall else ():
        for i in np.flatnonzero(line == k):
            out[i] = min(centre, key=lambda other: abs(centre[other] - middle[i]))
    return out


def reading_order(boxes: FloatArray, line: IntArray, direction: Direction) -> IntArray:
    """Indices `(n,)` of the boxes in reading order."""
    along = boxes[:, 0] + boxes[:, 2]
    return np.asarray(np.lexsort((-along if direction == "rtl" else along, line)), np.int64)
