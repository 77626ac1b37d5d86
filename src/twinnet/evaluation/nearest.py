"""Nearest class: the share of probes that are read rightly, and how sure a mean over episodes, runs or folds is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from twinnet.core.errors import DataError
from twinnet.core.types import FloatArray, Interval
from twinnet.decide import clopper_pearson


def checked_distances(distances: npt.ArrayLike, probes: int, classes: int | None = None) -> FloatArray:
    """Distances `(Q, N)` as float64. Raises DataError for another shape, no class, or NaN."""
    d = np.asarray(distances, np.float64)
    if d.ndim != 2 or len(d) != probes or d.shape[1] == 0 or (classes is not None and d.shape[1] != classes):
        wanted = "" if classes is None else f" and {classes} classes"
        raise DataError(f"{probes} probes{wanted} gave distances {d.shape}; one row a probe, one column a class.")
    if np.isnan(d).any():
        raise DataError("a distance is NaN. Next: find the items whose embedding is not finite.")
    return d


def right(distances: FloatArray, target: npt.ArrayLike) -> FloatArray:
    """1 for each probe whose own class, column `target (Q,)`, is nearest, else 0; `(Q,)`.

    A tie counts as the chance of guessing right among the tied: 1/2, 1/3, and for constant distances 1/N.
    """
    nearest = distances == distances.min(1, keepdims=True)  # (Q, N)
    own = nearest[np.arange(len(distances)), np.asarray(target)]
    return np.asarray(own / nearest.sum(1), np.float64)


def mean_interval(shares: FloatArray, probes: int, what: str) -> Interval:
    """The mean of shares `(E,)` in [0, 1], by Student's t over them.

    Where all came out alike they show no spread: then all `probes` together are counted (Clopper-Pearson).
    """
    n, mean = len(shares), float(np.mean(shares))
    if n > 1 and (spread := float(np.std(shares, ddof=1))) > 0:
        half = float(student.ppf(0.975, n - 1)) * spread / np.sqrt(n)
        return Interval(max(0.0, mean - half), mean, min(1.0, mean + half), 0.95, f"Student's t over {n} {what}")
    exact = clopper_pearson(round(mean * probes), probes)
    method = "Clopper-Pearson, probes taken as independent"
    return Interval(min(mean, exact.low), mean, max(mean, exact.high), 0.95, method)
