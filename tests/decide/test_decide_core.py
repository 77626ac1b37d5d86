"""Error rates against scikit-learn, intervals against SciPy, thresholds against counting by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, roc_auc_score, roc_curve

from twinnet.core.errors import CalibrationError, TooFewImpostors
from twinnet.decide import (
    DecisionRule,
    WeightedRates,
    auc,
    brier,
    choose_threshold,
    clopper_pearson,
    eer,
    error_rates,
    far_in_gallery,
    fit_isotonic,
    fit_platt,
    frr_at_far,
    over_identities,
    rates_at,
)


def study(seed: int, n: int = 400, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    same = rng.random(n) < 0.3
    d = np.where(same, rng.normal(0.5, 0.2, n), rng.normal(0.9, 0.25, n)).clip(0)
    return (d.round(1) if ties else d), same


pairs = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: len({same for _, same in rows}) == 2
)


@given(pairs)
def test_rates_agree_with_sklearn_on_ties(rows: list[tuple[int, bool]]) -> None:
    d, same = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    rates = error_rates(d, same)
    far, tar, _ = roc_curve(same, -d, drop_intermediate=False)
    np.testing.assert_allclose(rates.far, far)
    np.testing.assert_allclose(1 - rates.frr, tar)
    assert auc(rates) == pytest.approx(roc_auc_score(same, -d))


@given(pairs)
def test_every_rate_is_what_counting_gives_at_its_threshold(rows: list[tuple[int, bool]]) -> None:
    d, same = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    rates = error_rates(d, same)
    for threshold, far, frr in zip(rates.threshold, rates.far, rates.frr, strict=True):
        counted = rates_at(d, same, float(threshold))
        assert counted[:2] == pytest.approx((far, frr))


def test_eer_is_where_the_two_errors_meet() -> None:
    d, same = study(1, 20_000)
    rate, threshold = eer(error_rates(d, same))
    far, frr, _ = rates_at(d, same, threshold)
    assert far == pytest.approx(rate, abs=2e-3)
    assert frr == pytest.approx(rate, abs=2e-3)


def test_perfect_and_hopeless_distances_have_eer_zero_and_one_half() -> None:
    same = np.array([True, True, False, False])
    assert eer(error_rates([0.1, 0.2, 0.8, 0.9], same))[0] == 0
    assert eer(error_rates([0.5, 0.5, 0.5, 0.5], same))[0] == pytest.approx(0.5)
    assert eer(error_rates([0.8, 0.9, 0.1, 0.2], same))[0] == 1


def test_frr_at_far_keeps_the_far() -> None:
    d, same = study(2)
    frr, threshold = frr_at_far(error_rates(d, same), 0.05)
    counted = rates_at(d, same, threshold)
    assert counted[0] <= 0.05
    assert counted[1] == pytest.approx(frr)


@pytest.mark.parametrize(
    ("d", "same", "message"),
    [
        ([0.1, float("nan")], [True, False], "1 of 2 distances are NaN"),
        ([0.1, 0.2, 0.3], [True, False], "equal length"),
        ([0.1, 0.2], [True, True], "0 impostor pairs"),
        ([0.1], [False], "0 genuine"),
        ([], [], "both kinds"),
        ([0.1, 0.2], [1, 2], "1 means the same"),
    ],
)
def test_unusable_pairs_are_refused_with_the_reason(d: list[float], same: list[bool], message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        error_rates(d, same)


@given(st.integers(1, 500), st.data())
def test_clopper_pearson_agrees_with_scipy(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    expected = binomtest(k, n).proportion_ci(method="exact")
    ours = clopper_pearson(k, n)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_weighted_rates_with_equal_weights_are_the_plain_ones() -> None:
    d, same = study(3, ties=True)
    found = WeightedRates(d, same, 0.7)(np.ones(len(d)))
    rates = error_rates(d, same)
    far, frr, accuracy = rates_at(d, same, 0.7)
    assert found == pytest.approx((eer(rates)[0], auc(rates), accuracy, far, frr))


def test_a_pair_of_weight_two_counts_as_if_it_stood_there_twice() -> None:
    d, same = study(4, 60, ties=True)
    weights = np.random.default_rng(0).integers(0, 3, 60).astype(float)
    twice = np.repeat(np.arange(60), weights.astype(int))
    assert WeightedRates(d, same, 0.7)(weights) == pytest.approx(
        WeightedRates(d[twice], same[twice], 0.7)(np.ones(len(twice)))
    )


def test_the_bootstrap_is_wider_where_few_identities_share_the_pairs() -> None:
    d, same = study(5, 2000)
    few, many = np.arange(2000) % 8, np.arange(2000)
    rates, widths = WeightedRates(d, same), []
    for ids in (few, many):
        second = np.where(same, ids, ids + 1)
        low_high = over_identities(rates, ids, second, pairs=rates.pairs, replicates=100)[1]
        assert low_high.low <= low_high.point <= low_high.high
        widths.append(low_high.high - low_high.low)
    assert widths[0] > widths[1] * 0.5
    assert over_identities(rates, *[np.arange(2000) % 8] * 2, pairs=rates.pairs, replicates=3)[0].method.endswith(
        "over 8 identities"
    )


def test_f1_threshold_is_the_best_by_trying_all() -> None:
    d, same = study(6, 200)
    best = max(f1_score(same, d < t) for t in np.append(np.unique(d), 9.0))
    assert f1_score(same, d < choose_threshold(d, same, method="f1").threshold) == pytest.approx(best)


def test_accuracy_threshold_is_the_best_by_trying_all() -> None:
    d, same = study(6, 200)
    best = max(accuracy_score(same, d < t) for t in np.append(np.unique(d), 9.0))
    assert accuracy_score(same, d < choose_threshold(d, same, method="accuracy").threshold) == pytest.approx(best)


def test_a_far_that_the_pairs_cannot_support_is_refused_with_what_they_can() -> None:
    d, same = study(7, 400)
    n = int((~same).sum())
    with pytest.raises(TooFewImpostors, match=f"needs at least 29,956 impostor pairs.*gives {n}") as refused:
        choose_threshold(d, same, method="far", far=1e-4)
    supported = float(str(refused.value).split(">= ")[1].split(",")[0])
    assert choose_threshold(d, same, method="far", far=supported * 1.05).far.point <= supported * 1.05


def test_platt_recovers_the_curve_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    d = rng.uniform(0, 2, 40_000)
    same = rng.random(40_000) < 1 / (1 + np.exp(-(4 - 5 * d)))
    platt = fit_platt(d, same, prior=float(same.mean()))
    assert platt.slope == pytest.approx(5, rel=0.03)
    assert platt.offset == pytest.approx(4, rel=0.03)


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_probabilities_fall_with_distance_and_are_never_certain(fit: object) -> None:
    d, same = study(8)
    p = fit(d, same)(np.linspace(-1, 3, 200))  # type: ignore[operator]
    assert (np.diff(p) <= 1e-12).all()
    assert p.min() > 0
    assert p.max() < 1


def test_brier_agrees_with_sklearn() -> None:
    p, same = np.random.default_rng(1).random(50), study(9, 50)[1]
    assert brier(p, same) == pytest.approx(brier_score_loss(same, p))


def test_the_rule_is_strict_and_survives_json() -> None:
    d, same = study(10)
    rule = DecisionRule(0.7, "given", fit_isotonic(d, same), clopper_pearson(3, 100), None, 1, 2, "x", (0.6, 0.8))
    assert rule.decide(0.7).same is False
    assert rule.decide(math.nextafter(0.7, 0)).same is True
    assert rule.decide(0.6).abstained
    assert not rule.decide(0.8).abstained
    again = DecisionRule.from_dict(rule.to_dict())
    assert again == rule
    assert again.decide(0.65) == rule.decide(0.65)
    with pytest.raises(CalibrationError, match="unknown settings: treshold"):
        DecisionRule.from_dict({"treshold": 1})
    with pytest.raises(CalibrationError, match="finite"):
        DecisionRule(float("nan"), "given")


def test_a_gallery_multiplies_the_chances_of_a_false_accept() -> None:
    assert far_in_gallery(1e-3, 1) == pytest.approx(1e-3)
    assert far_in_gallery(1e-3, 1000) == pytest.approx(1 - 0.999**1000)
