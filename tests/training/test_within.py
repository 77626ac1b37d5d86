"""Twins in closed form: the map that evens out what changes within identities, and how much a second part counts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance

from twinnet.training.within import best_share, within_map


def drawn(n: int = 60, items: int = 5, features: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mix = rng.normal(0, 1, (features, features))
    labels = np.repeat(np.arange(n), items)
    return rng.normal(0, 2, (n, features))[labels] + rng.normal(0, 1, (len(labels), features)) @ mix + 3, labels


def test_without_shrinking_distances_are_mahalanobis_ones_of_the_differences_within() -> None:
    x, labels = drawn()
    weight, offset = within_map(x, labels, 7, shrink=0)
    mapped = x @ weight.T + offset
    means = np.stack([x[labels == label].mean(0) for label in labels])
    within = EmpiricalCovariance(assume_centered=True).fit(x - means).covariance_ * len(x) / (len(x) - 60)
    gap = x[0] - x[9]
    assert np.square(mapped[0] - mapped[9]).sum() == pytest.approx(gap @ np.linalg.solve(within, gap))
    assert mapped.mean(0) == pytest.approx(np.zeros(7), abs=1e-9)


def test_no_more_numbers_are_kept_than_asked_for_or_than_there_are() -> None:
    x, labels = drawn()
    assert within_map(x, labels, 3)[0].shape == (3, 7)
    flat = np.concatenate([x, x[:, :1]], 1)  # the eighth says nothing new
    assert within_map(flat, labels, 256)[0].shape == (7, 8)


def test_things_with_one_picture_each_leave_the_principal_directions() -> None:
    x, _ = drawn()
    weight, _ = within_map(x, np.arange(len(x)), 4)
    assert weight @ weight.T == pytest.approx(np.eye(4), abs=1e-9)


def test_the_share_is_all_for_a_part_that_knows_and_none_for_one_that_guesses() -> None:
    labels = np.repeat(np.arange(10), 4)
    rng = np.random.default_rng(0)
    knows, guesses = 1.0 - (labels[:, None] == labels), rng.uniform(0, 1, (40, 40))
    assert best_share(knows, guesses, labels) > 0.8
    assert best_share(guesses, knows, labels) < 0.2
    both = [knows + rng.normal(0, 0.5, (40, 40)) for _ in range(2)]
    assert 0.25 <= best_share(both[0], both[1], labels) <= 0.75
