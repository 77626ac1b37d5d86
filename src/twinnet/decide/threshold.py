"""Where to draw the line: by equal error, by a false-accept rate, by F1 or accuracy, or as given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import CalibrationError, TooFewImpostors
from twinnet.core.types import Interval
from twinnet.decide.checks import checked
from twinnet.decide.intervals import clopper_pearson
from twinnet.decide.rates import eer, error_rates, frr_at_far, middle

Method = Literal["eer", "far", "f1", "accuracy", "given"]


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """A threshold, how it was chosen, and its measured error rates on the pairs that it was chosen on."""

    threshold: float
    method: str
    far: Interval
    frr: Interval
    n_genuine: int
    n_impostor: int


def impostors_needed(far: float, level: float = 0.95) -> int:
    """Impostor pairs without one false accept that it takes to claim `far` at this level: (1 − far)ⁿ ≤ 1 − level."""
    return math.ceil(math.log(1 - level) / math.log1p(-far))


def far_supported(n_impostor: int, level: float = 0.95) -> float:
    """The least FAR that so many impostor pairs can claim, rounded up to two digits so that asking for it succeeds."""
    exact = -math.expm1(math.log(1 - level) / n_impostor)
    step = 10.0 ** (math.floor(math.log10(exact)) - 1)
    return float(f"{math.ceil(exact / step) * step:.2g}")


def refuse_too_few(far: float, n_impostor: int) -> None:
    """Raise TooFewImpostors when so many impostor pairs cannot support `far`, with what they can."""
    if n_impostor < (needed := impostors_needed(far)):
        raise TooFewImpostors(
            f"FAR {far:g} needs at least {needed:,} impostor pairs to be claimed at 95 %; this set gives "
            f"{n_impostor:,}. Ask for FAR >= {far_supported(n_impostor):.2g}, or add identities."
        )


def choose_threshold(
    distances: npt.ArrayLike,
    same: npt.ArrayLike,
    *,
    method: Method = "eer",
    far: float | None = None,
    value: float | None = None,
) -> ThresholdChoice:
    """The threshold by `method`; `far` is the target of method far, `value` the threshold of method given.

    Raises TooFewImpostors where the pairs cannot support the asked FAR, CalibrationError for unusable pairs.
    """
    d, s = checked(distances, same)
    rates = error_rates(d, s)
    if method == "far":
        if far is None or not 0 < far < 1:
            raise CalibrationError(f"the target FAR must be between 0 and 1; got {far}.")
        refuse_too_few(far, rates.n_impostor)
        threshold, name = frr_at_far(rates, far)[1], f"FAR <= {far:g}"
    elif method == "eer":
        threshold, name = eer(rates)[1], "equal error rate"
    elif method == "f1":
        accepted = (1 - rates.frr) * rates.n_genuine
        f1 = 2 * accepted / np.maximum(accepted + rates.far * rates.n_impostor + rates.n_genuine, 1e-12)
        threshold, name = middle(rates, int(np.argmax(f1))), "best F1"
    elif method == "accuracy":
        right = (1 - rates.frr) * rates.n_genuine + (1 - rates.far) * rates.n_impostor
        threshold, name = middle(rates, int(np.argmax(right))), "best accuracy"
    elif method != "given":
        raise CalibrationError(f"method {method!r} is unknown. Known: eer, far, f1, accuracy, given.")
    else:
        if value is None or not math.isfinite(value):
            raise CalibrationError("method 'given' needs a finite threshold.")
        threshold, name = value, "given"
    accepted_pairs = d < threshold
    return ThresholdChoice(
        float(threshold),
        name,
        clopper_pearson(int(accepted_pairs[~s].sum()), rates.n_impostor),
        clopper_pearson(int((~accepted_pairs[s]).sum()), rates.n_genuine),
        rates.n_genuine,
        rates.n_impostor,
    )
