"""Too close to call: a band of distances in which the rule answers neither same nor different."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import CalibrationError
from twinnet.core.types import Interval
from twinnet.decide.checks import checked
from twinnet.decide.intervals import clopper_pearson
from twinnet.decide.rates import error_rates, middle
from twinnet.decide.threshold import refuse_too_few


@dataclass(frozen=True, slots=True)
class AbstainBand:
    """Below `low` same, from `high` on different, between them no answer; its rates on the pairs that it came from.

    `far` is the share of impostor pairs called the same, `frr` of genuine pairs called different, `abstained_genuine`
    and `abstained_impostor` the shares without an answer: the price of the band.
    """

    low: float
    high: float
    far: Interval
    frr: Interval
    abstained_genuine: Interval
    abstained_impostor: Interval


def abstain_band(distances: npt.ArrayLike, same: npt.ArrayLike, *, far: float, frr: float) -> AbstainBand:
    """The narrowest band that keeps both promises: of impostors at most `far` accepted, of genuine `frr` rejected.

    Where one threshold keeps both, the band is empty (low = high), in the middle of the thresholds that do. Raises
    TooFewImpostors where the pairs cannot support `far`, CalibrationError for rates outside (0, 1) or unusable pairs.
    """
    d, s = checked(distances, same)
    if not (0 < far < 1 and 0 < frr < 1):
        raise CalibrationError(f"the promised FAR and FRR must be between 0 and 1; got {far} and {frr}.")
    rates = error_rates(d, s)
    refuse_too_few(far, rates.n_impostor)
    if rates.n_genuine < 1 / frr:
        raise CalibrationError(
            f"an FRR of {frr:g} shows on {1 / frr:,.0f} genuine pairs or more; this set gives {rates.n_genuine:,}. "
            "Ask for a higher FRR, or add genuine pairs."
        )
    last = int(np.searchsorted(rates.far, far, side="right")) - 1  # FAR rises with the row
    first = int(np.argmax(rates.frr <= frr))  # FRR falls with it
    low, high = middle(rates, last), middle(rates, first)
    if high <= low:
        low = high = low + (high - low) / 2
    accepted, rejected = d < low, d >= high
    between = ~(accepted | rejected)
    return AbstainBand(
        low,
        high,
        clopper_pearson(int(accepted[~s].sum()), rates.n_impostor),
        clopper_pearson(int(rejected[s].sum()), rates.n_genuine),
        clopper_pearson(int(between[s].sum()), rates.n_genuine),
        clopper_pearson(int(between[~s].sum()), rates.n_impostor),
    )
