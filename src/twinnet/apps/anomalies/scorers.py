"""Two ways to see how far an image is from good: a twin taught for it, or a trained model's own feature maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional

from twinnet.apps.anomalies import patches
from twinnet.apps.anomalies.dense import DenseTwin
from twinnet.apps.anomalies.frozen import FrozenTwin
from twinnet.core.types import Image
from twinnet.data.plane import Map, plane, scales, shrunk
from twinnet.engine.places import Bank, Patches, Usual, averaged, strange, strangest
from twinnet.model import Model

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
    usual: Usual

    def map(self, image: Image) -> Map:
        odds, found = look(self.net, plane(image, self.size_px))
        return strange(odds, self.bank.distances(found), self.usual)

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
    return averaged(distances), found
