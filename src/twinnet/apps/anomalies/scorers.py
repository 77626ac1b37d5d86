"""Two ways to see how far an image is from good: a twin taught for it, or a trained model's own feature maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Pillow

from twinnet.apps.anomalies import patches
from twinnet.apps.anomalies.dense import DenseTwin
from twinnet.apps.anomalies.patches import Patches
from twinnet.apps.anomalies.teach import scales, shrunk
from twinnet.core.types import Image
from twinnet.model import Model

LEAST_PX = 32
"""On the shorter side: the network sees some 60 at once, with reflections beyond the border."""
MOST_PX = 2048
"""On the longer side, whatever is asked for."""

Map = npt.NDArray[np.float32]  # (I, J): distance from good at each place


class Scorer(Protocol):
    """Distances from good, lower is more alike."""

    def map(self, image: Image) -> Map: ...

    def distance(self, image: Image, at: Map) -> float:
        """Of the whole image, given its `map`."""
        ...


@dataclass(frozen=True)
class Taught:
    """A dense twin; the image is as far as its strangest place."""

    net: DenseTwin
    size_px: int

    def map(self, image: Image) -> Map:
        full = plane(image, self.size_px)
        found = [self._at(shrunk(full, scale)) for scale in scales(full)]
        return np.asarray(np.mean([enlarged(one, found[0].shape) for one in found], 0), np.float32)

    def _at(self, at: Map) -> Map:
        with torch.inference_mode():
            return self.net.distances(torch.from_numpy(at)[None, None])[0].numpy()

    def distance(self, image: Image, at: Map) -> float:
        return float(at.max())


@dataclass(frozen=True)
class Compared:
    """A trained model. `bank` holds good patches, or whole embeddings where `whole`."""

    model: Model
    bank: Patches
    whole: bool

    def map(self, image: Image) -> Map:
        if self.whole:
            return np.full((1, 1), self._nearest(image), np.float32)
        return patches.distances(self.model, self.bank, image)

    def distance(self, image: Image, at: Map) -> float:
        return float(at.max())

    def _nearest(self, image: Image) -> float:
        return float(self.model.cross(self.model.embed([image]), self.bank).min())


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
