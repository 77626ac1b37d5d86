"""How sure a whole ROC is: at each false-accept rate, the interval of the share of genuine pairs accepted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twinnet.core.types import FloatArray, IntArray
from twinnet.decide import WeightedRates, joined, over_identities


@dataclass(frozen=True, slots=True)
class Band:
    """Pointwise: each interval `(low, high)` of `tar` holds at its own `far`, not the whole curve at once; `(K,)` each.

    FRR is 1 − TAR, so the same band, turned over, is that of the DET curve. `method` is empty where the pairs are too
    few people's for an interval.
    """

    far: FloatArray
    tar: FloatArray
    low: FloatArray
    high: FloatArray
    level: float
    method: str


def roc_band(
    distances: npt.ArrayLike,
    same: npt.ArrayLike,
    first: IntArray,
    second: IntArray,
    *,
    points: int = 60,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Band:
    """TAR on a grid of false-accept rates, from one impostor pair to all, with the bootstrap over identities.

    `first`, `second (P,)` are the identities of each pair's items; item numbers where identities are not known: items
    that genuine pairs join are then taken as one. Vertical averaging (Fawcett 2006, section 9.1), the rates of every
    replicate read at the same FAR. Raises CalibrationError for unusable pairs.
    """
    s = np.asarray(same, np.bool_)
    n_impostor = max(1, int((~s).sum()))
    grid = np.unique(np.append(np.geomspace(1 / n_impostor, 1, points), 1.0)) if n_impostor > 1 else np.ones(1)
    rates = WeightedRates(distances, s, None, list(grid))
    if (first != second)[s].any():
        first, second = joined(first, second, s)
    found = over_identities(rates, first, second, pairs=rates.pairs, replicates=replicates, level=level, seed=seed)[5:]
    tar, low, high = (np.array([getattr(i, end) for i in found]) for end in ("point", "low", "high"))
    # TAR never falls as FAR grows, so what bounds it from below at one FAR does so at every higher one, and what bounds
    # it from above at every lower one. Without this the band gapes where a few replicates lose their last pairs.
    low, high = np.maximum.accumulate(low), np.minimum.accumulate(high[::-1])[::-1]
    method = next((i.method for i in found if i.method.startswith("bootstrap")), found[0].method)
    return Band(grid, tar, low, high, level, method)
