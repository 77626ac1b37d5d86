"""A picture with what is strange in it marked red."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow

from twinnet.apps.anomalies.scorers import Map
from twinnet.core.types import Image


def overlaid(image: Image, heat: Map, *, full: float) -> Pillow.Image:
    """The picture in grey, red where the distance from good is large; `full` is the distance of full red."""
    grey = Pillow.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).convert("L")
    strength = np.clip(heat / max(full, 1e-12), 0, 1).astype(np.float32)
    large = np.asarray(Pillow.fromarray(strength).resize(grey.size, Pillow.Resampling.BILINEAR))[..., None]
    base = np.repeat(np.asarray(grey, np.float32)[..., None], 3, 2)
    mixed = base * (1 - 0.7 * large) + np.array([230, 30, 30], np.float32) * 0.7 * large
    return Pillow.fromarray(mixed.astype(np.uint8))
