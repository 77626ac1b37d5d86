"""Boxes that people type, checked before anything is followed."""

from __future__ import annotations

import math

from twinnet.core.errors import DataError
from twinnet.core.types import FloatArray

LEAST_PX = 4.0
"""A side shorter than this shows too little to be told from anything else."""


def parse_box(text: str) -> FloatArray:
    """`x,y,width,height` in pixels → `(4,)`. Raises DataError."""
    import numpy as np

    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 4 or not all(math.isfinite(value) for value in values):
        raise DataError(f"--box {text}: a box is four numbers x,y,width,height in pixels, such as 120,80,40,60.")
    return np.array(values)


def check_box(box: FloatArray, width: int, height: int) -> FloatArray:
    """The part of the box that lies in the frame. Raises DataError for one without area, or with too little inside."""
    x, y, w, h = (float(value) for value in box)
    said = f"box {x:g},{y:g},{w:g},{h:g}"
    if w <= 0 or h <= 0:
        raise DataError(f"{said}: it has no area. Next: give x,y,width,height with width and height above 0.")
    left, top, right, below = max(0.0, x), max(0.0, y), min(float(width), x + w), min(float(height), y + h)
    if right <= left or below <= top:
        raise DataError(f"{said}: it lies outside the frame of {width} × {height} pixels. Next: check x and y.")
    if (right - left) * (below - top) < 0.5 * w * h:
        raise DataError(f"{said}: more than half of it lies outside the frame of {width} × {height} pixels.")
    if min(right - left, below - top) < LEAST_PX:
        raise DataError(
            f"{said}: at least {LEAST_PX:g} × {LEAST_PX:g} pixels are needed to tell it from anything else."
        )
    import numpy as np

    return np.array([left, top, right - left, below - top])
