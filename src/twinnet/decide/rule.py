"""The decision rule that a model carries: threshold, probability, and how often it errs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import CalibrationError
from twinnet.core.types import BoolArray, Decision, Interval
from twinnet.decide.abstain import AbstainBand
from twinnet.decide.probability import Calibrator, calibrator_from_dict
from twinnet.decide.spread import Spread


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """Same means distance < threshold. `far` and `frr` were measured on the pairs that `learned_on` describes.

    `abstain` = (low, high): distances in [low, high) are too close to call, and `band` has the rates of the verdicts
    that remain. `far` and `frr` are those of the threshold alone, without a band. `ece` and `brier` judge the
    probability on identities that its curve was not fitted on. `spread` is how the distances of those pairs lie.
    """

    threshold: float
    method: str
    calibrator: Calibrator | None = None
    far: Interval | None = None
    frr: Interval | None = None
    n_genuine: int = 0
    n_impostor: int = 0
    learned_on: str = ""
    abstain: tuple[float, float] | None = None
    band: AbstainBand | None = None
    ece: float | None = None
    brier: float | None = None
    spread: Spread | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.threshold):
            raise CalibrationError(f"the threshold must be a finite number, not {self.threshold}.")
        if self.abstain is not None and not self.abstain[0] <= self.abstain[1]:
            raise CalibrationError(f"the abstain band must be (low, high) with low <= high, not {self.abstain}.")
        if self.band is not None and self.abstain != (self.band.low, self.band.high):
            raise CalibrationError("the measured band must be the rule's abstain band. Next: calibrate again.")

    def decide(self, distance: float) -> Decision:
        """The answer for one distance."""
        close = self.abstain is not None and self.abstain[0] <= distance < self.abstain[1]
        probability = float(self.calibrator([distance])[0]) if self.calibrator else None
        return Decision(
            distance < self.threshold,
            close,
            distance,
            self.threshold,
            probability,
            self.band.far if self.band else self.far,
        )

    def same(self, distances: npt.ArrayLike) -> BoolArray:
        """`(P,)` distances → `(P,)` answers."""
        return np.asarray(np.asarray(distances) < self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["calibrator"] = self.calibrator.to_dict() if self.calibrator else None
        values["far"] = asdict(self.far) if self.far else None
        values["frr"] = asdict(self.frr) if self.frr else None
        values["abstain"] = list(self.abstain) if self.abstain else None
        values["band"] = asdict(self.band) if self.band else None
        values["spread"] = {kind: list(d) for kind, d in asdict(self.spread).items()} if self.spread else None
        # Absent rather than null: rules without them stay readable for versions that do not know them.
        return {k: v for k, v in values.items() if v is not None or k not in ("band", "ece", "brier", "spread")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DecisionRule:
        """Back from `to_dict`; raises CalibrationError for an unknown key or an unreadable value."""
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise CalibrationError(f"the decision rule has unknown settings: {', '.join(unknown)}.")
        try:
            read = dict(values)
            read["calibrator"] = calibrator_from_dict(values["calibrator"]) if values.get("calibrator") else None
            for name in ("far", "frr"):
                read[name] = Interval(**values[name]) if values.get(name) else None
            low_high = values.get("abstain")
            read["abstain"] = (float(low_high[0]), float(low_high[1])) if low_high else None
            if band := values.get("band"):
                rates = {k: Interval(**v) for k, v in band.items() if k not in ("low", "high")}
                read["band"] = AbstainBand(low=float(band["low"]), high=float(band["high"]), **rates)
            if kept := values.get("spread"):
                read["spread"] = Spread(**{kind: tuple(map(float, d)) for kind, d in kept.items()})
            return cls(**read)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CalibrationError(f"the decision rule cannot be read: {error}.") from error


def far_in_gallery(far: float, n: int) -> float:
    """The chance that a stranger is accepted as at least one of n enrolled, 1 − (1 − far)ⁿ.

    It takes the n comparisons to err independently (Daugman 2003). A stranger who resembles many is accepted by them
    together, so measured rates are lower for most strangers and higher for a few.
    """
    if not 0 <= far <= 1 or n < 0:
        raise CalibrationError(f"a FAR lies between 0 and 1 and a gallery has no negative size; got {far}, {n}.")
    return -math.expm1(n * math.log1p(-far)) if far < 1 else 1.0
