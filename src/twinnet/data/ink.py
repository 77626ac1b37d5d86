"""Ink on paper: the paper taken away, the strokes kept, and the darkness of the pen no longer what decides.

Pictures in are `(H, W, 1)` uint8, dark ink on bright paper; what comes out is bright ink on 0, cut to its box.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from scipy import ndimage

from twinnet.core.types import Image

Ink = Literal["as_is", "clean", "level", "flat"]
"""What becomes of a picture of ink: nothing; the paper removed; also every pen as dark as every other; a bare mask."""

LEVEL = 160.0
"""The ink level of every `level` picture: the mean value of its pixels, each weighing as much as it is bright."""
MARGIN = 1 / 32
"""Room left around the ink, as a fraction of the longer side of its box."""

_BLOCKS = 8  # the paper's brightness is measured in so many blocks along the longer side
_PAPER = 90  # percentile of a block that is paper: strokes cover less than nine tenths of one
_NOISE = 4.0  # ink is darker than the paper's own scatter by so many (robust) standard deviations
_FAINTEST = 0.04  # and by this share of the paper's brightness, which JPEG and dust do not reach
_SPECK = 0.002  # a patch with less than this share of all ink is dirt, not a stroke

Darkness = npt.NDArray[np.float32]


def lift(image: Image) -> Darkness:
    """The ink `(h, w)` in [0, 1], 0 on paper and 1 where no light comes back, cut to its box. Blank: `(1, 1)` of 0.

    The paper's brightness is measured locally, so shadows and yellowed sheets are removed; its texture is removed by a
    threshold after Otsu (1979), with hysteresis, so that faint ends of strokes stay where they touch darker ink.
    """
    grey = image[:, :, 0].astype(np.float32)
    darkness: Darkness = np.clip(1 - grey / np.maximum(_paper(grey), 1), 0, 1).astype(np.float32)
    ink = np.where(_strokes(darkness), darkness, 0).astype(np.float32)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return np.zeros((1, 1), np.float32)
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.pad(box, max(1, round(MARGIN * max(box.shape))))


def levelled(ink: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Bright ink `(…)` uint8 scaled so that its level, Σx²/Σx, is `LEVEL`: half as dark a pen gives the same picture.

    Differences of pressure within one picture stay. Values end at 255, and a level is found again after that cut.
    """
    values = ink.astype(np.float64)
    if not values.any():
        return ink
    scaled = values
    for _ in range(4):  # the cut at 255 takes a little of the level away
        scaled = np.minimum(scaled * (LEVEL / ((scaled**2).sum() / scaled.sum())), 255)
    return np.rint(scaled).astype(np.uint8)


def strokes(image: Image, how: Ink) -> Image:
    """`(H, W, 1)` uint8 → bright ink on 0, cut to its box, `(h, w, 1)` uint8; `how` as in `Ink`, but not as_is."""
    ink = lift(image)
    if how == "flat":
        ink = (ink > 0).astype(np.float32)
    out = np.rint(255 * ink).astype(np.uint8)
    return (levelled(out) if how == "level" else out)[:, :, None]


def _paper(grey: Darkness) -> Darkness:
    """The brightness of the paper at every pixel `(H, W)`, from blocks, smoothed."""
    side = max(8, -(-max(grey.shape) // _BLOCKS))
    rows, columns = (max(1, round(n / side)) for n in grey.shape)
    blocks = [
        [np.percentile(part, _PAPER) for part in np.array_split(band, columns, axis=1)]
        for band in np.array_split(grey, rows, axis=0)
    ]
    measured = np.array(blocks, np.float32)
    # A block full of ink is no paper: its neighbours know better.
    measured = np.maximum(measured, ndimage.median_filter(measured, 3, mode="nearest"))
    size = (grey.shape[1], grey.shape[0])
    return np.asarray(Pillow.fromarray(measured).resize(size, Pillow.Resampling.BILINEAR), np.float32)


def _strokes(darkness: Darkness) -> npt.NDArray[np.bool_]:
    """Which pixels are ink."""
    scatter = 1.4826 * float(np.median(np.abs(darkness - np.median(darkness))))
    floor = max(_FAINTEST, float(np.median(darkness)) + _NOISE * scatter)
    sure = max(floor, otsu(darkness))
    possible = darkness > max(floor, sure / 2)
    patches, n = ndimage.label(possible, np.ones((3, 3)))
    if not n:
        return possible
    numbers = np.arange(1, n + 1)
    mass = ndimage.sum_labels(darkness, patches, numbers)
    darkest = ndimage.maximum(darkness, patches, numbers)
    kept = (np.asarray(darkest) > sure) & (np.asarray(mass) >= _SPECK * mass.sum())
    return np.asarray(np.append(False, kept)[patches], bool)


def otsu(values: npt.NDArray[np.floating]) -> float:
    """The threshold that parts values in [0, 1] into two kinds of the least variance within (Otsu 1979)."""
    counts, edges = np.histogram(values, 256, (0, 1))
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    total = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    best = np.nan_to_num(between, nan=-1.0)
    return float(edges[1 + int(np.argmax(best))])
