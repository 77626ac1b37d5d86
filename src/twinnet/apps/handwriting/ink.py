"""From a photograph of paper to ink: even light first, then one threshold, then specks away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from scipy import ndimage

from twinnet.core.types import BoolArray, Image
from twinnet.data.geometry import grey

_BLOCKS = 24  # the paper's brightness is estimated on a raster of so many blocks along the longer side
_CONTRAST = 0.12  # ink must darken the paper by this share of its brightness, or there is none
_NOISE = 3.5  # … and stand out of the paper's own noise by so many standard deviations
_FOOTPRINT = 0.25  # a speck is smaller than this share of the square of the pen's width

Darkness = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ink:
    """`darkness (H, W)`: 0 paper, 1 ink, whatever the light; `mask (H, W)`: what is ink; `pen_px`: how thick it is."""

    darkness: Darkness
    mask: BoolArray
    pen_px: float


def find_ink(image: Image) -> Ink | None:
    """The ink on a picture `(H, W, C)` of paper, dark on bright or bright on dark; None where there is none."""
    flat = _flat(grey(image)[:, :, 0].astype(np.float32))
    smooth = ndimage.gaussian_filter(flat, 0.7)
    noise = 1.4826 * float(np.median(np.abs(smooth)))  # paper is the majority, so the median is its noise
    cut = _otsu(smooth)
    ink = smooth > cut
    level = float(np.median(smooth[ink])) if ink.any() else 0.0
    if level < max(_CONTRAST, _NOISE * noise):
        return None
    mask = smooth > max(level / 2, _NOISE * noise)
    pen = pen_width(mask)
    mask = without_specks(mask, max(3.0, _FOOTPRINT * pen**2))
    if not mask.any():
        return None
    return Ink(np.clip(flat / level, 0, 1).astype(np.float32), mask, pen)


def pen_width(mask: BoolArray) -> float:
    """The usual width of strokes in pixels: inside a stroke of width w, the mean distance to its edge is w/4."""
    depth = ndimage.distance_transform_edt(mask)[mask]
    # The transform measures from pixel centres to the nearest paper pixel's centre: half a pixel more than to the edge.
    return float(max(1.0, 4 * (depth.mean() - 0.5))) if len(depth) else 1.0


def without_specks(mask: BoolArray, least_px: float) -> BoolArray:
    """Only what hangs together (8 neighbours) with an area of at least `least_px` pixels."""
    labels, n = ndimage.label(mask, np.ones((3, 3)))
    large = np.bincount(labels.ravel(), minlength=n + 1) >= least_px
    large[0] = False
    return np.asarray(large[labels])


def _flat(luma: Darkness) -> Darkness:
    """How much darker than the paper around it, as a share of the paper; bright ink on dark is turned first."""
    middle = ndimage.median_filter(_reduced(luma), 3)
    if _is_dark(luma, middle):
        luma, middle = 255 - luma, 255 - middle
    # Where a block is full of ink its brightness is not the paper's: a closing takes the paper's from its neighbours.
    paper = ndimage.gaussian_filter(ndimage.grey_closing(middle, 3), 1.0)
    full = Pillow.fromarray(paper.astype(np.float32)).resize(luma.shape[::-1], Pillow.Resampling.BICUBIC)
    return np.asarray(1 - luma / np.maximum(np.asarray(full), 1.0), np.float32)


def _reduced(luma: Darkness) -> Darkness:
    """The median of each block of the raster."""
    side = max(4, -(-max(luma.shape) // _BLOCKS))
    rows, columns = (-(-n // side) for n in luma.shape)
    padded = np.pad(luma, ((0, rows * side - luma.shape[0]), (0, columns * side - luma.shape[1])), mode="edge")
    blocks = padded.reshape(rows, side, columns, side).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    return np.asarray(np.median(blocks, axis=2), np.float32)


def _is_dark(luma: Darkness, middle: Darkness) -> bool:
    paper = float(np.median(middle))
    darker, brighter = np.quantile(luma, [0.01, 0.99])
    return paper < 127.5 and brighter - paper > paper - darker


def _otsu(values: Darkness) -> float:
    """The cut that leaves the least variance inside the two classes (Otsu 1979)."""
    counts, edges = np.histogram(np.clip(values, -0.2, 1.0), 256)
    centres = (edges[1:] + edges[:-1]) / 2
    weight = np.cumsum(counts) / counts.sum()
    mean = np.cumsum(counts * centres) / counts.sum()
    between = (mean[-1] * weight - mean) ** 2 / np.maximum(weight * (1 - weight), 1e-9)
    return float(centres[int(np.argmax(between))])
