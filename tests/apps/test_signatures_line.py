"""The middle of the line, how it turns, and whether it looks copied."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from twinnet.apps.signatures.line import outlines, thinned
from twinnet.apps.signatures.quality import crossed, learn_quality
from twinnet.apps.signatures.turning import FINE, PLACED, turning


def wave(breadth: int, wobble: float = 0.0, seed: int = 0, bend: float = 12.0) -> np.ndarray:
    """A wavy stroke, `(120, 260)` uint8, of that breadth."""
    t = np.linspace(0, 1, 400)
    tremor = ndimage.gaussian_filter1d(np.random.default_rng(seed).normal(size=400), 3)
    y = 60 + 3 * bend * np.sin(bend * t) + wobble * tremor / tremor.std()
    picture = Image.new("L", (260, 120), 0)
    ImageDraw.Draw(picture).line(list(zip(20 + 220 * t, y, strict=True)), fill=160, width=breadth, joint="curve")
    return np.asarray(picture)


def test_thinning_leaves_one_pixel_in_the_middle_and_the_same_number_of_pieces() -> None:
    ink = np.zeros((30, 60), bool)
    ink[5:12, 5:50] = ink[18:25, 10:55] = True
    middle = thinned(ink)
    assert ndimage.label(middle, np.ones((3, 3)))[1] == 2
    assert not (middle & ~ink).any()
    assert set(np.flatnonzero(middle[:, 30])) == {8, 21}


def test_outlines_of_nothing_are_none_and_a_stroke_has_one_closed_outline() -> None:
    assert outlines(np.zeros((20, 40), np.uint8)) == []
    (line,) = outlines(wave(5))
    steps = np.hypot(*np.diff(np.concatenate([line, line[:1]]), axis=0).T)
    assert np.abs(steps - 1).max() < 0.3


def test_a_pen_twice_as_broad_leaves_the_same_turning() -> None:
    thin, broad, other = (turning(outlines(picture)) for picture in (wave(4), wave(8), wave(4, bend=20)))
    for a, b, c in zip(thin, broad, other, strict=True):
        assert 1 - a @ b < 0.35 * (1 - a @ c)


def test_the_histograms_are_shares_and_do_not_depend_on_where_the_picture_begins() -> None:
    picture = wave(4)
    placed, fine = turning(outlines(picture))
    assert (placed.shape, fine.shape) == ((np.prod(PLACED),), (np.prod(FINE),))
    assert placed @ placed == pytest.approx(1)
    assert fine @ fine == pytest.approx(1)
    moved = turning(outlines(np.pad(picture, ((9, 3), (30, 2)))))
    assert placed @ moved[0] == pytest.approx(1, abs=0.01)
    assert turning([])[0].shape == placed.shape


def test_a_trembling_line_is_worse_than_a_swift_one_of_a_writer_never_seen() -> None:
    fine = np.array(
        [turning(outlines(wave(4, w, 10 * k + i, 8 + 2 * k)))[1] for k in range(4) for w in (0.3, 2) for i in range(4)]
    )
    genuine, writer = np.tile(np.repeat([True, False], 4), 4), np.repeat(np.arange(4), 8)
    judged = crossed(fine, genuine, writer, np.arange(4))
    for one in range(4):
        assert judged[(writer == one) & genuine].max() < judged[(writer == one) & ~genuine].min()
    assert learn_quality(fine, genuine, writer)(fine)[genuine].max() < 0
