"""Error rates of the rule *same means distance < threshold*: exact, ties included, on plain arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from twinnet.core.types import ErrorRates
from twinnet.decide.checks import checked


def error_rates(distances: npt.ArrayLike, same: npt.ArrayLike) -> ErrorRates:
    """FAR and FRR at every threshold that makes a difference: each distinct distance, and one above them all.

    At threshold t the pairs with distance < t are accepted, so the first row accepts nothing and the last everything.
    Raises CalibrationError for NaN, unequal lengths, or one kind of pair missing.
    """
    d, s = checked(distances, same)
    values, inverse = np.unique(d, return_inverse=True)
    genuine = np.bincount(inverse[s], minlength=len(values))
    impostor = np.bincount(inverse[~s], minlength=len(values))
    n_genuine, n_impostor = int(genuine.sum()), int(impostor.sum())
    rejected = n_genuine - np.concatenate([[0], np.cumsum(genuine)])
    accepted = np.concatenate([[0], np.cumsum(impostor)])
    threshold = np.append(values, np.nextafter(values[-1], np.inf))
    # Counts are divided once, so that 3 of 10 is exactly 0.3 and compares equal to a target of 0.3.
    return ErrorRates(threshold, accepted / n_impostor, rejected / n_genuine, n_genuine, n_impostor)


def middle(rates: ErrorRates, row: int) -> float:
    """The middle of the thresholds that accept the same pairs as `row`: the widest berth to both sides.

    The row's own threshold is the far end of that stretch, which lies on the first pair that it rejects.
    """
    top = float(rates.threshold[row])
    if row == 0 or row == len(rates.threshold) - 1:
        return top
    below = float(rates.threshold[row - 1])
    half = below + (top - below) / 2
    return half if half > below else top  # two neighbouring floats have nothing between them


def eer(rates: ErrorRates) -> tuple[float, float]:
    """The equal error rate and its threshold.

    The rate lies where FAR = FRR on the straight line between the two nearest operating points, which no threshold
    may reach exactly; the threshold is in the middle of the stretch where the two rates differ least.
    """
    gap = rates.far - rates.frr  # rises strictly from −1 to 1
    right = int(np.argmax(gap >= 0))
    left = right - 1
    t = float(-gap[left] / (gap[right] - gap[left]))
    rate = rates.far[left] + t * (rates.far[right] - rates.far[left])
    return float(rate), middle(rates, right if t >= 0.5 else left)


def auc(rates: ErrorRates) -> float:
    """The chance that a genuine pair is nearer than an impostor pair, ties counted half (Mann & Whitney 1947)."""
    return float(np.trapezoid(1 - rates.frr, rates.far))


def frr_at_far(rates: ErrorRates, far: float) -> tuple[float, float]:
    """The smallest FRR whose FAR is at most `far`, and the middle of its thresholds."""
    last = int(np.searchsorted(rates.far, far, side="right")) - 1
    return float(rates.frr[last]), middle(rates, last)


def rates_at(distances: npt.ArrayLike, same: npt.ArrayLike, threshold: float) -> tuple[float, float, float]:
    """FAR, FRR and accuracy at one threshold."""
    d, s = checked(distances, same)
    accepted = d < threshold
    far, frr = float(accepted[~s].mean()), float((~accepted[s]).mean())
    return far, frr, float((accepted == s).mean())
