"""Groups of copies: union-find with a look at each group as a whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twinnet.apps.duplicates.groups import Group, groups


def found(points: list[float], reach: float, limit: float) -> list[Group]:
    x = np.array(points)
    i, j = np.triu_indices(len(x), 1)
    d = np.abs(x[i] - x[j])
    near = d < reach
    return groups(i[near], j[near], d[near], lambda a, b: np.abs(x[a] - x[b]), limit)


def test_copies_of_two_pictures_are_two_groups_and_loners_are_none() -> None:
    assert [set(group.rows) for group in found([0, 0.1, 0.2, 5, 5.1, 9], 0.3, 0.3)] == [{0, 1, 2}, {3, 4}]


def test_the_medoid_comes_first_and_the_weakest_link_is_of_the_tree() -> None:
    (group,) = found([0.0, 0.2, 0.3], 0.5, 0.5)
    assert group.rows[0] == 1
    assert np.isclose(group.farthest, 0.2)
    assert np.isclose(group.weakest, 0.2)  # not 0.3, which closes a circle


def test_a_chain_of_small_steps_is_cut_at_its_weakest_link() -> None:
    chain = found([0, 0.2, 0.4, 0.65, 0.85, 1.05], 0.3, 0.3)
    assert [sorted(group.rows) for group in chain] == [[0, 1, 2], [3, 4, 5]]


def test_a_group_of_a_hundred_copies_stays_whole() -> None:
    (group,) = found(list(np.linspace(0, 0.05, 100)), 0.1, 0.1)
    assert len(group.rows) == 100


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_nobody_is_in_two_groups_nor_far_from_its_medoid(points: list[float]) -> None:
    made = found(points, 0.1, 0.1)
    rows = [row for group in made for row in group.rows]
    assert len(rows) == len(set(rows))
    for group in made:
        assert len(group.rows) >= 2
        assert all(abs(points[row] - points[group.rows[0]]) < 0.1 for row in group.rows)
        assert group.weakest < 0.1
