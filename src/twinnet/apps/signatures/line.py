"""The middle of the line alone: every signature drawn again with the same pen, as outlines.

Darkness, grain and breadth of the ink are the pen's. What is left when each stroke is thinned to its middle and drawn
with one breadth is the movement of the hand.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from contourpy import contour_generator
from scipy import ndimage

from twinnet.core.types import FloatArray

Mask = npt.NDArray[np.bool_]  # (H, W)
Outline = FloatArray  # (K, 2): x and y in pixels, one step of one pixel after another, closed

INK = 16
"""Pixels of a levelled picture brighter than this are ink."""
HALF_BREADTH_PX = 2.0
"""Of the pen that draws every line again."""

_SMOOTH_PX = 1.5  # the edge of ink on paper is ragged; its middle is not
_ROUNDED_PX = 1.0
_ROOM_PX = 6


def outlines(picture: npt.NDArray[np.uint8]) -> list[Outline]:
    """Bright ink on 0, `(H, W)` → the closed outlines of its line, each drawn with the same breadth."""
    drawn = one_breadth(picture)
    lines = (np.asarray(line, np.float64) for line in contour_generator(z=drawn).lines(0.5))
    return [_stepped(line) for line in lines if len(line) > 1]


def one_breadth(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The line drawn again by a pen of one breadth, in [0, 1]; a little larger than the picture. Without ink 0."""
    middle = thinned(_solid(picture))
    if not middle.any():
        return np.zeros(middle.shape, np.float32)
    away = ndimage.distance_transform_edt(~middle)
    sharp = np.clip(HALF_BREADTH_PX + 0.5 - away, 0, 1).astype(np.float32)
    return np.asarray(ndimage.gaussian_filter(sharp, _ROUNDED_PX), np.float32)


def breadth(picture: npt.NDArray[np.uint8]) -> float:
    """How broad the strokes are in the mean, in pixels: what `outlines` takes away. 0 without ink."""
    solid = _solid(picture)
    return float(solid.sum() / max(int(thinned(solid).sum()), 1))


def thinned(ink: Mask) -> Mask:
    """Ink one pixel broad, in the middle of what was given: the thinning of Zhang & Suen (1984)."""
    out = np.pad(ink, 1).astype(np.uint8)
    inner = out[1:-1, 1:-1]
    # Neighbours clockwise from north.
    around = [
        out[:-2, 1:-1], out[:-2, 2:], out[1:-1, 2:], out[2:, 2:], out[2:, 1:-1], out[2:, :-2], out[1:-1, :-2],
        out[:-2, :-2],
    ]  # fmt: skip
    changed = True
    while changed:
        changed = False
        for one, other in (((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6))):
            n = sum(side.astype(np.int8) for side in around)
            turns = sum((a < b).astype(np.int8) for a, b in zip(around, around[1:] + around[:1], strict=True))
            free = [(around[i] & around[j] & around[k]) == 0 for i, j, k in (one, other)]
            taken = (inner == 1) & (n >= 2) & (n <= 6) & (turns == 1) & free[0] & free[1]
            if taken.any():
                inner[taken] = 0
                changed = True
    return inner.astype(bool)


def _solid(picture: npt.NDArray[np.uint8]) -> Mask:
    soft = ndimage.gaussian_filter(np.pad(picture > INK, _ROOM_PX).astype(np.float32), _SMOOTH_PX)
    return np.asarray(soft > 0.5, bool)


def _stepped(line: FloatArray) -> Outline:
    """The same closed line in steps of about one pixel."""
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    places = np.linspace(0, at[-1], max(int(at[-1]), 1), endpoint=False)
    return np.stack([np.interp(places, at, line[:, 0]), np.interp(places, at, line[:, 1])], axis=1)
