"""Figures of tracking against counts by hand and a slow oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinnet.core.errors import DataError
from twinnet.evaluation.tracking import one_pass, overlap, success, with_restarts

box = st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 12)] * 2)


@given(box, box)
def test_overlap_counts_pixels(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    grids = []
    for x, y, w, h in (a, b):
        grid = np.zeros((30, 30), bool)
        grid[y : y + h, x : x + w] = True
        grids.append(grid)
    counted = (grids[0] & grids[1]).sum() / (grids[0] | grids[1]).sum()
    assert overlap(np.array([a], float), np.array([b], float))[0] == pytest.approx(counted)


def test_a_box_without_area_overlaps_nothing() -> None:
    assert overlap(np.array([[1.0, 1, 0, 5]]), np.array([[1.0, 1, 0, 5]]))[0] == 0


def test_success_is_the_share_strictly_above_each_of_21_thresholds() -> None:
    overlaps = np.array([0.0, 0.5, 1.0, np.nan])
    expected = [sum(value > t for value in (0.0, 0.5, 1.0)) / 3 for t in np.linspace(0, 1, 21)]
    assert success(overlaps).tolist() == pytest.approx(expected)


def test_the_frame_that_was_given_and_frames_without_truth_do_not_count() -> None:
    truth = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [np.nan] * 4, [0, 0, 10, 10]], float)
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [50, 50, 5, 5], [100, 0, 10, 10]], float)
    found = one_pass(boxes, truth)
    assert np.isnan(found.overlaps[[0, 2]]).all()
    assert found.overlaps[[1, 3]].tolist() == [1, 0]
    assert found.precision == 0.5
    assert found.auc == pytest.approx(20 / 21 / 2)  # an overlap of 1 is above 20 of the 21 thresholds


def test_a_tracker_that_says_nothing_is_wrong_there_not_excused() -> None:
    truth = np.tile([0.0, 0, 10, 10], (3, 1))
    boxes = truth.copy()
    boxes[2] = np.nan
    found = one_pass(boxes, truth)
    assert found.precision == 0.5
    assert found.normalised_precision == pytest.approx(0.5)


def test_normalised_precision_forgives_a_large_target_what_it_holds_against_a_small_one() -> None:
    small, large = np.tile([0.0, 0, 10, 10], (2, 1)), np.tile([0.0, 0, 100, 100], (2, 1))
    assert one_pass(small + np.array([4.0, 0, 0, 0]), small).normalised_precision < 0.3
    assert one_pass(large + np.array([4.0, 0, 0, 0]), large).normalised_precision > 0.9


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(DataError, match="2 boxes and 3 lines"):
        one_pass(np.zeros((2, 4)), np.zeros((3, 4)))


def test_a_failure_starts_again_five_frames_later_and_ten_frames_do_not_count() -> None:
    truth = np.tile([0.0, 0, 10, 10], (40, 1))
    starts: list[int] = []

    def start(n: int):  # type: ignore[no-untyped-def]
        starts.append(n)
        # Off by half until it fails in frame 10; after the new start exact for ten frames, then half again.
        return lambda at: np.array([99.0 if at == 10 else 0 if 15 < at < 25 else 5, 0, 10, 10])

    found = with_restarts(start, truth)
    assert (found.failures, starts) == (1, [0, 15])
    assert found.accuracy == pytest.approx(1 / 3)
