"""Pictures with a map laid over: red where a defect is, blue and orange where a verdict comes from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from twinnet.core.types import FloatArray, Image

ALIKE, APART = "#0a66c2", "#c2410c"


def overlaid(image: Image, heat: npt.NDArray[np.float32], *, full: float) -> Pillow.Image:
    """The picture in grey, red where the distance from good is large; `full` is the distance of full red."""
    grey = Pillow.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).convert("L")
    strength = np.clip(heat / max(full, 1e-12), 0, 1).astype(np.float32)
    large = np.asarray(Pillow.fromarray(strength).resize(grey.size, Pillow.Resampling.BILINEAR))[..., None]
    base = np.repeat(np.asarray(grey, np.float32)[..., None], 3, 2)
    mixed = base * (1 - 0.7 * large) + np.array([230, 30, 30], np.float32) * 0.7 * large
    return Pillow.fromarray(mixed.astype(np.uint8))


def overlay(picture: Image, effect: FloatArray) -> npt.NDArray[np.uint8]:
    """`(H, W, C)` and effects `(H, W)` in [−1, 1] → `(H, W, 3)`: faded; blue: alike, orange: apart."""
    grey = picture.mean(2, keepdims=True) * 0.5 + 110  # (H, W, 1): pale, so that the colours can be seen
    colour = np.where(effect[..., None] > 0, _rgb(ALIKE), _rgb(APART))  # (H, W, 3)
    strength = 0.75 * np.abs(effect)[..., None]
    return np.asarray(np.clip((1 - strength) * grey + strength * colour, 0, 255).astype(np.uint8))


def _rgb(colour: str) -> FloatArray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float64)
