"""Distance → probability of being the same: three falling curves, and the reading and writing of them.

A probability assumes a share of genuine pairs among those compared, the `prior` of the fit. It is one half unless told,
because the share in a set of calibration pairs is an accident of how the pairs were drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from twinnet.core.errors import CalibrationError
from twinnet.core.types import FloatArray


@runtime_checkable
class Calibrator(Protocol):
    """`(P,)` distances → `(P,)` probabilities, never rising with the distance."""

    def __call__(self, distances: npt.ArrayLike) -> FloatArray: ...

    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Platt:
    """p = sigmoid(offset − slope · distance), slope ≥ 0 (Platt 1999)."""

    slope: float
    offset: float

    def __post_init__(self) -> None:
        _need(np.isfinite([self.slope, self.offset]).all() and self.slope >= 0, "Platt needs a finite slope >= 0")

    def __call__(self, distances: npt.ArrayLike) -> FloatArray:
        """`(P,)` → `(P,)`."""
        return np.asarray(expit(self.offset - self.slope * np.asarray(distances, np.float64)))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {"kind": "platt", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Beta:
    """logit p = a·ln s − b·ln(1 − s) + c with s = exp(−distance / scale), a, b ≥ 0 (Kull, Silva Filho & Flach 2017).

    ln s is −distance / scale: with b = 0 this is Platt's sigmoid, and b bends it near distance 0. With scale = 1 and
    the learned comparison's distance, −log p, it is exactly the published map of that p. Distances below `nearest`,
    the least one seen, count as `nearest`: at 0 the formula would be certain.
    """

    a: float
    b: float
    c: float
    scale: float
    nearest: float

    def __post_init__(self) -> None:
        values = np.array([self.a, self.b, self.c, self.scale, self.nearest])
        valid = np.isfinite(values).all() and min(self.a, self.b) >= 0 and min(self.scale, self.nearest) > 0
        _need(valid, "Beta needs finite a, b >= 0 and scale, nearest > 0")

    def __call__(self, distances: npt.ArrayLike) -> FloatArray:
        """`(P,)` → `(P,)`."""
        log_s, log_rest = self.logs(distances, self.scale, self.nearest)
        return np.asarray(expit(self.a * log_s - self.b * log_rest + self.c))

    @staticmethod
    def logs(distances: npt.ArrayLike, scale: float, nearest: float) -> tuple[FloatArray, FloatArray]:
        """ln s and ln(1 − s), each `(P,)`."""
        log_s = -np.maximum(np.asarray(distances, np.float64), nearest) / scale
        return log_s, np.log(-np.expm1(log_s))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {"kind": "beta", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A falling curve through knots, straight between them (Zadrozny & Elkan 2002)."""

    distance: tuple[float, ...]
    probability: tuple[float, ...]

    def __post_init__(self) -> None:
        x, y = np.array(self.distance, np.float64), np.array(self.probability, np.float64)
        valid = x.ndim == 1 and len(x) == len(y) > 0 and np.isfinite(x).all() and ((y >= 0) & (y <= 1)).all()
        valid = valid and (np.diff(x) >= 0).all() and (np.diff(y) <= 0).all()
        _need(valid, "Isotonic needs as many rising distances as falling probabilities")

    def __call__(self, distances: npt.ArrayLike) -> FloatArray:
        """`(P,)` → `(P,)`; beyond the knots the last value holds."""
        return np.asarray(np.interp(np.asarray(distances, np.float64), self.distance, self.probability))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {"kind": "isotonic", "distance": list(self.distance), "probability": list(self.probability)}


KINDS: dict[str, type[Platt] | type[Beta] | type[Isotonic]] = {"beta": Beta, "isotonic": Isotonic, "platt": Platt}


def calibrator_from_dict(values: Mapping[str, Any]) -> Calibrator:
    """Back from `to_dict`; raises CalibrationError for an unknown kind or key, and for values that are no curve."""
    kind = values.get("kind") if isinstance(values, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise CalibrationError(f"calibration {kind!r} is unknown. Known: {', '.join(sorted(KINDS))}.")
    try:
        # JSON has lists only; the value objects keep tuples, which compare and cannot be changed.
        read: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k != "kind"}
        return KINDS[kind](**read)
    except (TypeError, ValueError) as error:
        raise CalibrationError(f"this calibration cannot be read: {error}.") from error


def _need(valid: bool | np.bool_, otherwise: str) -> None:
    if not valid:
        raise CalibrationError(f"{otherwise}. Next: calibrate again.")
