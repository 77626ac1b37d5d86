"""Probabilities: curves that fall, fits that recover the truth, and judges that agree with scikit-learn."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from twinnet.core.errors import CalibrationError
from twinnet.decide import (
    CALIBRATORS,
    Beta,
    brier,
    calibrator_from_dict,
    ece,
    fit_beta,
    fit_isotonic,
    fit_platt,
    reliability,
)


def labelled(make: Beta, n: int = 60_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    d = rng.uniform(0.01, 3, n)
    return d, rng.random(n) < make(d)


def test_beta_recovers_the_curve_that_made_the_labels() -> None:
    true = Beta(a=2.0, b=0.7, c=0.5, scale=1.0, nearest=0.01)
    d, same = labelled(true)
    found = fit_beta(d, same, prior=float(same.mean()), scale=1.0)
    np.testing.assert_allclose(found(d), true(d), atol=0.02)


def test_beta_with_scale_one_is_the_published_map_of_the_learned_comparisons_probability() -> None:
    p = np.linspace(0.01, 0.99, 50)
    ours = Beta(1.3, 0.6, 0.2, 1.0, 1e-6)(-np.log(p))
    odds = np.exp(0.2) * p**1.3 / (1 - p) ** 0.6  # Kull et al. 2017, equation of the beta map
    np.testing.assert_allclose(ours, odds / (1 + odds), rtol=1e-9)


def test_the_prior_moves_the_odds_and_nothing_else() -> None:
    d, same = labelled(Beta(2.0, 0.0, 1.0, 1.0, 0.01))
    even, rare = fit_platt(d, same), fit_platt(d, same, prior=0.01)
    # Bayes: the odds differ by the ratio of the prior odds, whatever the distance.
    assert rare.slope == pytest.approx(even.slope, rel=0.1)
    assert even.offset - rare.offset == pytest.approx(np.log(99), rel=0.1)


@pytest.mark.parametrize("kind", sorted(CALIBRATORS))
def test_pairs_that_separate_perfectly_give_finite_curves(kind: str) -> None:
    curve = CALIBRATORS[kind]([0.1, 0.2, 0.3, 0.8, 0.9, 1.0], [True] * 3 + [False] * 3)
    p = curve(np.linspace(0, 5, 100))
    assert np.isfinite(p).all()
    assert p[0] > 0.5 > p[-1]
    assert p.max() < 1


@pytest.mark.parametrize("kind", sorted(CALIBRATORS))
@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40).filter(
        lambda rows: len({same for _, same in rows}) == 2 and any(d for d, _ in rows)
    )
)
def test_every_curve_falls_and_survives_json(kind: str, rows: list[tuple[int, bool]]) -> None:
    curve = CALIBRATORS[kind]([d for d, _ in rows], [same for _, same in rows])
    p = curve(np.linspace(-1, 8, 60))
    assert (np.diff(p) <= 1e-12).all()
    assert ((p >= 0) & (p <= 1)).all()
    assert calibrator_from_dict(json.loads(json.dumps(curve.to_dict()))) == curve


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "magic"},
        {"kind": ["platt"]},
        {"kind": "platt", "slope": 1.0},
        {"kind": "platt", "slope": 1.0, "offset": 0.0, "extra": 1},
        {"kind": "platt", "slope": float("nan"), "offset": 0.0},
        {"kind": "platt", "slope": -1.0, "offset": 0.0},
        {"kind": "platt", "slope": "steep", "offset": 0.0},
        {"kind": "isotonic", "distance": [0.0, 1.0], "probability": [0.1, 0.9]},
        {"kind": "isotonic", "distance": [], "probability": []},
        {"kind": "isotonic", "distance": [0.0, [1.0]], "probability": [0.9, 0.1]},
        {"kind": "beta", "a": 1.0, "b": 1.0, "c": 0.0, "scale": 0.0, "nearest": 0.1},
    ],
)
def test_a_damaged_calibration_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(CalibrationError):
        calibrator_from_dict(values)


@pytest.mark.parametrize("fit", [fit_platt, fit_beta, fit_isotonic])
def test_a_prior_that_is_no_share_is_refused(fit: object) -> None:
    with pytest.raises(CalibrationError, match="between 0 and 1"):
        fit([0.1, 0.9], [True, False], prior=1.0)  # type: ignore[operator]


def test_reliability_agrees_with_sklearn() -> None:
    rng = np.random.default_rng(1)
    p, same = rng.random(500), rng.random(500) < 0.4
    share, given_ = calibration_curve(same, p, n_bins=10)
    bars = reliability(p, same)
    np.testing.assert_allclose(bars.same, share)
    np.testing.assert_allclose(bars.given, given_)
    assert bars.pairs.sum() == 500


def test_ece_of_an_honest_probability_is_near_zero_and_of_a_boast_is_its_gap() -> None:
    rng = np.random.default_rng(2)
    p = rng.random(100_000)
    assert ece(p, rng.random(100_000) < p) < 0.01
    assert ece([0.9] * 10, [True] * 5 + [False] * 5) == pytest.approx(0.4)


def test_the_prior_judges_as_if_pairs_of_that_share_were_there() -> None:
    p, same = np.array([0.9, 0.2, 0.4]), np.array([True, False, False])
    twice = np.array([0, 0, 1, 2])  # genuine pairs as often as impostor pairs
    assert brier(p, same, prior=0.5) == pytest.approx(brier_score_loss(same[twice], p[twice]))
    assert ece(p, same, prior=0.5) == pytest.approx(ece(p[twice], same[twice]))


@pytest.mark.parametrize("judge", [brier, ece])
@pytest.mark.parametrize(("p", "same"), [([1.2], [True]), ([float("nan")], [True]), ([], []), ([0.5], [True, False])])
def test_what_is_no_probability_is_not_judged(judge: object, p: list[float], same: list[bool]) -> None:
    with pytest.raises(CalibrationError):
        judge(p, same)  # type: ignore[operator]
