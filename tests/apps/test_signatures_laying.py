"""One signature laid over another."""

from __future__ import annotations

import numpy as np
import torch
from signature_pictures import drawn

from twinnet.apps.signatures.laying import MEASURES, compare, flow, maps, warped
from twinnet.data import Preprocess

HOW = Preprocess(32, 64, 1, fit="stretch", ink="level")


def pictures(*images: np.ndarray) -> np.ndarray:
    return np.stack([HOW.apply(image) for image in images])


def test_each_map_has_the_same_energy_whatever_the_darkness() -> None:
    seen = pictures(drawn(0, 0))
    bright, faint = maps(np.concatenate([seen, seen // 2]))
    assert torch.allclose((bright**2).sum(0).mean(), torch.tensor(1.0), atol=1e-5)
    assert torch.allclose(bright, faint, atol=0.15)


def test_nothing_is_unlike_and_nothing_bent_in_a_picture_laid_over_itself() -> None:
    seen = maps(pictures(drawn(0, 0), drawn(1, 0)))
    other = compare(seen, np.array([0]), np.array([1]))[0]
    assert (compare(seen, np.array([0, 1]), np.array([0, 1])) < 0.1 * other).all()


def test_the_order_of_two_pictures_does_not_matter() -> None:
    seen = maps(pictures(drawn(0, 0), drawn(1, 0), drawn(0, 1)))
    a, b = np.array([0, 0, 1]), np.array([1, 2, 2])
    assert np.allclose(compare(seen, a, b), compare(seen, b, a), rtol=0, atol=1e-5)


def test_a_shift_is_found_and_leaves_little_unlike() -> None:
    canvas = np.zeros((2, 32, 64, 1), np.uint8)
    canvas[0, 10:20, 10:40] = 160
    canvas[1, 10:20, 14:44] = 160  # two cells of the map
    canvas[0, 14:16, 20:30] = canvas[1, 14:16, 24:34] = 0
    a, b = maps(canvas)[:, None]
    found = flow(a, b)
    ink = (a * a).sum(1) > 1
    assert abs(float(found[:, 0][ink].mean()) - 2) < 0.3
    assert abs(float(found[:, 1][ink].mean())) < 0.2
    left = ((a - warped(b, found)) ** 2).sum(1).mean()
    assert left < 0.2 * ((a - b) ** 2).sum(1).mean()
    assert MEASURES == ("unlike", "bent", "unlike_ink")


def test_a_flow_of_nothing_takes_everything_from_where_it_is() -> None:
    seen = maps(pictures(drawn(0, 0)))
    assert torch.allclose(warped(seen, torch.zeros(1, 2, *seen.shape[2:])), seen, atol=1e-5)


def test_a_writer_is_more_like_himself_than_like_others() -> None:
    seen = maps(pictures(*(drawn(writer, item) for writer in range(4) for item in range(3))))
    i, j = np.triu_indices(12, 1)
    same = i // 3 == j // 3
    for unlike in compare(seen, i, j).T[[0, 2]]:
        assert unlike[same].max() < unlike[~same].min()


def test_a_pair_gives_the_same_numbers_whoever_is_measured_beside_it() -> None:
    seen = maps(pictures(*(drawn(writer, 0) for writer in range(10))))
    i, j = np.triu_indices(10, 1)
    assert np.allclose(compare(seen, i, j)[[5]], compare(seen, i[[5]], j[[5]]), rtol=1e-4)
