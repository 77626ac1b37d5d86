"""The parts of the tracker, each against something slower or known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional
from track_scenes import moving_patch

from twinnet.apps.track.align import align, take
from twinnet.apps.track.calibrate import _SHRINK, _fitted
from twinnet.apps.track.correlate import correlate, peak, peaks, runner_up
from twinnet.apps.track.lessons import Lesson, wrapped_bump
from twinnet.apps.track.pairs import invented_views, varied
from twinnet.apps.track.ridge import Ridge
from twinnet.apps.track.staged import staged
from twinnet.apps.track.textures import invented_picture
from twinnet.apps.track.views import Seen, look
from twinnet.encoders.places import STEM_DIM, Places, slopes


def test_one_grouped_convolution_is_each_target_on_its_own() -> None:
    windows = torch.randn(3, 5, 21, 21)
    filters = [torch.randn(5, 7, 5), torch.randn(5, 9, 11), torch.randn(5, 5, 5)]
    together = correlate(windows, filters)
    for window, one, answers in zip(windows, filters, together, strict=True):
        alone = functional.conv2d(window[None], one[None], padding=(one.shape[1] // 2, one.shape[2] // 2))[0, 0]
        assert torch.allclose(answers, alone, atol=1e-4)


def test_the_ridge_filter_solves_its_equations_as_least_squares_does() -> None:
    torch.manual_seed(0)
    views = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    ridge = Ridge(views, (5, 5), ridge=2.0, bump=1.0, rate=0.1, keep=0.2, memory=3)
    ridge.solve(200)
    x = views - views.mean((0, 2, 3))[:, None, None]
    line = np.exp(-0.5 * (np.arange(9) - 4.0) ** 2)
    rows, asked = [], np.tile(np.outer(line, line).ravel(), 2)
    for view in x.numpy():  # one row per place: what a filter of 5 × 5 sees there, on a torus
        shifted = [np.roll(view, (-dy, -dx), (1, 2)) for dy in range(-2, 3) for dx in range(-2, 3)]
        rows.append(np.stack(shifted, 1).reshape(3 * 25, 81).T)
    a = np.concatenate(rows)
    expected = np.linalg.solve(a.T @ a / 2 + 2.0 * np.eye(75), a.T @ asked / 2).reshape(3, 5, 5)
    assert np.allclose(ridge.filter.numpy(), expected, atol=1e-6)


def test_a_view_remembered_last_is_answered_better_than_before() -> None:
    torch.manual_seed(1)
    first, later = torch.randn(1, 4, 15, 15), torch.randn(4, 15, 15)
    ridge = Ridge(first, (7, 7), ridge=0.1, bump=1.0, rate=0.5, keep=0.2, memory=2)

    def answer() -> float:
        return float(functional.conv2d((later - ridge.mean)[None], ridge.filter[None], padding=3)[0, 0, 7, 7])

    before = answer()
    ridge.remember(later)
    ridge.solve(20)
    assert answer() > before + 0.3


def test_the_first_view_never_weighs_less_than_it_keeps() -> None:
    ridge = Ridge(torch.randn(1, 2, 9, 9), (5, 5), ridge=1.0, bump=1.0, rate=0.3, keep=0.25, memory=2)
    for _ in range(20):
        ridge.remember(torch.randn(2, 9, 9))
    weights = ridge._weights
    assert len(weights) == 3
    assert float(weights.sum()) == pytest.approx(1)
    assert float(weights[0]) >= 0.2


def test_peaks_are_read_between_the_cells() -> None:
    at = np.arange(21) - 10
    answers = torch.from_numpy(np.exp(-0.1 * ((at[None] - 2.4) ** 2 + (at[:, None] + 3.1) ** 2))).float()
    assert peak(answers) == pytest.approx([2.4, -3.1], abs=0.2)


def test_the_runner_up_is_no_neighbour_of_the_best() -> None:
    answers = torch.zeros(21, 21)
    answers[10, 10], answers[10, 11], answers[3, 4] = 1.0, 0.9, 0.5
    assert runner_up(answers, np.zeros(2), (3, 3)) == 0.5
    assert [tuple(p) for p in peaks(answers, 2, (3, 3))] == [(10, 10), (4, 3)]


def test_alignment_finds_shift_and_stretch_of_a_known_map() -> None:
    rows, columns = torch.meshgrid(torch.arange(60.0), torch.arange(60.0), indexing="ij")
    waves = [
        torch.sin(columns * f + p) + torch.cos(rows * g - p)
        for f, g, p in ((0.3, 0.2, 0), (0.15, 0.35, 1), (0.25, 0.1, 2))
    ]
    seen = Seen(torch.stack(waves)[None], np.zeros(2), 1.0)
    template = take(seen, np.array([30.0, 28.0]), np.array([16.0, 12.0]), (12, 16))
    centre, size, agreed = align(
        template,
        torch.ones(12, 16),
        seen,
        np.array([31.0, 27.4]),
        np.array([14.5, 13.0]),
        damping=0,
        stiffness=0,
        steps=20,
    )
    assert centre == pytest.approx([30, 28], abs=0.1)
    assert size == pytest.approx([16, 12], rel=0.03)
    assert agreed > 0.999


def test_both_twins_embed_a_place_alike_wherever_it_stands() -> None:
    torch.manual_seed(0)
    net, picture = Places().eval(), torch.rand(1, 3, 160, 160)
    with torch.inference_mode():
        whole, part = net(picture), net(picture[:, :, 32:, 16:])
    # Beyond 24 places from the border the repeated border is out of sight.
    assert whole.shape == (1, STEM_DIM + 24, 40, 40)
    assert torch.allclose(whole[:, :, 17:31, 13:31], part[:, :, 9:23, 9:27], atol=1e-4)


def test_slopes_are_sorted_by_their_direction() -> None:
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    across, down = slopes(ramp)[0, :18, 4, 4], slopes(ramp.transpose(2, 3))[0, :18, 4, 4]
    assert int(across.argmax()) == 0  # brighter to the right: 0°
    assert int(down.argmax()) in (4, 5)  # brighter below: 90°, between the directions of 80° and 100°


def test_slopes_do_not_change_with_contrast() -> None:
    picture = torch.rand(1, 3, 64, 64)
    high, low = slopes(picture)[:, :27], slopes(picture * 0.3 + 0.2)[:, :27]
    assert torch.allclose(high, low, atol=0.01)


def test_a_window_outside_the_frame_shows_its_border() -> None:
    frame = np.full((40, 50, 3), 200, np.uint8)
    seen = look(lambda x: x[:, :, ::4, ::4], frame, np.array([0.0, 0.0]), 1.0, (64, 64))
    assert torch.allclose(seen.map, torch.full_like(seen.map, 200 / 255))


def test_the_bump_of_a_lesson_lies_at_the_shift() -> None:
    bump = wrapped_bump(torch.tensor([[3.0, -2.0]]), 16)[0]
    assert divmod(int(bump.argmax()), 16) == (14, 3)
    assert float(bump.sum()) == pytest.approx(1)


def test_a_lesson_is_easy_where_the_search_view_is_the_exemplar_shifted() -> None:
    torch.manual_seed(0)
    exemplar = functional.normalize(torch.randn(4, 16, 24, 24), dim=1)
    search = exemplar.roll((2, 5), (2, 3))
    box = torch.tensor([[32.0, 32, 32, 32]]).expand(4, 4)
    found = box + torch.tensor([20.0, 8, 0, 0])
    _, facts = Lesson()(exemplar, search, box, found)
    assert facts["hit"] == facts["hit_ridge"] == 1
    _, wrong = Lesson()(exemplar, search.roll(7, 3), box, found)
    assert wrong["hit"] == 0


def test_views_are_the_same_for_the_same_seed_and_hold_their_thing() -> None:
    pool = torch.from_numpy(np.stack([invented_picture(np.random.default_rng(i), 64) for i in range(4)]))
    pool = pool.permute(0, 3, 1, 2).float() / 255
    one, again = (invented_views(pool, 6, 96, 28, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(one.search, again.search)
    assert ((one.box[:, :2] + one.box[:, 2:] / 2 - 48).abs() < 6).all()  # the exemplar is in the middle
    turned = varied(one, np.random.default_rng(4))
    assert turned.box.shape == (6, 4)
    assert sorted((turned.box[:, 2] * turned.box[:, 3]).tolist()) == pytest.approx(
        sorted((one.box[:, 2] * one.box[:, 3]).tolist())
    )


def test_the_rule_is_logistic_regression_where_no_measure_speaks_against_its_meaning() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 4))
    same = x @ [1, 1, -1, 1] + rng.normal(size=400) < 0
    weight, offset = _fitted(x, same)
    known = LogisticRegression(class_weight="balanced", C=1 / (_SHRINK * 400)).fit(x, ~same)
    assert weight == pytest.approx(known.coef_[0], abs=1e-2)
    assert offset == pytest.approx(known.intercept_[0], abs=1e-2)


def test_a_measure_that_would_speak_against_its_meaning_gets_no_weight() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 4))
    same = x @ [1, 0, 2, 0] < 0  # a larger answer of the filter, and farther
    weight, _ = _fitted(x, same)
    assert weight[0] > 0
    assert weight[2] == 0


def test_a_staged_sequence_knows_when_its_thing_is_hidden() -> None:
    ground, thing = (np.full((120, 160, 3), 60, np.uint8), moving_patch(1)[0][0])
    scene = staged([ground], [thing], 2, frames=40, height=90, width=120)
    assert len(scene.frames) == len(scene.boxes) == len(scene.visible) == 40
    assert scene.visible[0] == 1
    hidden = np.flatnonzero(scene.visible < 0.02)
    assert len(hidden) >= 8
    assert (np.diff(hidden) == 1).all()
