"""Ties, one distance, one pair, NaN, unequal lengths: a clear refusal or a finite answer, never anything else."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinnet.core.errors import CalibrationError
from twinnet.decide import (
    WeightedRates,
    abstain_band,
    choose_threshold,
    error_rates,
    fit_isotonic,
    fit_platt,
    over_identities,
    spread,
    verdict_rates,
)

rows = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 0.5000001, 1.0, 1e300, -1.0]), st.booleans(), st.integers(0, 3)), max_size=20
)
JUDGES = [error_rates, choose_threshold, fit_platt, fit_isotonic, spread, WeightedRates]


@pytest.mark.parametrize("judge", JUDGES)
@given(st.lists(st.floats(), max_size=8), st.lists(st.booleans(), max_size=8))
def test_unusable_pairs_raise_nothing_but_the_calibration_error(judge, d: list[float], same: list[bool]) -> None:  # type: ignore[no-untyped-def]
    usable = len(d) == len(same) and all(map(math.isfinite, d)) and len(set(same)) == 2
    if usable:
        return
    with pytest.raises(CalibrationError, match=r"equal length|NaN or infinite|need both kinds"):
        judge(d, same)


@given(rows)
def test_intervals_of_any_tied_pairs_are_ordered_and_finite(rows: list[tuple[float, bool, int]]) -> None:
    d, same = [r[0] for r in rows], [r[1] for r in rows]
    if len(set(same)) < 2:
        with pytest.raises(CalibrationError, match="need both kinds"):
            WeightedRates(d, same)
        return
    first = np.array([r[2] for r in rows])
    second = np.where(same, first, first + 1)
    rates = WeightedRates(d, same, 0.5)
    for found in (
        over_identities(rates, first, second, pairs=rates.pairs, skewed=rates.skewed, replicates=5),
        verdict_rates(d, same, first, second, 0.5, 1.0, replicates=5),
    ):
        for interval in found:
            assert 0 <= interval.low <= interval.point <= interval.high <= 1


@given(st.floats(-1e6, 1e6), st.integers(1, 20), st.integers(1, 20))
def test_one_distance_for_all_pairs_accepts_all_or_none(value: float, genuine: int, impostor: int) -> None:
    d, same = np.full(genuine + impostor, value), np.arange(genuine + impostor) < genuine
    choice = choose_threshold(d, same)
    assert (choice.far.point, choice.frr.point) in ((0.0, 1.0), (1.0, 0.0))
    # Nothing to tell them apart: the even mean of Platt's two targets.
    expected = ((genuine + 1) / (genuine + 2) + 1 / (impostor + 2)) / 2
    assert fit_platt(d, same)([value])[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("same", [True, False])
def test_one_pair_alone_is_refused_with_what_is_missing(same: bool) -> None:
    with pytest.raises(CalibrationError, match=f"Next: add {'impostor' if same else 'genuine'} pairs"):
        choose_threshold([0.3], [same])
    with pytest.raises(CalibrationError, match="need both kinds"):
        abstain_band([0.3], [same], far=0.5, frr=0.5)
