"""An explanation must depend on what was learned, and point at what moves the distance (Adebayo et al. 2018)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr

import twinnet
from twinnet import encoders
from twinnet.apps.explain import Explanation, explain, hide
from twinnet.apps.explain_picture import draw_explanation
from twinnet.decide import Spread, spread
from twinnet.page.heat import overlay

CONFIG = twinnet.TrainConfig(
    encoder="compact", width=8, dim=16, size_px=20, steps=150, identities_per_batch=6, items_per_identity=8,
    validation_share=0, calibration_share=0, precision="float32", device="cpu", class_turns=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def model() -> twinnet.Model:
    data = twinnet.digits()
    low, high = data.subset(np.flatnonzero(data.labels() < 6)), data.subset(np.flatnonzero(data.labels() >= 6)[:200])
    return twinnet.calibrate(twinnet.train(low, CONFIG), high)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Different digits, and some of the same: of those that training never saw."""
    data, rng = twinnet.digits(), np.random.default_rng(0)
    unseen = np.flatnonzero(data.labels() >= 6)
    return [(data.read(int(a)), data.read(int(b))) for a, b in rng.choice(unseen, (16, 2))]


def most(effect: np.ndarray, share: float = 0.15) -> np.ndarray:
    return np.asarray(effect >= np.quantile(effect, 1 - share))


def test_hiding_the_marked_regions_moves_the_distance_more_than_hiding_random_ones(
    model: twinnet.Model, pairs: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    """Any mark; those that make alike (the distance must grow); those that set apart (it must shrink)."""
    rng, marked, random = np.random.default_rng(1), [], []
    for a, b in pairs:
        shown = explain(model, a, b)
        other = model.embed_images(shown.pictures[1][None])

        def moved(mask: np.ndarray, shown: Explanation = shown, other: np.ndarray = other) -> float:
            hidden = model.embed_images(hide(shown.pictures[0], mask)[None])
            return float(model.paired(hidden, other)[0]) - shown.decision.distance

        effect = shown.effects[0]
        masks = most(np.abs(effect)), most(effect), most(-effect)
        # The same shape elsewhere: as large and as coherent, so only its place differs.
        places = [np.roll(masks[0], rng.integers(1, len(effect), 2), (0, 1)) for _ in range(8)]
        elsewhere = np.array([moved(place) for place in places])
        marked.append([abs(moved(masks[0])), moved(masks[1]), -moved(masks[2])])
        random.append([np.abs(elsewhere).mean(), elsewhere.mean(), -elsewhere.mean()])
    found, chance = np.array(marked), np.array(random)
    assert found[:, 0].mean() > 2 * chance[:, 0].mean()
    assert ((found > chance).mean(0) > [0.7, 0.8, 0.8]).all()


def test_the_map_changes_when_the_weights_are_randomised(
    model: twinnet.Model, pairs: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        unlearned = replace(model, encoder=encoders.build(model.spec).eval())
    alike = [
        spearmanr(explain(model, a, b).effects[0].ravel(), explain(unlearned, a, b).effects[0].ravel()).statistic
        for a, b in pairs
    ]
    assert np.mean(alike) < 0.5


def test_the_explained_answer_is_the_one_that_verify_gives(
    model: twinnet.Model, pairs: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    a, b = pairs[0]
    shown, turned = explain(model, a, b), explain(model, b, a)
    assert shown.decision == model.verify(a, b)
    assert shown.effects[0].shape == (20, 20)
    np.testing.assert_allclose(shown.effects[0], turned.effects[1], atol=1e-5)


def test_a_blank_pair_has_no_region_that_matters(model: twinnet.Model) -> None:
    blank = np.full((30, 20, 1), 255, np.uint8)
    shown = explain(model, blank, blank)
    assert np.abs(shown.effects[0]).max() < 1e-6


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(twinnet.ConfigError, match="does not fit"):
        hide(np.zeros((4, 4, 1), np.uint8), np.zeros((3, 4), np.bool_))


def test_the_overlay_is_blue_where_the_two_are_alike_and_orange_where_they_are_not() -> None:
    seen = overlay(np.full((1, 3, 1), 128, np.uint8), np.array([[1.0, 0.0, -1.0]])).astype(int)
    assert seen[0, 0, 2] > seen[0, 0, 0]
    assert len(set(seen[0, 1])) == 1
    assert seen[0, 2, 0] > seen[0, 2, 2]


def test_the_picture_is_written_in_the_format_that_its_name_asks_for(
    model: twinnet.Model, pairs: list[tuple[np.ndarray, np.ndarray]], tmp_path: Path
) -> None:
    shown = explain(model, *pairs[0])
    draw_explanation(shown, tmp_path / "deep" / "why.png", Spread(tuple(np.linspace(0, 1, 101)), (1.0,) * 101))
    with Image.open(tmp_path / "deep" / "why.png") as picture:
        assert picture.size[0] > 800
    draw_explanation(shown, tmp_path / "why.svg")
    assert "<svg" in (tmp_path / "why.svg").read_text()
    with pytest.raises(twinnet.TwinnetError, match=r"why\.docx: unknown picture format"):
        draw_explanation(shown, tmp_path / "why.docx")


def test_the_spread_says_the_share_of_pairs_that_are_nearer() -> None:
    rng = np.random.default_rng(2)
    d, same = rng.gamma(2, size=4000), np.arange(4000) < 1500
    d[same] *= 0.4
    kept = spread(d, same)
    for distance in (0.0, 0.3, 1.0, 2.5, 50.0):
        genuine, impostor = kept.nearer(distance)
        assert genuine == pytest.approx((d[same] < distance).mean(), abs=0.01)
        assert impostor == pytest.approx((d[~same] < distance).mean(), abs=0.01)


def test_equal_distances_are_not_nearer_than_themselves() -> None:
    kept = spread([0.5] * 10 + [0.7] * 10, [True] * 10 + [False] * 10)
    assert kept.nearer(0.5) == (0.0, 0.0)
    assert kept.nearer(0.6) == (1.0, 0.0)


@pytest.mark.parametrize("values", [(0.0,) * 100, (1.0, *(0.5,) * 100), (*(0.5,) * 100, float("nan"))])
def test_a_spread_that_is_none_is_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(twinnet.CalibrationError, match="101 ascending"):
        Spread(values, (0.0,) * 101)
