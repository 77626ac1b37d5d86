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
    accepted_genuine = np.concatenate([[0], np.cumsum(genuine)])
    accepted_impostor = np.concatenate([[0], np.cumsum(impostor)])
    threshold = np.append(values, np.nextafter(values[-1], np.inf))
    return ErrorRates(
        threshold, accepted_impostor / n_impostor, 1 - accepted_genuine / n_genuine, n_genuine, n_impostor
    )


def eer(rates: ErrorRates) -> tuple[float, float]:
    """The equal error rate and its threshold: where FAR = FRR on the line between the two nearest operating points."""
    gap = rates.far - rates.frr  # rises from −1 to 1
    right = int(np.argmax(gap >= 0))
    left = right - 1
    span = gap[right] - gap[left]
    t = float(-gap[left] / span)
    rate = rates.far[left] + t * (rates.far[right] - rates.far[left])
    threshold = rates.threshold[left] + t * (rates.threshold[right] - rates.threshold[left])
    return float(rate), float(threshold)


def auc(rates: ErrorRates) -> float:
    """The chance that a genuine pair is nearer than an impostor pair, ties counted half (Mann–Whitney)."""
    return float(np.trapezoid(1 - rates.frr, rates.far))


def frr_at_far(rates: ErrorRates, far: float) -> tuple[float, float]:
    """The smallest FRR whose FAR is at most `far`, and its threshold."""
    last = int(np.searchsorted(rates.far, far, side="right")) - 1
    return float(rates.frr[last]), float(rates.threshold[last])


def rates_at(distances: npt.ArrayLike, same: npt.ArrayLike, threshold: float) -> tuple[float, float, float]:
    """FAR, FRR and accuracy at one threshold."""
    d, s = checked(distances, same)
    accepted = d < threshold
    far, frr = float(accepted[~s].mean()), float((~accepted[s]).mean())
    return far, frr, float((accepted == s).mean())
