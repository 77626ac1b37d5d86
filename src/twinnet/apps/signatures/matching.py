"""Stroke against stroke: how much of one picture finds its like in the other, if every place may move a little.

The image distortion model of Keysers et al. 2007 ("Deformation models for image recognition"), on maps of stroke
direction. It learns nothing, so it cannot know writers by heart, which a network taught by few of them does.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, uniform_filter

from twinnet.core.types import FloatArray, IntArray

Maps = npt.NDArray[np.float32]

DIRECTIONS = 8
REACH = 3
"""How far a place may move, in cells of the map, along each axis."""
MEASURES = ("unlike", "unlike_ink")
"""What is left unlike, on average over the picture, and where there is ink."""

_HALF = 2  # the map has a cell for 2 × 2 pixels
_AT_ONCE = 16  # pairs whose maps stay in the processor's cache


def maps(images: npt.NDArray[np.uint8]) -> Maps:
    """Preprocessed `(B, H, W, 1)` uint8, bright ink on 0, → `(B, H/2, W/2, 8)`: how much edge of each direction.

    Each picture's energy is the same, so neither darkness nor the amount of ink counts.
    """
    b, height, width, _ = images.shape
    height, width = height // _HALF * _HALF, width // _HALF * _HALF
    small = images[:, :height, :width, 0].reshape(b, height // _HALF, _HALF, width // _HALF, _HALF)
    x = gaussian_filter(small.mean(axis=(2, 4), dtype=np.float32) / 255, (0, 0.7, 0.7))
    dy, dx = np.gradient(x, axis=(1, 2))
    turn = np.mod(np.arctan2(dy, dx) / (2 * np.pi), 1) * DIRECTIONS
    # Shared linearly between the two nearest directions, so that a small turn makes a small difference.
    apart = np.abs(turn[..., None] - np.arange(DIRECTIONS))
    share = np.maximum(0, 1 - np.minimum(apart, DIRECTIONS - apart))
    found = share * np.hypot(dx, dy)[..., None]
    energy = np.sqrt((found**2).sum(axis=(1, 2, 3), keepdims=True) / (x.shape[1] * x.shape[2]))
    return np.asarray(found / np.maximum(energy, 1e-6), np.float32)


def match(maps: Maps, first: IntArray, second: IntArray) -> FloatArray:
    """`MEASURES` of pairs of rows of `maps`, `(P,), (P,)` → `(P, 2)`; the order of two pictures does not matter."""
    out = np.empty((len(first), len(MEASURES)))
    for start in range(0, len(first), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        out[rows] = _match(maps[first[rows]], maps[second[rows]])
    return out


def _match(a: Maps, b: Maps) -> FloatArray:
    ink_a, ink_b = (np.einsum("phwc,phwc->phw", x, x) for x in (a, b))
    least = [np.full(ink.shape, np.inf, np.float32) for ink in (ink_a, ink_b)]
    h, w = a.shape[1:3]
    for y, x in product(range(-REACH, REACH + 1), repeat=2):
        here = np.s_[:, max(0, -y) : h - max(0, y), max(0, -x) : w - max(0, x)]
        there = np.s_[:, max(0, y) : h - max(0, -y), max(0, x) : w - max(0, -x)]
        unlike = ink_a[here] + ink_b[there] - 2 * np.einsum("phwc,phwc->phw", a[here], b[there])
        unlike = uniform_filter(unlike, (0, 3, 3), mode="nearest")  # a place is compared with its surroundings
        for best, place in zip(least, (here, there), strict=True):
            np.minimum(best[place], unlike, out=best[place])
    both = [
        np.stack([best.mean((1, 2)), _weighted(best, ink)], axis=1)
        for best, ink in zip(least, (ink_a, ink_b), strict=True)
    ]
    return np.asarray((both[0] + both[1]) / 2, np.float64)


def _weighted(values: Maps, ink: Maps) -> Maps:
    total: Maps = (values * ink).sum((1, 2)) / np.maximum(ink.sum((1, 2)), 1e-6)
    return total
