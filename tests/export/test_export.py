"""What export writes decides as the model did, or is not written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import twinnet
from twinnet.apps.export import Parity, ParityError, export
from twinnet.apps.export.relearn import relearned
from twinnet.decide import DecisionRule, abstain_band, fit_platt
from twinnet.engine import Engine

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
Digits = tuple[twinnet.Dataset, twinnet.Dataset, twinnet.Dataset]


@pytest.fixture(scope="module")
def written(
    model: twinnet.Model, digits: Digits, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Parity]:
    out = tmp_path_factory.mktemp("exported") / "deep" / "digits.onnx"
    parity = export(model, out, digits[2])
    return out, out.with_suffix(".int8.onnx"), parity


def test_float_moves_no_verdict_and_hardly_a_distance(
    model: twinnet.Model, digits: Digits, written: tuple[Path, Path, Parity]
) -> None:
    out, _, parity = written
    assert (parity.flipped, parity.images) == (0, len(digits[2]))
    assert parity.largest_move <= 1e-4
    engine, store = Engine(out), [digits[2].read(i) for i in range(40)]
    np.testing.assert_allclose(engine.embed(store), model.embed(store), atol=1e-5)
    assert engine.fingerprint == model.fingerprint


def test_a_map_of_shared_kernels_is_exported_like_any_other(
    config: twinnet.TrainConfig, digits: Digits, tmp_path: Path
) -> None:
    settings = {"encoder": "resnet8_p4m", "head": "map", "grid": 5, "dim": 25 * 16, "width": 16, "steps": 10}
    model = twinnet.train(digits[0], replace(config, **settings))  # type: ignore[arg-type]
    parity = export(twinnet.calibrate(model, digits[1]), tmp_path / "map.onnx", digits[2])
    assert (parity.flipped, parity.images) == (0, len(digits[2]))
    store = [digits[2].read(i) for i in range(40)]
    np.testing.assert_allclose(Engine(tmp_path / "map.onnx").embed(store), model.embed(store), atol=1e-5)


def test_the_certificate_and_both_thresholds_are_in_both_cards(
    model: twinnet.Model, written: tuple[Path, Path, Parity]
) -> None:
    out, small, parity = written
    assert Engine(small).card["parity"]["int8_threshold"] == parity.int8_threshold == Engine(small).known_rule.threshold
    assert Engine(out).card["parity"]["threshold"] == model.known_rule.threshold == parity.threshold
    assert "# Model card" in Engine(out).card["card"]


def test_int8_is_smaller_and_decides_nearly_as_before_at_its_own_threshold(
    model: twinnet.Model, written: tuple[Path, Path, Parity]
) -> None:
    out, small, parity = written
    assert small.stat().st_size < 0.7 * out.stat().st_size
    assert parity.int8_flipped is not None
    assert parity.int8_flipped <= 0.02 * parity.pairs
    assert parity.eer == pytest.approx(parity.int8_eer, abs=0.02)
    engine = Engine(small)
    assert engine.fingerprint == f"{model.fingerprint}-int8"
    assert engine.known_rule.learned_on == "the golden set of the export"
    assert engine.known_rule.spread != model.known_rule.spread


def test_an_int8_gallery_and_a_float_gallery_do_not_mix(written: tuple[Path, Path, Parity]) -> None:
    assert Engine(written[0]).fingerprint != Engine(written[1]).fingerprint


def test_int8_that_decides_otherwise_is_not_written(model: twinnet.Model, digits: Digits, tmp_path: Path) -> None:
    with pytest.raises(ParityError, match="int8 decides"):
        export(model, tmp_path / "m.onnx", digits[2], int8_flips=-1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_distance_that_moves_beyond_the_tolerance_stops_the_export(
    model: twinnet.Model, digits: Digits, tmp_path: Path
) -> None:
    with pytest.raises(ParityError, match="nothing was written"):
        export(model, tmp_path / "m.onnx", digits[2], tolerance=0.0)
    assert list(tmp_path.iterdir()) == []


def test_a_verdict_that_flips_stops_the_export(
    model: twinnet.Model, digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twinnet.apps.export import run

    one_place = torch.nn.Linear(16, 16)  # to which everything goes: whatever was different is the same now
    torch.nn.init.zeros_(one_place.weight)
    torch.nn.init.ones_(one_place.bias)
    other = replace(model, encoder=torch.nn.Sequential(model.encoder, one_place).eval())
    content = run.network(other)
    monkeypatch.setattr(run, "network", lambda _: content)
    with pytest.raises(ParityError, match="verdicts flip"):
        export(model, tmp_path / "m.onnx", digits[2], int8=False, tolerance=1e9)


def test_without_a_golden_set_there_is_no_int8_file(model: twinnet.Model, tmp_path: Path) -> None:
    parity = export(model, tmp_path / "m.onnx")
    assert (parity.int8_flipped, parity.eer) == (None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_identities_that_taught_the_model_are_no_golden_set(
    model: twinnet.Model, digits: Digits, tmp_path: Path
) -> None:
    with pytest.raises(twinnet.LeakError, match="taught this model"):
        export(model, tmp_path / "m.onnx", digits[0])
    assert export(model, tmp_path / "m.onnx", digits[0], int8=False, accept_seen=True).images == len(digits[0])


def test_a_model_without_a_threshold_is_exported_and_does_not_decide(
    model: twinnet.Model, digits: Digits, tmp_path: Path
) -> None:
    parity = export(model.with_rule(None), tmp_path / "m.onnx", digits[2])
    assert parity.threshold is parity.int8_threshold is None
    assert parity.int8_eer is not None
    assert Engine(tmp_path / "m.int8.onnx").rule is None


def test_where_nothing_can_be_written_it_is_said(model: twinnet.Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(twinnet.TwinnetError, match="cannot be written"):
        export(model, tmp_path / "file" / "m.onnx")


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 3.0), st.floats(0, 0.3), st.floats(0.2, 2.5))
def test_a_relearned_threshold_accepts_as_many_impostors_as_before(
    seed: int, factor: float, noise: float, threshold: float
) -> None:
    rng = np.random.default_rng(seed)
    same = np.arange(300) < 100
    before = np.where(same, rng.gamma(3, 0.2, 300), rng.gamma(6, 0.3, 300))
    after = factor * before + rng.normal(0, noise, 300)
    rule = DecisionRule(threshold, "given", fit_platt(before, same))
    new = relearned(rule, before, after, same)
    assert (after[~same] < new.threshold).sum() == (before[~same] < threshold).sum()
    if noise == 0:
        assert ((after < new.threshold) == (before < threshold)).all()


def test_a_band_that_is_too_close_to_call_is_carried_over() -> None:
    rng, same = np.random.default_rng(0), np.arange(2000) < 600
    before = np.where(same, rng.gamma(3, 0.2, 2000), rng.gamma(6, 0.3, 2000))
    band = abstain_band(before, same, far=0.01, frr=0.02)
    middle = (band.low + band.high) / 2
    rule = DecisionRule(middle, "band", abstain=(band.low, band.high), band=band)
    new = relearned(rule, before, 2 * before, same)
    assert new.abstain == pytest.approx((2 * band.low, 2 * band.high), rel=0.01)
    assert new.band is not None
    assert new.band.far.point == pytest.approx(band.far.point, abs=1e-9)
    assert new.calibrator is None
