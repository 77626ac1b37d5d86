"""A false-alarm rate that is kept whatever the distances look like: conformal p-values (Vovk et al. 2005, chapter 2).

The only assumption is exchangeability: a new good sample is as likely as any other to be the strangest of all. Then its
p-value is at most α with probability at most α. Nothing is promised about how many bad ones are found.
"""

from __future__ import annotations

from math import floor

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import CalibrationError
from twinnet.core.types import FloatArray


def p_values(good: npt.ArrayLike, distances: npt.ArrayLike) -> FloatArray:
    """Of each of `distances (M,)`, how likely a good sample is at least as far: (1 + #{good ≥ d}) / (N + 1).

    `good (N,)` are distances of good samples that the detector did not learn from. Raises CalibrationError for none, or
    for values that are not numbers.
    """
    known, asked = _checked(good, "good"), np.asarray(distances, np.float64)
    if np.isnan(asked).any():
        raise CalibrationError("a distance is not a number.")
    below = np.searchsorted(np.sort(known), asked, "left")
    return np.asarray((1.0 + len(known) - below) / (len(known) + 1.0), np.float64)


def cross_p_values(good: npt.ArrayLike, distances: npt.ArrayLike) -> FloatArray:
    """The same where every good sample was held out from one of K detectors: (1 + #{i: gᵢ ≥ dᵢ}) / (N + 1).

    `good (N,)` is each good sample's distance by the detector that did not see it, `distances (M, N)` each new one's by
    that same detector. All good samples teach and all calibrate, so few suffice; the price is the guarantee: a good
    sample's p is at most α with probability at most `cross_bound`, and near α where the detectors are alike.
    """
    known, asked = _checked(good, "good"), np.asarray(distances, np.float64)
    if asked.ndim != 2 or asked.shape[1] != len(known):
        raise CalibrationError(f"{len(known)} good samples need distances (M, {len(known)}), not {asked.shape}.")
    return np.asarray((1.0 + (known[None] >= asked).sum(1)) / (len(known) + 1.0), np.float64)


def cross_bound(rate: float, n: int, folds: int) -> float:
    """What CV+ guarantees for the asked rate: 2α + min(2(1 − 1/K)/(N/K + 1), (1 − K/N)/(K + 1)).

    Barber, Candès, Ramdas & Tibshirani 2021, theorem 4, for K folds of equal size.
    """
    slack = min(2 * (1 - 1 / folds) / (n / folds + 1), (1 - folds / n) / (folds + 1))
    return min(1.0, 2 * rate + slack)


def by_group(distances: npt.ArrayLike, groups: npt.ArrayLike | None) -> FloatArray:
    """The largest distance of each group, `(N,)` → `(G,)`; without groups as they are.

    Pictures of one object are not exchangeable one by one. Their largest is, among objects; so the promise becomes: an
    object raises an alarm in *any* of its pictures at most so often.
    """
    values = _checked(distances, "good")
    if groups is None:
        return values
    names, of = np.unique(np.asarray(groups), return_inverse=True)
    largest = np.full(len(names), -np.inf)
    np.maximum.at(largest, of, values)
    return largest


def smallest_rate(n: int) -> float:
    """The smallest false-alarm rate that n held-out good samples can promise."""
    return 1.0 / (n + 1.0)


def needed(rate: float) -> int:
    """How many held-out good samples a false-alarm rate needs."""
    return max(1, round(1.0 / rate - 1.0 + 0.4999999))


def alarm_threshold(good: npt.ArrayLike, rate: float) -> float:
    """The distance above which p ≤ `rate`: the k-th largest of `good (N,)`, k = ⌊rate (N + 1)⌋.

    Raises CalibrationError where so few good samples cannot promise the rate.
    """
    known = np.sort(_checked(good, "good"))
    k = floor(rate * (len(known) + 1) + 1e-9)
    if not 0 < rate < 1 or k < 1:
        raise CalibrationError(
            f"false alarms in {rate:.2%} of good samples cannot be promised by {len(known)} held-out ones: it takes "
            f"{needed(rate)}. Next: ask for {smallest_rate(len(known)):.1%} or more, or give more good samples."
        )
    return float(known[-k])


def _checked(values: npt.ArrayLike, what: str) -> FloatArray:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or not len(array) or np.isnan(array).any():
        raise CalibrationError(f"{what} distances must be one row of numbers, at least one; got {array.shape}.")
    return array
