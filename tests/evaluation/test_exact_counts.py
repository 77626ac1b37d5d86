"""Counting in blocks gives what all distances at once give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from twinnet.core.errors import CalibrationError, ConfigError, DataError, TooFewIdentities
from twinnet.core.types import Pairs
from twinnet.decide import auc, eer, error_rates, frr_at_far, rates_at
from twinnet.evaluation import counting
from twinnet.evaluation.counted import AllPairs, thinned
from twinnet.evaluation.counting import all_pairs
from twinnet.evaluation.crosses import euclidean


def line(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances that no block border can round differently."""
    return abs(a[:, :1] - b[:, :1].T)


def clusters(n: int, identities: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    who = rng.integers(0, identities, n)
    return rng.normal(size=(identities, 1))[who] + 0.3 * rng.normal(size=(n, 1)), who


def at_once(x: np.ndarray, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.triu_indices(len(x), 1)
    return line(x, x)[first, second].astype(np.float64), who[first] == who[second]


def agree(found: AllPairs, d: np.ndarray, same: np.ndarray, threshold: float) -> None:
    rates = error_rates(d, same)
    assert found.eer() == pytest.approx(eer(rates)[0], abs=1e-12)
    assert found.auc() == pytest.approx(auc(rates), abs=1e-12)
    assert found.auc() == pytest.approx(roc_auc_score(same, -d), abs=1e-12)
    far, frr, accuracy = rates_at(d, same, threshold)
    assert found.at_threshold() == pytest.approx((accuracy, far, frr), abs=1e-12)
    for asked in (0.0, 1e-3, 0.01, 0.1, 0.3, 1.0):
        assert 1 - found.tar_at(asked)[0] == pytest.approx(frr_at_far(rates, asked)[0], abs=1e-12)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_SMALLEST", 64)
    monkeypatch.setattr(counting, "_LARGEST", 64)


PLACES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=3, max_size=40)


@given(PLACES, st.floats(-1, 7))
def test_ties_are_counted_as_decide_and_sklearn_count_them(places: list[tuple[int, int]], threshold: float) -> None:
    x, who = np.array([[p] for p, _ in places], np.float32), np.array([i for _, i in places])
    d, same = at_once(x, who)
    if same.all() or not same.any():
        with pytest.raises(TooFewIdentities, match="needs two identities"):
            all_pairs(x, who, line)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_SMALLEST", 16)
        patch.setattr(counting, "_LARGEST", 16)
        agree(all_pairs(x, who, line, threshold=threshold), d, same, threshold)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.usefixtures("small_blocks")
def test_many_blocks_and_threads_give_what_one_list_gives(dtype: type, threads: int) -> None:
    x, who = clusters(300, 25)
    x = x.astype(dtype)
    d, same = at_once(x, who)
    threshold = float(np.float64(np.float32(0.4)) + 1e-12)  # between two neighbouring float32
    agree(all_pairs(x, who, line, threshold=threshold, threads=threads), d, same, threshold)


@pytest.mark.usefixtures("small_blocks")
def test_the_roc_lies_on_that_of_sklearn() -> None:
    x, who = clusters(200, 12)
    d, same = at_once(np.round(x, 1), who)
    rates = all_pairs(np.round(x, 1), who, line).rates()
    far, tar, _ = roc_curve(same, -d, drop_intermediate=False)
    theirs = {(round(f, 12), round(t, 12)) for f, t in zip(far, tar, strict=True)}
    mine = {(round(f, 12), round(t, 12)) for f, t in zip(rates.far, 1 - rates.frr, strict=True)}
    assert mine <= theirs
    genuine = np.unique(d[same])
    assert {(d[~same] < g).mean().round(12) for g in genuine} <= {f for f, _ in mine}


@pytest.mark.usefixtures("small_blocks")
def test_an_identity_that_spans_many_blocks_and_one_of_a_single_item_are_counted() -> None:
    x = clusters(130, 3)[0]
    who = np.array([0] * 100 + [1] * 29 + [2])
    agree(all_pairs(x, who, line, threshold=0.5), *at_once(x, who), 0.5)


@pytest.mark.usefixtures("small_blocks")
def test_asked_pairs_come_back_in_their_order_either_way_round() -> None:
    x, who = clusters(150, 10)
    rng = np.random.default_rng(1)
    first, second = rng.permuted(np.array(np.triu_indices(150, 1)), axis=0)[:, :700]
    found = all_pairs(x, who, line, sample=Pairs(first, second, who[first] == who[second]))
    np.testing.assert_array_equal(found.sample, line(x, x)[first, second])


@pytest.mark.parametrize("most", [1, 50, 10**6])
@pytest.mark.usefixtures("small_blocks")
def test_the_hardest_impostors_are_the_nearest_of_all(most: int) -> None:
    x, who = clusters(150, 10)
    d, same = at_once(x, who)
    found = all_pairs(x, who, line, hardest=most)
    expected = np.sort(d[~same])[: most - 1 if most < (~same).sum() else None]  # all that are nearer than the last
    np.testing.assert_array_equal(np.sort(found.hardest_distance), expected)
    first, second = found.hardest.first, found.hardest.second
    np.testing.assert_array_equal(line(x, x)[first, second], found.hardest_distance)
    assert (who[first] != who[second]).all()


def test_a_thinned_roc_keeps_both_ends_and_alters_no_row() -> None:
    rates = error_rates(*at_once(*clusters(300, 25)))
    thin = thinned(rates, 100)
    assert len(thin.far) <= 100
    rows = {*zip(rates.threshold, rates.far, rates.frr, strict=True)}
    assert {*zip(thin.threshold, thin.far, thin.frr, strict=True)} <= rows
    assert (thin.far[0], thin.frr[0], thin.far[-1], thin.frr[-1]) == (0, 1, 1, 0)
    assert (np.diff(thin.threshold) > 0).all()


def test_what_does_not_fit_is_refused_with_the_memory_it_needs() -> None:
    x, who = clusters(2000, 2)
    with pytest.raises(ConfigError, match=r"genuine pairs of 2,000 items need \d+ MB, and 10 MB are allowed"):
        all_pairs(x, who, line, max_memory=10 << 20)


def test_unusable_embeddings_and_comparisons_are_refused() -> None:
    x, who = clusters(50, 5)
    x[7] = np.nan
    with pytest.raises(CalibrationError, match="NaN or infinite"):
        all_pairs(x, who, line)
    with pytest.raises(DataError, match="do not match"):
        all_pairs(x, who[1:], line)
    with pytest.raises(DataError, match="gave distances"):
        all_pairs(*clusters(50, 5), lambda a, b: line(a, b).ravel())


def test_euclidean_blocks_count_what_the_whole_matrix_counts() -> None:
    rng = np.random.default_rng(3)
    who = rng.integers(0, 30, 600)
    x = (rng.normal(size=(30, 16))[who] + rng.normal(size=(600, 16))).astype(np.float32)
    first, second = np.triu_indices(600, 1)
    rates = error_rates(euclidean(x, x)[first, second], who[first] == who[second])
    found = all_pairs(x, who, euclidean)
    # A last bit may differ between blocks, and so move a few of 180,000 pairs past each other.
    assert found.eer() == pytest.approx(eer(rates)[0], abs=1e-4)
    assert found.auc() == pytest.approx(auc(rates), abs=1e-7)
