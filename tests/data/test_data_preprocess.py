from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from twinnet.core.errors import ConfigError
from twinnet.data import Preprocess, measure

SETTINGS = st.builds(
    Preprocess,
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 3]),
    fit=st.sampled_from(["stretch", "pad", "crop", "adaptive"]),
    polarity=st.sampled_from(["keep", "bright_ink"]),
    trim=st.booleans(),
)
IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 50), st.integers(1, 50), st.sampled_from([1, 3])))


def page(ink: int = 0, paper: int = 255) -> np.ndarray:
    """A square of ink, 10 × 10, on a page of 40 × 60, off the middle."""
    image = np.full((40, 60, 1), paper, np.uint8)
    image[5:15, 30:40] = ink
    return image


@settings(max_examples=150)
@given(SETTINGS, IMAGES)
def test_any_image_comes_out_in_the_stated_shape_within_its_own_range(how: Preprocess, image: np.ndarray) -> None:
    before = image.copy()
    out = how.apply(image)
    assert out.shape == how.shape
    assert out.dtype == np.uint8
    assert np.array_equal(image, before)
    if how.polarity == "keep":  # no ringing beyond black and white
        assert image.min() <= out.min()
        assert out.max() <= image.max()


@settings(max_examples=100)
@given(SETTINGS)
def test_dict_goes_through_json_and_back_to_an_equal_value(how: Preprocess) -> None:
    assert Preprocess.from_dict(json.loads(json.dumps(how.to_dict()))) == how


def test_pad_keeps_the_aspect_and_fills_with_the_border() -> None:
    out = Preprocess(60, 60).apply(page(paper=200))
    assert (out[:10] == 200).all()
    assert (out[50:] == 200).all()
    assert np.array_equal(out[10:50], page(paper=200))


def test_crop_keeps_the_middle() -> None:
    out = Preprocess(40, 40, fit="crop").apply(page())
    assert np.array_equal(out, page()[:, 10:50])


def test_stretch_fills_the_frame() -> None:
    rows = np.flatnonzero((Preprocess(80, 60, fit="stretch").apply(page())[:, :, 0] < 128).any(axis=1))
    assert (rows[0], rows[-1]) == (10, 29)


def test_shrinking_averages_instead_of_picking_pixels() -> None:
    checks = ((np.indices((64, 64)).sum(axis=0) % 2) * 255).astype(np.uint8)[:, :, None]
    out = Preprocess(8, 8).apply(checks)
    assert np.abs(out.astype(int) - 127).max() < 4


def test_bright_ink_inverts_dark_ink_and_leaves_bright_ink() -> None:
    how = Preprocess(40, 60, polarity="bright_ink")
    assert np.array_equal(how.apply(page(ink=0, paper=255)), page(ink=255, paper=0))
    assert np.array_equal(how.apply(page(ink=255, paper=0)), page(ink=255, paper=0))


def test_padding_is_inverted_with_the_paper() -> None:
    assert (Preprocess(60, 60, polarity="bright_ink").apply(page())[0] == 0).all()


def test_trim_makes_the_place_on_the_page_not_matter() -> None:
    how = Preprocess(20, 20, trim=True)
    moved = np.roll(page(), (12, -15), axis=(0, 1))
    assert np.array_equal(how.apply(page()), how.apply(moved))
    assert (how.apply(page())[3:17, 3:17] < 60).all()


def test_trim_leaves_a_sixteenth_of_the_ink_around_it() -> None:
    out = Preprocess(12, 12, trim=True).apply(page())  # 10 px of ink, 1 px on each side
    assert np.array_equal(out, np.pad(np.zeros((10, 10), np.uint8), 1, constant_values=255)[:, :, None])


def test_trim_leaves_a_blank_page() -> None:
    assert (Preprocess(20, 20, trim=True).apply(np.full((40, 60, 1), 250, np.uint8)) == 250).all()


def test_faint_paper_texture_is_not_ink() -> None:
    how = Preprocess(20, 20, trim=True)
    textured = page()
    textured[38, 2] = 255 - 40  # 16 % below the paper
    assert np.array_equal(how.apply(textured), how.apply(page()))


def test_colour_becomes_grey_by_luma_and_grey_three_equal_channels() -> None:
    green = np.zeros((4, 4, 3), np.uint8)
    green[:, :, 1] = 255
    assert (Preprocess(4, 4, channels=1).apply(green) == 150).all()
    assert Preprocess(40, 60, channels=3).apply(page()).shape == (40, 60, 3)


def test_normalise_agrees_with_the_formula_and_puts_channels_first() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    how = Preprocess(4, 6, 3, mean=(0.1, 0.5, 0.9), std=(0.2, 0.3, 0.4))
    out = how.normalise(images)
    expected = (images / 255 - np.array(how.mean)) / np.array(how.std)
    assert out.shape == (5, 3, 4, 6)
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    np.testing.assert_allclose(out, expected.transpose(0, 3, 1, 2), atol=2e-6)


@settings(max_examples=50)
@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 3])))
)
def test_measure_agrees_with_numpy(images: np.ndarray) -> None:
    mean, std = measure(images)
    np.testing.assert_allclose(mean, (images / 255).mean(axis=(0, 1, 2)), atol=1e-12)
    np.testing.assert_allclose(std, np.maximum((images / 255).std(axis=(0, 1, 2)), 1 / 255), atol=1e-9)


def test_measured_images_normalise_to_mean_0_and_std_1() -> None:
    images = np.random.default_rng(0).integers(0, 200, (9, 8, 8, 3), dtype=np.uint8)
    out = Preprocess(8, 8, 3).measured(images).normalise(images)
    np.testing.assert_allclose(out.mean(axis=(0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(out.std(axis=(0, 2, 3)), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"height": 8, "width": 8, "colour": 3}, "unknown colour. Known: height"),
        ({"height": 8}, "width must be given"),
        ({"height": 0, "width": 8}, r"height must be a whole number in 1 … 4096, not 0"),
        ({"height": 8, "width": 8.0}, "width must be a whole number"),
        ({"height": 8, "width": True}, "width must be a whole number"),
        ({"height": 8, "width": 8, "channels": 2}, "channels must be 1"),
        (
            {"height": 8, "width": 8, "fit": "squash"},
            "moments, adaptive, not 'squash'",
        ),
        ({"height": 8, "width": 8, "polarity": "dark"}, "polarity must be one of"),
        ({"height": 8, "width": 8, "trim": "no"}, "trim must be true or false"),
        ({"height": 8, "width": 8, "std": [0.0]}, "std must be above 0"),
        ({"height": 8, "width": 8, "mean": [0.5, 0.5, 0.5]}, "mean must be 1 finite"),
        ({"height": 8, "width": 8, "mean": "ab"}, "mean must be a list of numbers"),
        ({"height": 8, "width": 8, "mean": [float("nan")]}, "mean must be 1 finite"),
    ],
)
def test_bad_setting_is_refused_and_named(values: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Preprocess.from_dict(values)


@pytest.mark.parametrize(("shape", "inner"), [((40, 40), (20, 20)), ((20, 40), (17, 20)), ((80, 8), (20, 8))])
def test_adaptive_makes_long_shapes_less_long(shape: tuple[int, int], inner: tuple[int, int]) -> None:
    image = np.zeros((shape[0] + 2, shape[1] + 2, 1), np.uint8)  # the border's colour is that of the paper
    image[1:-1, 1:-1] = 255
    seen = Preprocess(20, 20, fit="adaptive").apply(image)[:, :, 0]
    rows, columns = np.flatnonzero(seen.max(1) > 100), np.flatnonzero(seen.max(0) > 100)
    found = (np.ptp(rows) + 1, np.ptp(columns) + 1)
    # sqrt(sin(pi/2 r)) of the room: r = 1, 1/2, 1/10, less the border's pixel
    assert np.allclose(found, inner, atol=2)
