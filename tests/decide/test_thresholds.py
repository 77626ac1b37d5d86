"""Where the line is drawn, what it promises, and what it refuses to promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinnet.core.errors import CalibrationError, TooFewImpostors
from twinnet.decide import (
    DecisionRule,
    abstain_band,
    choose_threshold,
    eer,
    error_rates,
    far_in_gallery,
    far_supported,
    frr_at_far,
    impostors_needed,
    rates_at,
)

pairs = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: len({same for _, same in rows}) == 2
)


def test_separated_pairs_are_parted_in_the_middle() -> None:
    d, same = [0.1, 0.2, 0.8, 0.9], [True, True, False, False]
    for method in ("eer", "f1"):
        assert choose_threshold(d, same, method=method).threshold == pytest.approx(0.5)  # type: ignore[arg-type]


@given(pairs)
def test_no_other_threshold_brings_the_two_errors_closer(rows: list[tuple[int, bool]]) -> None:
    d, same = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    rates = error_rates(d, same)
    far, frr, _ = rates_at(d, same, eer(rates)[1])
    assert abs(far - frr) == pytest.approx(np.abs(rates.far - rates.frr).min())


@given(pairs, st.floats(0, 1))
def test_a_threshold_for_a_far_has_the_rates_that_it_names(rows: list[tuple[int, bool]], target: float) -> None:
    d, same = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    frr, threshold = frr_at_far(error_rates(d, same), target)
    counted = rates_at(d, same, threshold)
    assert counted[0] <= target
    assert counted[1] == frr


def test_neighbouring_floats_are_still_parted() -> None:
    low = 1.0
    high = np.nextafter(low, 2)
    assert choose_threshold([low, high], [True, False]).threshold == high


@given(st.integers(1, 2_000_000))
def test_what_the_refusal_offers_is_accepted(n: int) -> None:
    offered = far_supported(n)
    assert offered < 1
    assert impostors_needed(offered) <= n


def test_the_published_count_for_one_in_a_hundred_thousand() -> None:
    assert impostors_needed(1e-5) == 299_572  # ln 0.05 / ln(1 − 1e-5) = 299,571.7


def test_unknown_and_unfinished_methods_are_refused() -> None:
    d, same = [0.1, 0.9], [True, False]
    for options in ({"method": "vote"}, {"method": "far"}, {"method": "far", "far": 1.0}, {"method": "given"}):
        with pytest.raises(CalibrationError):
            choose_threshold(d, same, **options)  # type: ignore[arg-type]


def test_the_abstain_band_keeps_both_promises_and_says_its_price() -> None:
    rng = np.random.default_rng(0)
    same = np.arange(6000) < 2000
    d = np.where(same, rng.normal(0.5, 0.15, 6000), rng.normal(1.0, 0.2, 6000))
    band = abstain_band(d, same, far=0.01, frr=0.01)
    assert band.low < band.high
    assert (d[~same] < band.low).mean() == band.far.point <= 0.01
    assert (d[same] >= band.high).mean() == band.frr.point <= 0.01
    between = (d >= band.low) & (d < band.high)
    assert band.abstained_genuine.point == between[same].mean()
    assert band.abstained_impostor.point == between[~same].mean()
    rule = DecisionRule(0.7, "given", abstain=(band.low, band.high))
    np.testing.assert_array_equal([rule.decide(float(x)).abstained for x in d[:200]], between[:200])


def test_where_one_threshold_keeps_both_promises_the_band_is_empty() -> None:
    d = np.concatenate([np.linspace(0, 0.4, 200), np.linspace(0.6, 1, 400)])
    band = abstain_band(d, np.arange(600) < 200, far=0.05, frr=0.05)
    assert band.low == band.high
    assert band.abstained_genuine.point == band.abstained_impostor.point == 0
    assert band.far.point <= 0.05
    assert band.frr.point <= 0.05


def test_promises_that_the_pairs_cannot_show_are_refused() -> None:
    d, same = np.linspace(0, 1, 100), np.arange(100) < 10
    with pytest.raises(TooFewImpostors, match="FAR 0.001 needs"):
        abstain_band(d, same, far=1e-3, frr=0.1)
    with pytest.raises(CalibrationError, match="shows on 100 genuine pairs"):
        abstain_band(d, same, far=0.1, frr=0.01)
    with pytest.raises(CalibrationError, match="between 0 and 1"):
        abstain_band(d, same, far=0.0, frr=0.1)


def test_a_band_upside_down_and_a_far_that_is_no_rate_are_refused() -> None:
    with pytest.raises(CalibrationError, match="low <= high"):
        DecisionRule(0.5, "given", abstain=(0.6, 0.4))
    with pytest.raises(CalibrationError, match="cannot be read"):
        DecisionRule.from_dict({"threshold": 0.5, "method": "given", "abstain": ["a", "b"]})
    with pytest.raises(CalibrationError, match="between 0 and 1"):
        far_in_gallery(1.5, 3)
    assert far_in_gallery(1.0, 3) == 1
