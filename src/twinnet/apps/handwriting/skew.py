"""How far a sheet is turned: lines of writing are most distinct along their own direction."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image as Pillow

from twinnet.core.seeds import stream
from twinnet.core.types import BoolArray, FloatArray, Image

_MOST_DEG = 8.0
_POINTS = 20_000  # ink pixels looked at
_GAIN = 1.03  # a turn must make the lines this much more distinct, or the sheet stays as it is


def skew_deg(mask: BoolArray) -> float:
    """The angle by which the lines fall towards the right, in degrees within ±8; 0 where no angle stands out.

    The sum of squares of the ink in each row is largest where rows of paper and rows of writing part (Postl 1986).
    """
    y, x = np.nonzero(mask)
    if len(y) > _POINTS:
        some = stream(0, "skew").choice(len(y), _POINTS, replace=False)
        y, x = y[some], x[some]
    points = np.stack([y, x]).astype(np.float64)
    bin_px = max(2.0, max(mask.shape) / 400)
    coarse = np.arange(-_MOST_DEG, _MOST_DEG + 0.1, 0.5)
    best = coarse[int(np.argmax([_distinct(points, angle, bin_px) for angle in coarse]))]
    fine = np.arange(best - 0.5, best + 0.51, 0.1)
    found = [_distinct(points, angle, bin_px) for angle in fine]
    angle = float(fine[int(np.argmax(found))])
    return angle if max(found) > _GAIN * _distinct(points, 0.0, bin_px) else 0.0


def _distinct(points: FloatArray, angle_deg: float, bin_px: float) -> float:
    t = math.radians(angle_deg)
    height = points[0] * math.cos(t) - points[1] * math.sin(t)
    counts = np.bincount(((height - height.min()) / bin_px).astype(np.int64))
    smooth = np.convolve(counts, [0.25, 0.5, 0.25])
    return float((smooth.astype(np.float64) ** 2).sum())


def turned(image: Image, angle_deg: float) -> Image:
    """The picture `(H, W, 1)` turned about its centre so that lines which fall by the angle run level; same size.

    Corners that come from outside repeat the picture's border colour.
    """
    if not angle_deg:
        return image
    border = int(np.median(np.concatenate([image[0, :, 0], image[-1, :, 0], image[:, 0, 0], image[:, -1, 0]])))
    picture = Pillow.fromarray(np.ascontiguousarray(image[:, :, 0]))
    # Pillow turns against the clock by a positive angle, which lifts what fell towards the right.
    level = picture.rotate(angle_deg, Pillow.Resampling.BICUBIC, fillcolor=border)
    return np.asarray(level)[:, :, None]


def back(points: FloatArray, angle_deg: float, shape: tuple[int, int]) -> FloatArray:
    """Points `(N, 2)` as x, y on the level picture → where they lie on the picture as it was."""
    t = math.radians(angle_deg)
    centre = np.array([shape[1] / 2, shape[0] / 2])
    matrix = np.array([[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]])
    return np.asarray((points - centre) @ matrix.T + centre)
