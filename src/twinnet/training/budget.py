"""How long a run takes, as one number from 0 to 1 that the schedule and the bar follow."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Either a number of steps or a number of seconds."""

    steps: int = 0
    seconds: float = 0.0

    def progress(self, step: int, elapsed_s: float) -> float:
        """Share of the run that is behind, in [0, 1]."""
        done = step / self.steps if self.steps else elapsed_s / self.seconds
        return min(1.0, done)


def learning_rate(progress: float, peak: float, warm_up: float) -> float:
    """Linear warm-up, then half a cosine down to zero (Loshchilov & Hutter 2017)."""
    if progress < warm_up:
        return peak * max(progress / warm_up, 0.01)
    return peak * 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / max(1e-9, 1 - warm_up)))
