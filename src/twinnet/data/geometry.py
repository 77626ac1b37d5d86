"""Shapes of pictures: to grey, cut to the ink, fitted to a size. Images in and out are `(H, W, C)` uint8."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from twinnet.core.types import Image

Fit = Literal["stretch", "pad", "crop", "moments", "adaptive"]

INK = 0.2
"""A pixel is ink where some channel differs from the border's median by more than this fraction of the full range."""
MARGIN = 1 / 16
"""What `trim` leaves around the ink, as a fraction of the longer side of its box."""
REACH = 2.5
"""What `moments` shows on each side of the centre of mass, in standard deviations of the ink along that axis."""


def grey(image: Image) -> Image:
    """Luma `(H, W, 1)` of colour; grey as it is."""
    if image.shape[2] == 1:
        return image
    return np.asarray(Pillow.fromarray(np.ascontiguousarray(image)).convert("L"))[:, :, None]


def border_median(image: Image) -> npt.NDArray[np.uint8]:
    """The median `(C,)` of the outermost ring of pixels: what the picture is painted on."""
    ring = np.concatenate((image[0], image[-1], image[:, 0], image[:, -1]))  # (2H + 2W, C)
    ring.sort(axis=0)
    middle: npt.NDArray[np.uint8] = ring[len(ring) // 2]
    return middle


def trim(image: Image, border: npt.NDArray[np.uint8]) -> Image:
    """Cut to the box of the ink, with a margin; a blank page has no ink to cut to and stays."""
    ink = (np.abs(image.astype(np.int16) - border) > INK * 255).any(axis=2)  # (H, W)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return image
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    margin = round(MARGIN * max(bottom - top, right - left))
    return image[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin]


def middle(image: Image, share: float) -> Image:
    """That share of both sides, in the middle; at least one pixel."""
    height, width = (max(1, round(n * share)) for n in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def fit(image: Image, height: int, width: int, how: Fit, border: npt.NDArray[np.uint8]) -> Image:
    """`(H, W, C)` to `(height, width, C)`; padding takes the colour `border (C,)`."""
    h, w = image.shape[:2]
    if how == "moments":
        return _by_moments(image, height, width, border)
    if how == "stretch":
        return _resize(image, height, width)
    if how == "crop":
        scale = max(height / h, width / w)
        dy, dx = (h - height / scale) / 2, (w - width / scale) / 2
        return _resize(image, height, width, (max(0.0, dx), max(0.0, dy), min(w, w - dx), min(h, h - dy)))
    inner_h, inner_w = _adapted(h, w, height, width) if how == "adaptive" else _inside(h, w, height, width)
    inner = _resize(image, inner_h, inner_w)
    if (inner_h, inner_w) == (height, width):
        return inner
    out = np.empty((height, width, image.shape[2]), np.uint8)
    out[:] = border
    top, left = (height - inner_h) // 2, (width - inner_w) // 2
    out[top : top + inner_h, left : left + inner_w] = inner
    return out


def _inside(h: int, w: int, height: int, width: int) -> tuple[int, int]:
    scale = min(height / h, width / w)
    return max(1, round(h * scale)), max(1, round(w * scale))


def _adapted(h: int, w: int, height: int, width: int) -> tuple[int, int]:
    """The longer side fills its room, the shorter one √sin(π/2 · r) of its, r being what it would fill otherwise.

    Between keeping the shape, which leaves a long word three pixels high, and stretching it, which makes a dash a block
    (aspect ratio adaptive normalisation: Liu, Nakashima, Sako & Fujisawa 2004).
    """
    rows, columns = h / height, w / width
    share = math.sqrt(math.sin(math.pi / 2 * min(rows, columns) / max(rows, columns)))
    if rows >= columns:
        return height, max(1, round(width * share))
    return max(1, round(height * share)), width


def _by_moments(image: Image, height: int, width: int, border: npt.NDArray[np.uint8]) -> Image:
    """The ink's centre of mass in the middle, and `REACH` standard deviations of it on each side, for both axes."""
    ink = np.abs(image.astype(np.int16) - border).sum(axis=2).astype(np.float64)  # (H, W)
    if not ink.any():
        return _resize(image, height, width)
    edges = []
    for weight in (ink.sum(axis=0), ink.sum(axis=1)):  # x, then y
        share, place = weight / weight.sum(), np.arange(len(weight)) + 0.5
        middle = float(share @ place)
        reach = REACH * max(float(np.sqrt(share @ (place - middle) ** 2)), 0.5)
        edges.append((middle - reach, middle + reach))
    (left, right), (top, bottom) = edges
    h, w = image.shape[:2]
    room = [max(0, int(np.ceil(over))) for over in (-top, bottom - h, -left, right - w)]
    canvas = np.empty((h + room[0] + room[1], w + room[2] + room[3], image.shape[2]), np.uint8)
    canvas[:] = border
    canvas[room[0] : room[0] + h, room[2] : room[2] + w] = image
    return _resize(canvas, height, width, (left + room[2], top + room[0], right + room[2], bottom + room[0]))


def _resize(image: Image, height: int, width: int, box: tuple[float, float, float, float] | None = None) -> Image:
    if box is None and image.shape[:2] == (height, width):
        return image
    # Pillow's bilinear widens its triangle when it shrinks, so it is antialiased there, smooth when it enlarges, and
    # unlike bicubic and Lanczos never rings beyond black and white. The gap halves very large photos first, for speed.
    flat = image[:, :, 0] if image.shape[2] == 1 else image
    picture = Pillow.fromarray(np.ascontiguousarray(flat))
    pixels = np.asarray(picture.resize((width, height), Pillow.Resampling.BILINEAR, box=box, reducing_gap=3.0))
    return pixels[:, :, None] if pixels.ndim == 2 else pixels
