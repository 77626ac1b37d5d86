"""Does a probability keep its word? Brier, ECE and the bins of a reliability diagram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import CalibrationError
from twinnet.core.types import FloatArray, IntArray
from twinnet.decide.checks import checked


@dataclass(frozen=True, slots=True)
class Reliability:
    """Bins of probability that hold a pair, `(K,)` each: mean `given`, share that was `same`, weight, pairs."""

    given: FloatArray
    same: FloatArray
    weight: FloatArray  # sums to 1
    pairs: IntArray


def brier(probabilities: npt.ArrayLike, same: npt.ArrayLike, *, prior: float | None = None) -> float:
    """The mean squared error of the probabilities (Brier 1950); `prior` as in `reliability`."""
    p, s, weight = _weighted(probabilities, same, prior)
    return float(weight @ (p - s) ** 2)


def reliability(
    probabilities: npt.ArrayLike, same: npt.ArrayLike, *, bins: int = 10, prior: float | None = None
) -> Reliability:
    """Of the pairs called 80 % likely to be the same, how many are? In `bins` of equal width.

    A probability fitted at a prior is to be judged at that prior: `prior` weighs the pairs so that genuine ones make up
    this share, None takes them as they are. Raises CalibrationError for probabilities outside [0, 1], NaN, no pairs.
    """
    if bins < 1:
        raise CalibrationError(f"a reliability diagram needs at least one bin; got {bins}.")
    p, s, weight = _weighted(probabilities, same, prior)
    which = np.minimum((p * bins).astype(np.int64), bins - 1)  # p = 1 belongs to the last bin
    total = np.bincount(which, weight, bins).astype(np.float64)
    pairs: IntArray = np.bincount(which, minlength=bins)
    used = pairs > 0
    given, found = np.bincount(which, weight * p, bins)[used], np.bincount(which, weight * s, bins)[used]
    return Reliability(given / total[used], found / total[used], total[used], pairs[used])


def ece(probabilities: npt.ArrayLike, same: npt.ArrayLike, *, bins: int = 10, prior: float | None = None) -> float:
    """Expected calibration error: the weighted mean gap of the reliability bins (Naeini, Cooper & Hauskrecht 2015)."""
    bars = reliability(probabilities, same, bins=bins, prior=prior)
    return float(bars.weight @ np.abs(bars.given - bars.same))


def _weighted(
    probabilities: npt.ArrayLike, same: npt.ArrayLike, prior: float | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    p, s = checked(probabilities, same, both=prior is not None)
    if not len(p):
        raise CalibrationError("there are no pairs to judge the probabilities by.")
    if p.min() < 0 or p.max() > 1:
        raise CalibrationError(f"probabilities lie between 0 and 1; these go from {p.min():g} to {p.max():g}.")
    if prior is None:
        return p, s.astype(np.float64), np.full(len(p), 1 / len(p))
    if not 0 < prior < 1:
        raise CalibrationError(f"the prior share of genuine pairs must be between 0 and 1; got {prior}.")
    return p, s.astype(np.float64), np.where(s, prior / s.sum(), (1 - prior) / (~s).sum())
