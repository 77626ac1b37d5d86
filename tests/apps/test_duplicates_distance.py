"""The distance by which copies are decided, and what is kept of a picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from twinnet.apps.duplicates import overlay
from twinnet.apps.duplicates.altered import KINDS, alter
from twinnet.apps.duplicates.run import find_duplicates
from twinnet.apps.duplicates.sketch import PARTS, sketch, vectors_of
from twinnet.core.errors import CalibrationError, ConfigError
from twinnet.core.seeds import stream
from twinnet.data import from_arrays


def picture(seed: int) -> np.ndarray:
    cells = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return np.asarray(Image.fromarray(cells).resize((108, 84), Image.Resampling.BICUBIC))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    (small_a, colour_a, _), (small_b, colour_b, _) = sketch(a), sketch(b)
    return float(
        overlay.distances(
            small_a[None], colour_a[None], vectors_of(small_a[None]).astype(np.float16),
            small_b[None], colour_b[None], vectors_of(small_b[None]).astype(np.float16),
        )[0]
    )  # fmt: skip


def test_a_picture_is_at_distance_zero_from_itself() -> None:
    assert distance(picture(0), picture(0)) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_alteration_is_nearer_than_any_other_picture(kind: str) -> None:
    copies = [distance(picture(i), alter(picture(i), kind, stream(0, kind, i))) for i in range(4)]
    others = [distance(picture(i), picture(i + 10)) for i in range(4)]
    assert max(copies) < 0.3 < min(others)


def test_the_distance_is_the_same_both_ways_round() -> None:
    crop = alter(picture(1), "crop", stream(0, "crop"))
    assert distance(picture(1), crop) == pytest.approx(distance(crop, picture(1)), abs=1e-6)


def test_a_mirrored_picture_and_another_colour_are_other_pictures() -> None:
    assert distance(picture(2), picture(2)[:, ::-1]) > 0.3
    assert distance(picture(2), picture(2)[:, :, ::-1]) > distance(picture(2), alter(picture(2), "jpeg", stream(0)))


def test_parts_lie_inside_the_picture_and_begin_with_the_whole() -> None:
    assert PARTS[0] == (0, 0, 1)
    assert all(x >= 0 and x + share <= 1 + 1e-9 and y >= 0 and y + share <= 1 + 1e-9 for x, y, share in PARTS)


def test_vectors_have_length_one_and_do_not_see_lighting() -> None:
    small = np.stack([sketch(picture(i))[0] for i in range(3)]) // 2
    plain, brighter = vectors_of(small), vectors_of(small + np.uint8(60))
    assert np.allclose(np.linalg.norm(plain, axis=2), 1, atol=1e-5)
    assert np.allclose(plain, brighter, atol=1e-4)


def test_blank_pictures_are_copies_only_where_they_are_equal() -> None:
    flat = [np.full((20, 20, 1), value, np.uint8) for value in (10, 10, 200)]
    found = find_duplicates(from_arrays([*flat, *(picture(i) for i in range(4))], range(7)), threshold=0.1)
    assert [sorted(group.rows) for group in found.groups] == [[0, 1]]
    assert found.exact == 1


def test_the_same_seed_learns_the_same_threshold_and_too_few_pictures_are_refused() -> None:
    data = from_arrays([picture(i) for i in range(12)], range(12))
    first, second = (find_duplicates(data, seed=4).threshold for _ in range(2))
    assert first == second
    assert first is not None
    assert first.far.high < 1
    assert first.n_impostor <= 12 * 11
    with pytest.raises(CalibrationError, match="too few different pictures"):
        find_duplicates(from_arrays([picture(0)], ["a"]))
    with pytest.raises(ConfigError, match="not both"):
        find_duplicates(data, far=0.1, threshold=0.1)
