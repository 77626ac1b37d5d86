"""Is this still the target? Four measures of a place, and one distance learned from sequences with known truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from twinnet.core.types import FloatArray

MEASURES = ("first", "recent", "answer", "runner_up")
"""Distances from the first and from the recent template; the filter's answer; how much of it another place answers."""


@dataclass(frozen=True, slots=True)
class Rule:
    """distance = ln(1 + exp(z)) = −log p(same), z = Σ weightᵢ·(xᵢ − centreᵢ)/scaleᵢ + offset. Same: below `threshold`.

    `back` is the stricter threshold for coming back from *lost*, where the whole frame was asked and not one window.
    """

    centre: tuple[float, ...] = (0.3, 0.2, 0.3, 0.5)
    scale: tuple[float, ...] = (0.1, 0.1, 0.1, 0.2)
    weight: tuple[float, ...] = (1.0, 1.0, -1.0, 1.0)
    offset: float = -2.0
    threshold: float = 0.6931471805599453
    back: float = 0.3

    def distance(self, measures: FloatArray) -> float:
        """Of one place's measures `(4,)`."""
        z = float(np.dot(self.weight, (measures - np.array(self.centre)) / np.array(self.scale)) + self.offset)
        return float(np.logaddexp(0.0, z))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "centre": list(self.centre), "scale": list(self.scale), "weight": list(self.weight),
            "offset": self.offset, "threshold": self.threshold, "back": self.back,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Rule:
        """Raises KeyError, TypeError or ValueError where it is none."""
        parts = {name: tuple(float(v) for v in values[name]) for name in ("centre", "scale", "weight")}
        if any(len(part) != len(MEASURES) for part in parts.values()):
            raise ValueError("a tracker's rule has four measures")
        return cls(
            **parts, offset=float(values["offset"]), threshold=float(values["threshold"]), back=float(values["back"])
        )
