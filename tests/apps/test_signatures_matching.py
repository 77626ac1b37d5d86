"""Strokes against strokes."""

from __future__ import annotations

import numpy as np
from signature_pictures import drawn

from twinnet.apps.signatures.matching import MEASURES, maps, match
from twinnet.data import Preprocess

HOW = Preprocess(32, 64, 1, fit="stretch", ink="level")


def pictures(*images: np.ndarray) -> np.ndarray:
    return np.stack([HOW.apply(image) for image in images])


def test_a_picture_matches_itself_exactly() -> None:
    seen = maps(pictures(drawn(0, 0), drawn(1, 0)))
    assert np.abs(match(seen, np.array([0, 1]), np.array([0, 1]))).max() < 1e-5


def test_the_order_of_two_pictures_does_not_matter() -> None:
    seen = maps(pictures(drawn(0, 0), drawn(1, 0), drawn(0, 1)))
    a, b = np.array([0, 0, 1]), np.array([1, 2, 2])
    assert np.allclose(match(seen, a, b), match(seen, b, a), rtol=0, atol=1e-6)


def test_a_shift_within_reach_leaves_next_to_nothing_unlike() -> None:
    canvas = np.zeros((2, 32, 64, 1), np.uint8)
    canvas[0, 10:20, 10:40] = 160
    canvas[1, 10:20, 14:44] = 160  # two cells of the map
    canvas[0, 14:16, 20:30] = canvas[1, 14:16, 24:34] = 0
    unlike, unlike_ink = match(maps(canvas), np.array([0]), np.array([1]))[0]
    assert unlike_ink < 1e-4
    assert unlike < 1e-4
    assert MEASURES == ("unlike", "unlike_ink")


def test_a_writer_is_more_like_himself_than_like_others() -> None:
    seen = maps(pictures(*(drawn(writer, item) for writer in range(4) for item in range(3))))
    i, j = np.triu_indices(12, 1)
    unlike = match(seen, i, j)[:, 0]
    same = i // 3 == j // 3
    assert unlike[same].max() < unlike[~same].min()


def test_a_pair_gives_the_same_numbers_whoever_is_measured_beside_it() -> None:
    seen = maps(pictures(*(drawn(writer, 0) for writer in range(20))))
    i, j = np.triu_indices(20, 1)
    assert np.array_equal(match(seen, i, j)[[5]], match(seen, i[[5]], j[[5]]))
