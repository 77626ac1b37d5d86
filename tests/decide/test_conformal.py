"""Conformal p-values keep the asked rate, by simulation and by counting; the drift alarm keeps its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from twinnet.core.errors import CalibrationError, ConfigError
from twinnet.decide.conformal import (
    alarm_threshold,
    by_group,
    cross_bound,
    cross_p_values,
    needed,
    p_values,
    smallest_rate,
)
from twinnet.decide.drift import DriftAlarm

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


def test_a_worked_example():
    assert p_values([1.0, 2.0, 3.0], [0.5, 2.0, 2.5, 9.0]).tolist() == [1.0, 0.75, 0.5, 0.25]


@given(NUMBERS, NUMBERS)
def test_p_is_the_counted_share(good, asked):
    counted = [(1 + sum(g >= d for g in good)) / (len(good) + 1) for d in asked]
    assert np.allclose(p_values(good, asked), counted)


@given(NUMBERS)
def test_over_all_turns_of_who_is_new_p_is_at_most_alpha_in_alpha_of_them(values):
    """The proof itself: leave each out in turn; at most ⌊α(N+1)⌋ of N+1 have p ≤ α, ties or not."""
    if len(values) < 2:
        return
    ps = [p_values([*values[:i], *values[i + 1 :]], [values[i]])[0] for i in range(len(values))]
    for alpha in (0.05, 0.1, 0.3, 0.5):
        assert sum(p <= alpha + 1e-12 for p in ps) <= alpha * len(values) + 1e-9


@pytest.mark.parametrize("rate", [0.02, 0.1])
@pytest.mark.parametrize("n", [60, 199])
def test_good_samples_raise_alarms_at_the_asked_rate(rate, n):
    rng = np.random.default_rng(n)
    draws = rng.lognormal(size=(4000, n + 1))
    alarms = sum(float(row[-1]) > alarm_threshold(row[:-1], rate) for row in draws)
    exact = np.floor(rate * (n + 1)) / (n + 1)  # for distances without ties
    assert binomtest(alarms, 4000, exact).pvalue > 1e-4


@given(st.lists(st.floats(0, 100), min_size=20, max_size=60), st.floats(0.05, 0.9), st.floats(0, 120))
def test_the_threshold_says_what_p_says(good, rate, distance):
    try:
        threshold = alarm_threshold(good, rate)
    except CalibrationError:
        assert rate < smallest_rate(len(good))
        return
    assert (distance > threshold) == (p_values(good, [distance])[0] <= rate + 1e-9)


def test_a_rate_that_so_few_cannot_promise_is_refused():
    with pytest.raises(CalibrationError, match="takes 99"):
        alarm_threshold(np.arange(98), 0.01)
    assert alarm_threshold(np.arange(99), 0.01) == 98
    assert [needed(rate) for rate in (0.01, 0.05, 0.5)] == [99, 19, 1]


def test_groups_are_judged_by_their_strangest():
    assert by_group([1.0, 5.0, 2.0, 3.0], ["a", "a", "b", "b"]).tolist() == [5.0, 3.0]


def test_an_object_raises_an_alarm_in_any_of_its_pictures_at_the_asked_rate():
    """Pictures of one object resemble each other; one by one they would break the promise."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(2000):
        pictures = rng.normal(size=(40, 1)) + 0.3 * rng.normal(size=(40, 5))
        good = by_group(pictures[:-1].ravel(), np.repeat(np.arange(39), 5))
        alarms += pictures[-1].max() > alarm_threshold(good, 0.1)
    assert binomtest(alarms, 2000, 0.1).pvalue > 1e-4


def test_cross_conformal_p_values_keep_their_bound():
    rng = np.random.default_rng(1)
    n, folds, trials, low = 24, 4, 1500, 0
    for _ in range(trials):
        x = rng.normal(size=n + 1)
        fold = np.arange(n) % folds
        centre = np.array([x[:n][fold != f].mean() for f in range(folds)])
        good = np.abs(x[:n] - centre[fold])
        low += cross_p_values(good, np.abs(x[n] - centre[fold])[None])[0] <= 0.1
    assert low / trials <= 2 * 0.1
    assert low / trials == pytest.approx(0.1, abs=0.03), "detectors that are alike are near the asked rate"


def test_the_bound_of_cross_is_the_published_one():
    assert cross_bound(0.05, 19, 3) == pytest.approx(0.1 + 2 * (2 / 3) / (19 / 3 + 1))
    assert cross_bound(0.05, 6, 3) == pytest.approx(0.1 + 0.5 / 4)


def test_no_alarm_over_a_long_good_stream_but_in_the_promised_share():
    """Also with so few good samples that p-values from them alone would be far from even."""
    rng = np.random.default_rng(2)
    alarms = 0
    for seed in range(300):
        draws = np.round(rng.lognormal(size=515), 1)  # ties on purpose
        alarms += DriftAlarm(draws[:15], 0.05, seed=seed).add(draws[15:])
    assert binomtest(alarms, 300, 0.05, alternative="greater").pvalue > 1e-3


def test_a_drift_is_noticed_soon_and_stays():
    rng = np.random.default_rng(3)
    watch = DriftAlarm(rng.normal(size=100), 0.001)
    assert not watch.add(rng.normal(size=50))
    assert watch.add(rng.normal(size=40) + 2.5)
    assert 50 < watch.seen < 90
    assert watch.wealth >= 1000
    seen = watch.seen
    assert watch.add(rng.normal(size=5))
    assert watch.seen == seen


def test_what_is_no_rate_or_no_number_is_refused():
    with pytest.raises(ConfigError):
        DriftAlarm([1.0], 0.0)
    with pytest.raises(CalibrationError):
        DriftAlarm([1.0], 0.1).add([float("nan")])


@pytest.mark.parametrize("good", [[], [float("nan")], [[1.0]]])
def test_what_is_no_row_of_distances_is_refused(good):
    with pytest.raises(CalibrationError):
        p_values(good, [1.0])
