"""`verification_exact` is `verification` without a sample."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from twinnet.core.errors import ConfigError
from twinnet.core.types import Interval
from twinnet.decide import DecisionRule, clopper_pearson
from twinnet.evaluation import exact, verification
from twinnet.evaluation.crosses import as_cross, cosine, euclidean
from twinnet.evaluation.exact import moved, verification_exact
from twinnet.evaluation.result import bare

RNG = np.random.default_rng(11)
WHO = RNG.integers(0, 40, 900)
X = (RNG.normal(size=(40, 6))[WHO] + 0.7 * RNG.normal(size=(900, 6))).astype(np.float32)
D = cdist(X, X)
RULE = DecisionRule(1.5, "given")


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return cdist(a, b)  # each distance by itself: the same in every block


def pair(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return D[first, second]


@pytest.mark.parametrize("rule", [None, RULE])
def test_it_gives_the_figures_and_counts_of_verification_of_all_pairs(rule: DecisionRule | None) -> None:
    mine = verification_exact(X, WHO, cross, rule=rule, replicates=20)
    theirs = verification(pair, WHO, rule=rule, max_pairs=10**9, replicates=20)
    assert list(mine.metrics) == list(theirs.metrics)
    assert mine.counts == theirs.counts
    assert mine.protocol == theirs.protocol
    for name, interval in theirs.metrics.items():
        assert mine.metrics[name].point == pytest.approx(interval.point, abs=1e-12), name


def test_where_the_sample_is_everything_the_intervals_are_the_same() -> None:
    few = np.arange(300)
    mine = verification_exact(X[few], WHO[few], cross, rule=RULE, replicates=30)
    theirs = verification(pair, WHO[few], rule=RULE, replicates=30)
    for name, interval in theirs.metrics.items():
        assert (mine.metrics[name].low, mine.metrics[name].high) == pytest.approx((interval.low, interval.high))
        assert mine.metrics[name].method == interval.method


def test_intervals_from_a_sample_are_near_those_of_all_pairs() -> None:
    mine = verification_exact(X, WHO, cross, rule=RULE, replicates=200)
    theirs = verification(pair, WHO, rule=RULE, max_pairs=10**9, replicates=200)
    for name, interval in theirs.metrics.items():
        width = interval.high - interval.low
        assert mine.metrics[name].high - mine.metrics[name].low == pytest.approx(width, rel=0.1), name
        assert "pairs" in mine.metrics[name].method


def test_small_samples_with_all_hardest_impostors_keep_the_width_of_accuracy_and_of_tar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exact, "MAX_PAIRS", 40_000)
    monkeypatch.setattr(exact, "_HARDEST", 5_000)
    mine = verification_exact(X, WHO, cross, rule=RULE, replicates=200)
    theirs = verification(pair, WHO, rule=RULE, max_pairs=10**9, replicates=200)
    for name in ("eer", "auc", "accuracy", "far", "frr", "tar_at_far_1e-3", "tar_at_far_1e-4"):
        low, high = theirs.metrics[name].low, theirs.metrics[name].high
        assert mine.metrics[name].high - mine.metrics[name].low == pytest.approx(high - low, rel=0.3), name


def test_the_figures_depend_on_neither_order_nor_names_of_items() -> None:
    order = np.random.default_rng(0).permutation(len(WHO))
    one = verification_exact(X, WHO, cross, replicates=0)
    other = verification_exact(X[order], 1000 - 3 * WHO[order], cross, replicates=0)
    for name, interval in one.metrics.items():
        assert other.metrics[name] == interval
    assert not one.metrics["eer"].method


def test_arrays_have_the_sample_and_an_exact_roc_for_plots() -> None:
    arrays = verification_exact(X, WHO, cross, replicates=2).arrays
    np.testing.assert_allclose(arrays["distances"], D[arrays["first"], arrays["second"]])
    np.testing.assert_array_equal(arrays["same"], WHO[arrays["first"]] == WHO[arrays["second"]])
    assert len(arrays["distances"]) == 200_000
    assert len(arrays["rates"].far) <= 2000


def test_progress_covers_every_impostor_pair() -> None:
    from contextlib import contextmanager

    seen: list[float] = []

    class Task:
        def advance(self, n: float = 1) -> None:
            seen.append(n)

        def note(self, text: str) -> None: ...

    class Bar:
        @contextmanager
        def task(self, description: str, total: float | None = None):
            yield Task()
            assert sum(seen) == total

    found = verification_exact(X, WHO, cross, replicates=0, progress=Bar())
    assert sum(seen) == found.counts["impostor_pairs"]


def test_a_moved_interval_keeps_its_reach_in_log_odds_and_holds_its_point() -> None:
    at = moved(Interval(0.05, 0.1, 0.2, 0.95, "bootstrap"), 0.2, 1000)
    odds = np.array([at.low / (1 - at.low), at.point / (1 - at.point), at.high / (1 - at.high)])
    assert odds[1] / odds[0] == pytest.approx((0.1 / 0.9) / (0.05 / 0.95))
    assert odds[2] / odds[1] == pytest.approx((0.2 / 0.8) / (0.1 / 0.9))
    unseen = moved(Interval(0.99, 1.0, 1.0, 0.95, "Clopper-Pearson"), 0.98, 1000)
    assert (unseen.low, unseen.high) == (0.98, 1.0)
    never = moved(Interval(0.0, 0.01, 0.02, 0.95, "bootstrap"), 0.0, 1000)
    assert never.high == clopper_pearson(0, 1000).high
    assert moved(bare(0.3), 0.2, 10) == bare(0.2)


def test_named_comparisons_agree_with_scipy_and_equal_vectors_are_nowhere_apart() -> None:
    far_out = X + np.float32(30)  # products lose digits here
    np.testing.assert_allclose(euclidean(far_out, far_out[:200]), cdist(far_out, far_out[:200]), rtol=1e-5, atol=1e-6)
    assert (np.diag(euclidean(far_out, far_out)) == 0).all()
    np.testing.assert_allclose(cosine(X, X[:200]), cdist(X, X[:200], "cosine"), atol=1e-6)
    assert (cosine(np.zeros((1, 6), np.float32), X) == 1).all()
    assert as_cross("cosine") is cosine
    with pytest.raises(ConfigError, match="Known: euclidean, cosine"):
        as_cross("manhattan")
