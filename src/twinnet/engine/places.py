"""From what a twin sees at each place of an image to how strange the place is, and the image: NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twinnet.data.plane import Map, enlarged
from twinnet.index import Exact

Patches = npt.NDArray[np.float32]
Usual = tuple[float, float, float, float]


@dataclass(frozen=True)
class Bank:
    """Good patches `(N, D)`, each channel divided by its `spread (D,)`."""

    patches: Patches
    spread: Patches

    def distances(self, found: Patches) -> Patches:
        """`(I, J, D)` → distance of each from its nearest good one, `(I, J)`."""
        index = Exact(self.patches.shape[1])
        index.add(np.arange(len(self.patches)), self.patches)
        near = index.search(found.reshape(-1, found.shape[-1]) / self.spread, 1).distances[:, 0]
        return np.asarray(near.reshape(found.shape[:2]), np.float32)


def averaged(distances: Sequence[Map]) -> Map:
    """Log odds of *defect* `(I, J)` from −log p(good) of an image seen at several sizes: one at either is one."""
    mean = np.mean([enlarged(one, distances[0].shape) for one in distances], 0, dtype=np.float64)
    return np.asarray(mean + np.log(-np.expm1(-np.maximum(mean, 1e-12))), np.float32)  # softplus, undone


def strange(odds: Map, near: Map, usual: Usual) -> Map:
    """Two opinions on each place, added in units of their spread over good places; see `anomalies.scorers.Taught`."""
    odds_mean, odds_spread, near_mean, near_spread = usual
    both = (odds - odds_mean) / odds_spread + (enlarged(near, odds.shape) - near_mean) / near_spread
    return np.asarray(np.logaddexp(0, both), np.float32)  # softplus: a distance is never negative


def strangest(at: Map) -> float:
    """The mean over one place in three hundred, the strangest: one place alone is often wrong."""
    n = max(1, at.size // 300)
    return float(np.partition(at, -n, axis=None)[-n:].mean())
