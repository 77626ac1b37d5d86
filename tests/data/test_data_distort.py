"""Distortions worsen step by step, and are the same every time."""

import numpy as np
import pytest

from twinnet.core.errors import ConfigError
from twinnet.data.distort import LEVELS, STEPS, distort


def picture(channels: int = 1) -> np.ndarray:
    """A smooth scene with an edge: neither paper nor noise."""
    y, x = np.mgrid[0:120, 0:96]
    scene = 128 + 60 * np.sin(x / 5) * np.cos(y / 7) + 40 * (x > 48)
    return np.repeat(np.clip(scene, 0, 255).astype(np.uint8)[:, :, None], channels, axis=2)


def change(kind: str, step: int, item: int) -> float:
    clean = picture().astype(float)
    return float(((distort(picture(), kind, step, item=item) - clean) ** 2).mean())


def test_the_nine_kinds_have_five_steps_each() -> None:
    assert set(LEVELS) == {
        "brightness", "contrast", "noise", "blur", "rotation", "scale", "shift", "occlusion", "jpeg",
    }  # fmt: skip
    assert all(len(levels) == STEPS == 5 for levels in LEVELS.values())


@pytest.mark.parametrize("kind", LEVELS)
def test_each_step_is_further_from_the_clean_picture_on_average(kind: str) -> None:
    changes = [np.mean([change(kind, step, item) for item in range(24)]) for step in range(1, 6)]
    if kind in ("rotation", "scale", "shift"):  # a periodic scene may come back to itself: ends are compared
        assert changes[-1] > changes[0] > 0
    else:
        assert np.all(np.diff(changes) > 0)
        assert changes[0] > 0


@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_type_stay_and_the_original_is_untouched(kind: str, channels: int) -> None:
    before = picture(channels)
    after = distort(before, kind, 3)
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert np.array_equal(before, picture(channels))


@pytest.mark.parametrize("kind", LEVELS)
def test_one_pixel_is_a_picture_too(kind: str) -> None:
    assert distort(np.full((1, 1, 3), 90, np.uint8), kind, 5).shape == (1, 1, 3)


@pytest.mark.parametrize("kind", LEVELS)
def test_seed_and_item_decide_the_pixels(kind: str) -> None:
    made = [distort(picture(), kind, 4, seed=seed, item=item) for seed, item in [(1, 2), (1, 2)]]
    assert np.array_equal(*made)


@pytest.mark.parametrize("kind", ["brightness", "noise", "rotation", "scale", "shift", "occlusion"])
def test_items_are_worsened_in_different_ways(kind: str) -> None:
    assert len({distort(picture(), kind, 4, item=item).tobytes() for item in range(12)}) > 1


def test_an_item_turns_the_same_way_at_every_step() -> None:
    dot = np.zeros((41, 41, 1), np.uint8)
    dot[2:7, 18:23] = 255  # above the centre: turning moves it left or right
    for item in range(8):
        sides = {np.sign(np.nonzero(distort(dot, "rotation", step, item=item))[1].mean() - 20) for step in range(1, 6)}
        assert len(sides) == 1


def test_occlusion_hides_the_share_of_the_area_that_its_level_says() -> None:
    white = np.full((100, 100, 1), 255, np.uint8)
    for step, share in enumerate(LEVELS["occlusion"], 1):
        assert (distort(white, "occlusion", step) != 255).mean() == pytest.approx(share, abs=0.01)


def test_noise_has_the_spread_that_its_level_says() -> None:
    flat = np.full((200, 200, 1), 127, np.uint8)
    assert distort(flat, "noise", 1).std() / 255 == pytest.approx(LEVELS["noise"][0], rel=0.03)


def test_what_comes_into_view_has_the_colour_of_the_border() -> None:
    page = np.full((50, 50, 3), (200, 180, 160), np.uint8)
    for kind in ("rotation", "scale", "shift"):
        assert np.array_equal(distort(page, kind, 5), page)


@pytest.mark.parametrize(("kind", "step"), [("smudge", 1), ("blur", 0), ("blur", 6)])
def test_unknown_kinds_and_steps_are_refused(kind: str, step: int) -> None:
    with pytest.raises(ConfigError, match="Known|steps 1"):
        distort(picture(), kind, step)
