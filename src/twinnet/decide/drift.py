"""Has the stream changed? A bet against even ranks that wins only where they are not (Vovk et al. 2003)."""

from __future__ import annotations

import bisect
from math import log
from typing import final

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import CalibrationError, ConfigError
from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray

_POWERS = np.linspace(0.05, 0.95, 19)


@final
class DriftAlarm:
    """A conformal test martingale over distances, beginning with `good (N,)` that the detector did not learn from.

    Each new distance gets its rank among all before it, good ones and stream alike, as a p-value; ties are broken by
    chance. While the stream is exchangeable with the good samples, these are even and independent. Each multiplies a
    wealth that starts at 1 by the power bet ε p^(ε−1), mixed over ε; the wealth is then a martingale and by Ville's
    inequality ever reaches 1/`rate` with probability at most `rate`, however long the stream. An alarm stays.
    Raises ConfigError for a rate that is no probability, CalibrationError for distances that are not numbers.
    """

    def __init__(self, good: npt.ArrayLike, rate: float = 0.01, *, seed: int = 0) -> None:
        if not 0 < rate < 1:
            raise ConfigError(f"the rate of false drift alarms must be between 0 and 1, not {rate}.")
        self.rate, self.seen, self.alarm = rate, 0, False
        self._before = sorted(_numbers(good))
        self._log_wealth: FloatArray = np.zeros(len(_POWERS))
        self._chance = stream(seed, "ties")

    def add(self, distances: npt.ArrayLike) -> bool:
        """More of the stream, in the order of its coming; whether there is an alarm by now. Stops at the alarm."""
        for distance in _numbers(distances):
            if self.alarm:
                break
            below, up_to = bisect.bisect_left(self._before, distance), bisect.bisect_right(self._before, distance)
            ties = up_to - below + 1  # itself included
            p = (len(self._before) - up_to + self._chance.uniform(0, 1) * ties) / (len(self._before) + 1)
            bisect.insort(self._before, distance)
            self._log_wealth = self._log_wealth + np.log(_POWERS) + (_POWERS - 1) * log(max(p, 1e-12))
            self.seen += 1
            self.alarm = bool(self._log() >= -log(self.rate))
        return self.alarm

    @property
    def wealth(self) -> float:
        """What was won: odds against *all is as it was*."""
        return float(np.exp(min(self._log(), 700.0)))

    def _log(self) -> float:
        top = float(self._log_wealth.max())
        return top + log(float(np.exp(self._log_wealth - top).mean()))


def _numbers(values: npt.ArrayLike) -> list[float]:
    array = np.atleast_1d(np.asarray(values, np.float64))
    if array.ndim != 1 or np.isnan(array).any():
        raise CalibrationError("distances must be one row of numbers.")
    return [float(value) for value in array]
