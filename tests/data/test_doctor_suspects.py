"""Swapped labels are found by their neighbours; where neighbours say nothing, nobody is accused."""

import numpy as np
import pytest
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from twinnet.data import digits
from twinnet.data.doctor import coarse, look, suspects, unit


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return unit(coarse(look(digits()).small))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_five_per_cent_swapped_digits_most_are_found_and_few_others(vectors: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = digits().labels().copy()
    wrong = rng.permutation(len(labels))[: len(labels) // 20]
    true = labels[wrong].copy()
    labels[wrong] = (true + rng.integers(1, 10, len(wrong))) % 10
    found = suspects(vectors, labels)
    hit = np.isin(found.items, wrong)
    assert hit.mean() > 0.9  # precision
    assert hit.sum() / len(wrong) > 0.7  # recall
    truth = dict(zip(wrong.tolist(), true.tolist(), strict=True))
    right = [truth[i] == seems for i, seems in zip(found.items, found.seems, strict=True) if i in truth]
    assert np.mean(right) > 0.9
    assert (np.diff(found.margin) <= 0).all()


def test_agreement_is_the_leave_one_out_accuracy_of_the_nearest_neighbour(vectors: np.ndarray) -> None:
    some, labels = vectors[:300], digits().labels()[:300]
    oracle = cross_val_score(KNeighborsClassifier(1), some, labels, cv=LeaveOneOut()).mean()
    assert suspects(some, labels).agreement == pytest.approx(oracle, abs=1e-12)


def test_where_nearness_says_little_nobody_is_accused(vectors: np.ndarray) -> None:
    labels = np.random.default_rng(0).integers(0, 10, len(vectors))
    found = suspects(vectors, labels)
    assert not found.trusted
    assert len(found.items) == 0


def test_an_item_alone_in_its_identity_is_not_judged(vectors: np.ndarray) -> None:
    labels = digits().labels().copy()
    labels[5] = 10
    assert 5 not in suspects(vectors, labels).items


def test_nothing_to_compare_is_no_error() -> None:
    assert len(suspects(np.empty((0, 4), np.float32), np.empty(0, np.int64)).items) == 0
