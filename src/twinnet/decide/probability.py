"""Distance → probability of being the same: Platt's sigmoid, or a free monotone curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from twinnet.core.errors import CalibrationError
from twinnet.core.types import FloatArray
from twinnet.decide.checks import checked


class Calibrator(Protocol):
    """`(P,)` distances → `(P,)` probabilities, never rising with the distance."""

    def __call__(self, distances: npt.ArrayLike) -> FloatArray: ...

    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Platt:
    """p = sigmoid(offset − slope · distance), slope ≥ 0 (Platt 1999)."""

    slope: float
    offset: float

    def __call__(self, distances: npt.ArrayLike) -> FloatArray:
        """`(P,)` → `(P,)`."""
        return np.asarray(expit(self.offset - self.slope * np.asarray(distances, np.float64)))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {"kind": "platt", "slope": self.slope, "offset": self.offset}


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A falling curve through knots, straight between them (Zadrozny & Elkan 2002)."""

    distance: tuple[float, ...]
    probability: tuple[float, ...]

    def __call__(self, distances: npt.ArrayLike) -> FloatArray:
        """`(P,)` → `(P,)`; beyond the knots the last value holds."""
        return np.asarray(np.interp(np.asarray(distances, np.float64), self.distance, self.probability))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {"kind": "isotonic", "distance": list(self.distance), "probability": list(self.probability)}


def fit_platt(distances: npt.ArrayLike, same: npt.ArrayLike, *, prior: float = 0.5) -> Platt:
    """Platt's sigmoid by maximum likelihood, with his smoothed targets.

    Both kinds are weighted so that genuine pairs make up `prior`: the probability is then that of a world in which this
    share of the comparisons is genuine, not of the (arbitrary) share in the calibration pairs.
    """
    d, s, weight = _weighted(distances, same, prior)
    target = np.where(s, (s.sum() + 1) / (s.sum() + 2), 1 / ((~s).sum() + 2))
    centre, spread = float(np.average(d, weights=weight)), float(d.std()) or 1.0
    x = (d - centre) / spread

    def negative_log_likelihood(theta: FloatArray) -> tuple[float, FloatArray]:
        logit = theta[1] - theta[0] * x
        loss = np.logaddexp(0, logit) - target * logit
        error = weight * (expit(logit) - target)
        return float(weight @ loss), np.array([-(error @ x), error.sum()])

    found = minimize(
        negative_log_likelihood, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)]
    )
    slope = float(found.x[0]) / spread
    return Platt(slope, float(found.x[1]) + slope * centre)


def fit_isotonic(distances: npt.ArrayLike, same: npt.ArrayLike, *, prior: float = 0.5) -> Isotonic:
    """The best falling step curve, weighted as in `fit_platt`, kept within what the number of pairs can support."""
    from sklearn.isotonic import IsotonicRegression  # slow to import, and not every calibration needs it

    d, s, weight = _weighted(distances, same, prior)
    # No finite number of pairs shows that a pair is certainly the same: Laplace's rule bounds the ends.
    low, high = 1 / ((~s).sum() + 2), (s.sum() + 1) / (s.sum() + 2)
    curve = IsotonicRegression(increasing=False, y_min=low, y_max=high, out_of_bounds="clip").fit(d, s, weight)
    return Isotonic(tuple(map(float, curve.X_thresholds_)), tuple(map(float, curve.y_thresholds_)))


CALIBRATORS: dict[str, Callable[..., Calibrator]] = {"platt": fit_platt, "isotonic": fit_isotonic}


def calibrator_from_dict(values: Mapping[str, Any]) -> Calibrator:
    """Back from `to_dict`; raises CalibrationError for what it does not know."""
    try:
        kind, rest = values["kind"], {k: v for k, v in values.items() if k != "kind"}
        if kind == "platt":
            return Platt(**rest)
        if kind == "isotonic":
            return Isotonic(**{k: tuple(v) for k, v in rest.items()})
    except (KeyError, TypeError) as error:
        raise CalibrationError(f"this calibration cannot be read: {error}.") from error
    raise CalibrationError(f"calibration {kind!r} is unknown. Known: {', '.join(sorted(CALIBRATORS))}.")


def brier(probabilities: npt.ArrayLike, same: npt.ArrayLike) -> float:
    """The mean squared error of the probabilities (Brier 1950)."""
    p, s = checked(probabilities, same, both=False)
    return float(np.mean((p - s) ** 2))


def _weighted(
    distances: npt.ArrayLike, same: npt.ArrayLike, prior: float
) -> tuple[FloatArray, npt.NDArray[np.bool_], FloatArray]:
    if not 0 < prior < 1:
        raise CalibrationError(f"the prior share of genuine pairs must be between 0 and 1; got {prior}.")
    d, s = checked(distances, same)
    return d, s, np.where(s, prior / s.sum(), (1 - prior) / (~s).sum())
