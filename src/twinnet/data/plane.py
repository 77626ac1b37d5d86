"""A picture as a detector of defects sees it: grey, of one size at most, of mean 0 and deviation 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from twinnet.core.types import Image

Plane = npt.NDArray[np.float32]  # (H, W), standardised
Map = npt.NDArray[np.float32]  # (I, J): distance from good at each place

LEAST_PX = 32
"""On the shorter side: the network sees some 60 at once, with reflections beyond the border."""
MOST_PX = 2048
"""On the longer side, whatever is asked for."""

_HALF_FROM_PX = 128  # on the shorter side; half of less shows a defect of a few pixels no more


def enlarged(at: Map, shape: tuple[int, ...]) -> Map:
    """A map brought to another's size."""
    if at.shape == shape:
        return at
    return np.asarray(Pillow.fromarray(at).resize((shape[1], shape[0]), Pillow.Resampling.BILINEAR), np.float32)


def plane(image: Image, size_px: int) -> Map:
    """`(H, W, C)` uint8 → grey `(H, W)` of mean 0 and deviation 1.

    At most `size_px` on its longer side, and at least 32 on the shorter.
    """
    grey = Pillow.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).convert("L")
    factor = max(min(1.0, size_px / max(grey.size)), LEAST_PX / min(grey.size))
    if factor != 1:
        size = (max(LEAST_PX, round(grey.width * factor)), max(LEAST_PX, round(grey.height * factor)))
        grey = grey.resize(size, Pillow.Resampling.BOX if factor < 1 else Pillow.Resampling.BILINEAR)
    pixels = np.asarray(grey, np.float32) / 255
    # A darker exposure of the same thing is no defect. The constant keeps an even image from becoming noise.
    return np.asarray((pixels - pixels.mean()) / (pixels.std() + 0.05), np.float32)


def scales(image: Plane) -> tuple[float, ...]:
    """A spot of ten pixels and a stain of a hundred are both defects: an image is seen at its size and at half."""
    return (1.0, 0.5) if min(image.shape) >= _HALF_FROM_PX else (1.0,)


def shrunk(image: Plane, scale: float) -> Plane:
    """The image at a smaller size, standardised again; never below 16 pixels."""
    if scale == 1:
        return image
    size = [max(16, round(n * scale)) for n in image.shape]
    small = np.asarray(Pillow.fromarray(image).resize((size[1], size[0]), Pillow.Resampling.BOX), np.float32)
    return np.asarray((small - small.mean()) / (small.std() + 0.05), np.float32)
