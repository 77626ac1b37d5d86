"""Ink on paper: what is taken away, and what is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinnet.core.errors import ConfigError
from twinnet.data import Preprocess
from twinnet.data.ink import LEVEL, levelled, lift, otsu

HOW = Preprocess(32, 64, 1, ink="level")


def paper(ink: float = 0.6, *, shade: float = 0.0, grain: float = 0.0, moved: int = 0) -> np.ndarray:
    """A cross on paper of brightness 240 whose right side is darker by `shade`; ink takes its share of the light."""
    light = 240 * (1 - shade * np.linspace(0, 1, 160)[None] * np.ones((80, 1)))
    through = np.ones((80, 160))
    through[38:42, 20 + moved : 120 + moved] = 1 - ink
    through[20:60, 68 + moved : 72 + moved] = 1 - ink
    noise = np.random.default_rng(0).normal(0, grain, light.shape)
    return np.clip(np.rint(light * through + noise), 0, 255).astype(np.uint8)[:, :, None]


@settings(max_examples=15)
@given(st.floats(0.25, 0.95))
def test_a_darker_pen_gives_the_same_picture_to_the_rounding_of_grey_levels(ink: float) -> None:
    assert np.abs(HOW.apply(paper(ink)).astype(int) - HOW.apply(paper(0.6))).max() <= 12


def test_with_the_darkness_kept_a_darker_pen_gives_a_brighter_picture() -> None:
    how = Preprocess(32, 64, 1, ink="clean")
    assert how.apply(paper(0.9)).max() > 2 * how.apply(paper(0.4)).max()


@pytest.mark.parametrize("flaw", [{"shade": 0.5}, {"grain": 3.0}, {"shade": 0.3, "grain": 2.0}])
def test_shadow_and_grain_of_the_paper_leave_no_ink_beside_the_strokes(flaw: dict[str, float]) -> None:
    sound, flawed = lift(paper()) > 0, lift(paper(**flaw)) > 0
    assert flawed.shape == sound.shape
    assert (flawed != sound).mean() < 0.02


def test_where_the_signature_stands_on_the_sheet_does_not_matter() -> None:
    assert np.abs(HOW.apply(paper(moved=30)).astype(int) - HOW.apply(paper())).max() <= 2


def test_dust_is_no_stroke() -> None:
    dusty = paper()
    dusty[5, 150] = 120
    assert lift(dusty).shape == lift(paper()).shape


def test_white_chalk_on_a_blackboard_is_read_as_ink() -> None:
    assert np.array_equal(HOW.apply(255 - paper()), HOW.apply(paper()))


def test_a_blank_sheet_has_no_ink() -> None:
    assert not HOW.apply(np.full((80, 160, 1), 230, np.uint8)).any()
    assert not HOW.apply(np.zeros((80, 160, 1), np.uint8)).any()


def test_differences_of_pressure_inside_a_signature_stay() -> None:
    pressed = paper(0.4)
    pressed[20:60, 68:72] = 60
    seen = HOW.apply(pressed)[:, :, 0]
    assert seen[4:28].max() > 1.3 * np.median(seen[15:17, 4:24].max(0))


def test_the_level_is_what_it_is_said_to_be() -> None:
    x = levelled(np.random.default_rng(0).integers(0, 120, (40, 50)).astype(np.uint8)).astype(float)
    assert (x**2).sum() / x.sum() == pytest.approx(LEVEL, rel=0.02)


@given(st.integers(1, 40), st.integers(60, 99))
def test_otsu_parts_two_heaps_between_them(low: int, high: int) -> None:
    values = np.concatenate([np.full(50, low / 100), np.full(20, high / 100)])
    assert low / 100 <= otsu(values) <= high / 100


def test_centre_and_spread_are_the_same_whatever_flourish_is_added() -> None:
    how = Preprocess(40, 80, 1, fit="moments", ink="flat")
    x = how.apply(paper())[:, :, 0].astype(float)
    share = x.sum(0) / x.sum()
    place = np.arange(80) + 0.5
    middle = share @ place
    assert middle == pytest.approx(40, abs=0.5)
    assert np.sqrt(share @ (place - middle) ** 2) == pytest.approx(40 / 2.5, rel=0.05)


def test_the_treatment_of_ink_is_saved_and_absent_where_there_is_none() -> None:
    assert Preprocess.from_dict(HOW.to_dict()) == HOW
    assert "ink" not in Preprocess(8, 8).to_dict()  # fingerprints of older models stay
    with pytest.raises(ConfigError, match="channels must be 1"):
        Preprocess(8, 8, 3, ink="level")
    with pytest.raises(ConfigError, match="ink must be one of"):
        Preprocess(8, 8, ink="blue")  # type: ignore[arg-type]
