"""Where a distance falls among those of genuine and of impostor pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import CalibrationError
from twinnet.core.types import FloatArray
from twinnet.decide.checks import checked

SHARES: FloatArray = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True)
class Spread:
    """Distances at the shares 0, 0.01 … 1 of all genuine pairs and of all impostor pairs, ascending, 101 each.

    Raises CalibrationError for other lengths, or distances that descend or are not finite.
    """

    genuine: tuple[float, ...]
    impostor: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("genuine", "impostor"):
            values = np.asarray(getattr(self, name), np.float64)
            if values.shape != SHARES.shape or not np.isfinite(values).all() or (np.diff(values) < 0).any():
                raise CalibrationError(f"the spread of {name} distances must be {len(SHARES)} ascending numbers.")

    def nearer(self, distance: float) -> tuple[float, float]:
        """The shares of genuine and of impostor pairs that are nearer than `distance`, to about one per cent."""
        return _share(self.genuine, distance), _share(self.impostor, distance)


def spread(distances: npt.ArrayLike, same: npt.ArrayLike) -> Spread:
    """The quantiles of both kinds of distance `(P,)`. Raises CalibrationError for unusable pairs."""
    d, s = checked(distances, same)
    # Interpolated quantiles of equal distances may differ in the last bit, either way.
    genuine, impostor = (np.maximum.accumulate(np.quantile(d[kind], SHARES)) for kind in (s, ~s))
    return Spread(tuple(map(float, genuine)), tuple(map(float, impostor)))


def _share(quantiles: Sequence[float], distance: float) -> float:
    values = np.asarray(quantiles)
    if distance <= values[0]:
        return 0.0
    # Where several quantiles are the same distance, the first of them counts: nearer is meant strictly.
    above = int(np.searchsorted(values, distance, side="left"))
    if above == len(values):
        return 1.0
    step = (distance - values[above - 1]) / (values[above] - values[above - 1])
    return float(SHARES[above - 1] + step * (SHARES[above] - SHARES[above - 1]))
