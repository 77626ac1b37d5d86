"""Learn the probability from pairs: Platt, beta, isotonic. Refit on your own pairs to move it to your data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from twinnet.core.errors import CalibrationError
from twinnet.core.types import BoolArray, FloatArray
from twinnet.decide.checks import checked
from twinnet.decide.probability import Beta, Calibrator, Isotonic, Platt


def fit_platt(distances: npt.ArrayLike, same: npt.ArrayLike, *, prior: float = 0.5) -> Platt:
    """Platt's sigmoid by maximum likelihood, with his smoothed targets.

    Both kinds are weighted so that genuine pairs make up `prior`: the probability is then that of a world in which this
    share of the comparisons is genuine, not of the (arbitrary) share in the calibration pairs.
    Raises CalibrationError for unusable pairs.
    """
    d, s, weight = _weighted(distances, same, prior)
    # Equal distances have a standard deviation that is not quite zero, by rounding; their range is.
    centre, spread = float(np.average(d, weights=weight)), float(d.std()) if np.ptp(d) > 0 else 1.0
    slope, offset = _logistic(np.stack([-(d - centre) / spread], 1), s, weight)
    return Platt(slope / spread, offset + slope / spread * centre)


def fit_beta(distances: npt.ArrayLike, same: npt.ArrayLike, *, prior: float = 0.5, scale: float | None = None) -> Beta:
    """Beta calibration: Platt's fit with one more term, for curves that are steeper at one end (see `Beta`).

    `scale` maps a distance to (0, 1) as exp(−distance / scale); the mean distance of the pairs unless given.
    Raises CalibrationError for unusable pairs, or where no distance is above 0.
    """
    d, s, weight = _weighted(distances, same, prior)
    if not (d > 0).any():
        raise CalibrationError("beta calibration needs distances above 0; all of these are 0 or less.")
    scale = float(np.average(np.maximum(d, 0), weights=weight)) if scale is None else scale
    nearest = float(d[d > 0].min())
    log_s, log_rest = Beta.logs(d, scale, nearest)
    a, b, c = _logistic(np.stack([log_s, -log_rest], 1), s, weight)
    return Beta(a, b, c, scale, nearest)


def fit_isotonic(distances: npt.ArrayLike, same: npt.ArrayLike, *, prior: float = 0.5) -> Isotonic:
    """The best falling step curve, weighted as in `fit_platt`, kept within what the number of pairs can support."""
    from sklearn.isotonic import IsotonicRegression  # slow to import, and not every calibration needs it

    d, s, weight = _weighted(distances, same, prior)
    # No finite number of pairs shows that a pair is certainly the same: Laplace's rule bounds the ends.
    low, high = 1 / ((~s).sum() + 2), (s.sum() + 1) / (s.sum() + 2)
    curve = IsotonicRegression(increasing=False, y_min=low, y_max=high, out_of_bounds="clip").fit(d, s, weight)
    return Isotonic(tuple(map(float, curve.X_thresholds_)), tuple(map(float, curve.y_thresholds_)))


CALIBRATORS: dict[str, Callable[..., Calibrator]] = {"beta": fit_beta, "isotonic": fit_isotonic, "platt": fit_platt}


def _logistic(x: FloatArray, same: BoolArray, weight: FloatArray) -> list[float]:
    """Slopes ≥ 0 and the offset of logit p = x (P, F) · slopes + offset, by weighted maximum likelihood."""
    n_genuine, n_impostor = int(same.sum()), int((~same).sum())
    # Platt's targets are a hair short of 0 and 1, so that pairs that separate perfectly do not drive the slope to ∞.
    target = np.where(same, (n_genuine + 1) / (n_genuine + 2), 1 / (n_impostor + 2))

    def negative_log_likelihood(theta: FloatArray) -> tuple[float, FloatArray]:
        logit = x @ theta[:-1] + theta[-1]
        error = weight * (expit(logit) - target)
        return float(weight @ (np.logaddexp(0, logit) - target * logit)), np.append(x.T @ error, error.sum())

    bounds = [(0.0, None)] * x.shape[1] + [(None, None)]
    start = np.append(np.full(x.shape[1], 1 / x.shape[1]), 0.0)
    # The defaults stop at a relative change of 2e-9, which on flat likelihoods is a visibly early stop.
    found = minimize(
        negative_log_likelihood, start, jac=True, method="L-BFGS-B", bounds=bounds,
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000},
    )  # fmt: skip
    return [float(value) for value in found.x]


def _weighted(distances: npt.ArrayLike, same: npt.ArrayLike, prior: float) -> tuple[FloatArray, BoolArray, FloatArray]:
    if not 0 < prior < 1:
        raise CalibrationError(f"the prior share of genuine pairs must be between 0 and 1; got {prior}.")
    d, s = checked(distances, same)
    return d, s, np.where(s, prior / s.sum(), (1 - prior) / (~s).sum())
