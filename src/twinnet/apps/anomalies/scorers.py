"""Two ways to see how far an image is from good: a twin taught for it, or a trained model's own feature maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Pillow
from torch.nn import functional

from twinnet.apps.anomalies import patches
from twinnet.apps.anomalies.dense import DenseTwin
from twinnet.apps.anomalies.frozen import FrozenTwin
from twinnet.apps.anomalies.nearest import Bank
from twinnet.apps.anomalies.patches import Patches
from twinnet.apps.anomalies.teach import scales, shrunk
from twinnet.core.types import Image
from twinnet.model import Model

LEAST_PX = 32
"""On the shorter side: the network sees some 60 at once, with reflections beyond the border."""
MOST_PX = 2048
"""On the longer side, whatever is asked for."""

Map = npt.NDArray[np.float32]  # (I, J): distance from good at each place
Twin = DenseTwin | FrozenTwin


class Scorer(Protocol):
    """Distances from good, lower is more alike."""

    def map(self, image: Image) -> Map: ...

    def distance(self, image: Image, at: Map) -> float:
        """Of the whole image, given its `map`."""
        ...


@dataclass(frozen=True)
class Taught:
    """Two opinions on each place, added in units of their spread over good places: what was taught, and the nearest.

    `usual` is mean and deviation of the log odds of *defect*, then of the distance from the nearest good patch.
    """

    net: Twin
    size_px: int
    bank: Bank
    usual: tuple[float, float, float, float]

    def map(self, image: Image) -> Map:
        odds, found = look(self.net, plane(image, self.size_px))
        odds_mean, odds_spread, near_mean, near_spread = self.usual
        near = enlarged(self.bank.distances(found), odds.shape)
        strange = (odds - odds_mean) / odds_spread + (near - near_mean) / near_spread
        return np.asarray(np.logaddexp(0, strange), np.float32)  # softplus: a distance is never negative

    def distance(self, image: Image, at: Map) -> float:
        return strangest(at)


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


def look(net: Twin, full: Map) -> tuple[Map, Patches]:
    """Of a standardised image, the log odds of *defect* at each place `(I, J)`, and patch embeddings `(K, L, D)`.

    Seen at two sizes, −log p(good) is averaged: what is a defect at either is one. Both are smoothed over 3 × 3 places:
    a defect is more than one place's opinion.
    """
    distances: list[Map] = []
    for scale in scales(full) if net.halved else (1.0,):
        with torch.inference_mode():
            odds, patches = net.seen(torch.from_numpy(shrunk(full, scale))[None, None])
            smooth = functional.avg_pool2d(odds[:, None].float(), 3, 1, 1, count_include_pad=False)[0, 0]
            distances.append(functional.softplus(smooth).numpy())
            if scale == 1:
                local = functional.avg_pool2d(patches.float(), 3, 1, 1, count_include_pad=False)[0]
                found = local.permute(1, 2, 0).contiguous().numpy()
    mean = np.mean([enlarged(one, distances[0].shape) for one in distances], 0, dtype=np.float64)
    return np.asarray(mean + np.log(-np.expm1(-np.maximum(mean, 1e-12))), np.float32), found  # softplus, undone


def strangest(at: Map) -> float:
    """The mean over one place in three hundred, the strangest: one place alone is often wrong."""
    n = max(1, at.size // 300)
    return float(np.partition(at, -n, axis=None)[-n:].mean())


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
