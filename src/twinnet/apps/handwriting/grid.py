"""A sheet with one character in each cell, ruled or only regular: which cell is a stroke in?"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from twinnet.core.types import BoolArray, FloatArray, IntArray

_RULE = 0.9  # of a cell: a straight stroke as long as this is a ruled line, not writing
_ROUNDS = 10  # of fitting the raster to the strokes; it settles in a few


def in_cells(mask: BoolArray, rows: int, columns: int, pen_px: float) -> IntArray:
    """Ink `(H, W)` → cell number `row · columns + column + 1` at each pixel of writing `(H, W)`, 0 elsewhere.

    Ruled lines are taken away and say where the cells are. Without any, the evenly spaced rows and columns that fit the
    strokes' centres best do.
    """
    high, wide = (np.ptp(axis) + 1 for axis in np.nonzero(mask))
    level = _rules(mask, round(_RULE * wide / columns), rows)
    upright = _rules(mask.T, round(_RULE * high / rows), columns).T
    rules = level | upright
    # Ruled lines are often as thick as the pen, and their edge is softer than their middle.
    writing = mask & ~ndimage.binary_dilation(rules, iterations=max(1, round(pen_px / 3)))
    labels, n = ndimage.label(writing, np.ones((3, 3)))
    area = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    whole = area >= max(3.0, pen_px**2 / 2)
    if not whole.any():
        return np.zeros(mask.shape, np.int64)
    centres = np.array(ndimage.center_of_mass(writing, labels, np.arange(1, n + 1)))  # (n, 2): y, x
    ruled_y, ruled_x = np.flatnonzero(level.any(1)), np.flatnonzero(upright.any(0))
    weight = np.asarray(area * whole, np.float64)
    row, column = _places(centres[:, 0], weight, rows, ruled_y), _places(centres[:, 1], weight, columns, ruled_x)
    cell = np.where(whole, row * columns + column + 1, 0)
    return np.asarray(np.concatenate([[0], cell])[labels], np.int64)


def _rules(mask: BoolArray, length: int, n: int) -> BoolArray:
    """Runs of ink along the rows of at least `length` pixels; a pixel up or down is allowed for a line's tilt.

    Lines that part `n` cells are n + 1; with fewer than n (two, for one cell) what was found is writing.
    """
    thick = ndimage.binary_dilation(mask, np.ones((3, 1)))
    found = ndimage.binary_opening(thick, np.ones((1, max(3, length)))) & mask
    lines = ndimage.label(found.any(1))[1]
    return np.asarray(found if lines >= max(2, n) else np.zeros_like(mask))


def _places(at: FloatArray, weight: FloatArray, n: int, ruled: IntArray) -> IntArray:
    """Which of `n` equal intervals each position `(m,)` is in."""
    if len(ruled) and np.ptp(ruled) > 0.8 * np.ptp(at):
        start, pitch = float(ruled.min()), float(np.ptp(ruled)) / n
    else:
        start, pitch = _fitted(at, weight, n)
    return np.clip(np.floor((at - start) / pitch), 0, n - 1).astype(np.int64)


def _fitted(at: FloatArray, weight: FloatArray, n: int) -> tuple[float, float]:
    """Start and pitch of `n` equal intervals whose middles are nearest to the weighted positions."""
    used = weight > 0
    low, high = at[used].min(), at[used].max()
    if n == 1:
        return float(low - 1), float(high - low + 2)
    pitch = float(high - low) / (n - 1)
    start = float(low) - pitch / 2
    for _ in range(_ROUNDS):
        place = np.clip(np.floor((at - start) / pitch), 0, n - 1)
        mean, middle = np.average(place, weights=weight), np.average(at, weights=weight)
        spread = np.average((place - mean) ** 2, weights=weight)
        if spread == 0:
            break
        pitch = float(np.average((place - mean) * (at - middle), weights=weight) / spread)
        start = float(middle - (mean + 0.5) * pitch)
    return start, pitch
