"""A head on a frozen backbone: its features are computed once, kept, and taken up again."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

import twinnet
from twinnet.core.errors import ConfigError, ModelFileError
from twinnet.decide import eer, error_rates
from twinnet.encoders.adapters import onnx_file, timm_model
from twinnet.encoders.adapters.adapted import Head
from twinnet.training import features
from twinnet.training.frozen import embed_features
from twinnet.training.pretrained import HEAD_STEPS, opened, with_budget

onnx = pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

CONFIG = twinnet.TrainConfig(
    dim=8, steps=30, identities_per_batch=4, items_per_identity=3, views=1, precision="float32", device="cpu",
    validation_share=0.2, calibration_share=0.2,
)  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16×16 grey pictures → the means of its 4×4 blocks, which is a fair description of a digit."""
    helper, float_ = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("AveragePool", ["x"], ["blocks"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["blocks"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes, "blocks", [helper.make_tensor_value_info("x", float_, ["n", 1, 16, 16])],
        [helper.make_tensor_value_info("features", float_, ["n", 16])],
    )  # fmt: skip
    path = tmp_path_factory.mktemp("onnx") / "blocks.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9), path)
    return path


@pytest.fixture
def config(file: Path) -> twinnet.TrainConfig:
    return replace(CONFIG, encoder=f"onnx:{file},scale=unit")


@pytest.fixture
def data() -> twinnet.Dataset:
    return twinnet.digits().subset(np.arange(200))


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many pictures went through the backbone, call by call."""
    seen: list[int] = []
    plain = onnx_file.OnnxTrunk.forward

    def counted(self: onnx_file.OnnxTrunk, images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        return plain(self, images)

    monkeypatch.setattr(onnx_file.OnnxTrunk, "forward", counted)
    return seen


def test_a_saved_model_embeds_pictures_as_the_head_embedded_their_features(
    config: twinnet.TrainConfig, data: twinnet.Dataset, tmp_path: Path
) -> None:
    trained = twinnet.train(data, config, out=tmp_path / "m.twin")
    model = twinnet.load(tmp_path / "m.twin")
    pictures = [data.read(i) for i in range(6)]
    seen = np.stack([model.preprocess.apply(p) for p in pictures])[:, :, :, 0] / 255
    blocks = seen.reshape(6, 4, 4, 4, 4).mean((2, 4)).reshape(6, 16).astype(np.float32)
    np.testing.assert_allclose(model.embed(pictures), embed_features(trained.encoder.head, blocks), atol=1e-5)  # type: ignore[arg-type,union-attr]
    assert trained.fingerprint == model.fingerprint
    assert trained.rule is not None
    assert model.facts["config"]["encoder"] == "onnx:blocks.onnx"  # not the path on this machine


def test_pictures_go_through_the_backbone_once_for_each_view_whatever_the_seed_and_the_steps(
    config: twinnet.TrainConfig, data: twinnet.Dataset, tmp_path: Path, looked: list[int]
) -> None:
    config = replace(config, validation_share=0, calibration_share=0)
    twinnet.train(data, config, features=tmp_path)
    assert sum(looked) == 1 + 200 * 2  # one to see how many features there are
    looked.clear()
    twinnet.train(data, replace(config, steps=60, seed=4, dim=4), features=tmp_path)
    assert sum(looked) == 1
    twinnet.train(data, replace(config, views=2), features=tmp_path)
    assert sum(looked) == 2 + 200


def test_a_run_from_kept_features_gives_the_same_bits_as_the_first(
    config: twinnet.TrainConfig, data: twinnet.Dataset, tmp_path: Path
) -> None:
    fresh, first, second = (twinnet.train(data, config, features=f) for f in (None, tmp_path, tmp_path))
    assert fresh.fingerprint == first.fingerprint == second.fingerprint


def test_damaged_and_partial_files_of_features_cost_time_and_not_the_result(
    config: twinnet.TrainConfig, data: twinnet.Dataset, tmp_path: Path, looked: list[int]
) -> None:
    first = twinnet.train(data, config, features=tmp_path)
    for kept in tmp_path.rglob("*.safetensors"):
        kept.write_bytes(kept.read_bytes()[:-100])
        kept.with_name("x.safetensors.1.partial").write_bytes(b"half")
    looked.clear()
    assert twinnet.train(data, config, features=tmp_path).fingerprint == first.fingerprint
    assert sum(looked) > 200


def test_what_was_saved_before_a_kill_is_not_computed_again(
    config: twinnet.TrainConfig,
    data: twinnet.Dataset,
    tmp_path: Path,
    looked: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = replace(config, validation_share=0, calibration_share=0)
    monkeypatch.setattr(features, "_SAVE_S", 0.0)
    plain = features.FeatureFolder.save

    def killed(self: features.FeatureFolder) -> None:
        plain(self)
        if sum(looked) > 150:
            raise KeyboardInterrupt

    monkeypatch.setattr(features.FeatureFolder, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        twinnet.train(data, config, features=tmp_path)
    before = sum(looked) - 1
    assert 150 <= before < 400
    monkeypatch.setattr(features.FeatureFolder, "save", plain)
    looked.clear()
    twinnet.train(data, config, features=tmp_path)
    assert sum(looked) == 1 + 400 - before


def test_another_scale_or_other_pictures_never_meet_kept_features(
    config: twinnet.TrainConfig, data: twinnet.Dataset, file: Path, tmp_path: Path, looked: list[int]
) -> None:
    config = replace(config, validation_share=0, calibration_share=0, views=0)
    twinnet.train(data, config, features=tmp_path)
    looked.clear()
    twinnet.train(data, replace(config, encoder=f"onnx:{file},scale=half"), features=tmp_path)
    assert sum(looked) == 1 + 200
    looked.clear()
    twinnet.train(twinnet.digits().subset(np.arange(100, 300)), config, features=tmp_path)
    assert sum(looked) == 1 + 100  # the hundred that are new


def test_a_head_learns_to_tell_digits_apart(config: twinnet.TrainConfig, data: twinnet.Dataset) -> None:
    config = replace(config, validation_share=0, calibration_share=0, views=0)
    labels = data.labels()
    i, j = np.triu_indices(len(data), 1)
    judged = []
    for steps in (1, 200):
        model = twinnet.train(data, replace(config, steps=steps, learning_rate=0.04))
        d = model.pair_distances(model.embed([data.read(k) for k in range(len(data))]), i, j)
        judged.append(eer(error_rates(d, labels[i] == labels[j]))[0])
    assert judged[1] < 0.8 * judged[0]


def test_pairs_train_a_head_too(config: twinnet.TrainConfig, data: twinnet.Dataset) -> None:
    labels, rng = data.labels(), np.random.default_rng(0)
    first, second = rng.integers(0, 200, (2, 300))
    from twinnet.core.types import Pairs

    pairs = Pairs(first, second, labels[first] == labels[second])
    told = replace(data, identities=None, identity_names=(), pairs=pairs)
    model = twinnet.train(told, replace(config, loss="contrastive", validation_share=0, calibration_share=0, steps=3))
    assert model.facts["steps"] == 3


def test_an_interrupted_head_is_taken_up_and_another_backbone_is_not(
    config: twinnet.TrainConfig, data: twinnet.Dataset, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(config, checkpoint_s=0.0)
    whole = twinnet.train(data, config, out=tmp_path / "whole.twin")
    from twinnet.training import loop

    plain = loop.step

    def killed(*parts: object) -> float:
        if parts[7] == 20:
            raise KeyboardInterrupt
        return plain(*parts)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        twinnet.train(data, config, out=tmp_path / "m.twin")
    monkeypatch.setattr(loop, "step", plain)
    with pytest.raises(ModelFileError, match="of another run: backbone differ"):
        twinnet.train(data, replace(config, encoder=f"onnx:{file},scale=half"), out=tmp_path / "m.twin")
    assert twinnet.train(data, config, out=tmp_path / "m.twin").fingerprint == whole.fingerprint


def test_a_head_begins_with_the_principal_directions_half_whitened() -> None:
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    x = (rng.normal(size=(4000, 12)) * ([100, 25, 4, 1] + [0.0] * 8)) @ turned + 500
    head = Head(12, 4, 0.0, normalise=False)
    head.standardise(torch.from_numpy(x.astype(np.float32)))
    with torch.no_grad():
        found = head(torch.from_numpy(x.astype(np.float32))).double().numpy()
    deviation = found.std(0)
    np.testing.assert_allclose(deviation / deviation[0], [1, 0.5, 0.2, 0.1], rtol=0.05)
    np.testing.assert_allclose(np.corrcoef(found.T), np.eye(4), atol=1e-2)
    assert abs(found.mean(0)).max() < 1e-3 * deviation[0]


def test_features_that_are_all_alike_leave_a_head_finite() -> None:
    head = Head(6, 4, 0.0, normalise=True)
    head.standardise(torch.full((10, 6), 3.0))
    assert torch.isfinite(head(torch.full((2, 6), 3.0))).all()


def test_nobody_who_gives_a_length_is_overruled() -> None:
    assert with_budget(twinnet.TrainConfig()).minutes == 5
    assert with_budget(twinnet.TrainConfig(encoder="onnx:a.onnx")).steps == HEAD_STEPS
    assert with_budget(twinnet.TrainConfig(encoder="timm:a", fine_tune=True)).minutes == 5
    assert with_budget(twinnet.TrainConfig(encoder="onnx:a.onnx", epochs=2)).steps == 0


def test_an_unknown_encoder_is_refused_before_the_data_is_looked_at(data: twinnet.Dataset) -> None:
    known = "Known: alexnet, compact, resnet, resnet8, resnet8_p4m, shallow, vgg; or timm:NAME, hf:NAME, onnx:FILE"
    with pytest.raises(ConfigError, match=known):
        opened(twinnet.TrainConfig(encoder="transformer"))


class _Net(torch.nn.Module):
    pretrained_cfg: ClassVar = {"input_size": (3, 16, 16), "mean": (0.5,) * 3, "std": (0.5,) * 3}

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 6, 5, stride=2)
        self.norm = torch.nn.BatchNorm2d(6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)).relu().mean((2, 3))


def test_fine_tuning_changes_the_backbone_and_less_than_the_head(
    data: twinnet.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import save_file

    monkeypatch.setattr(timm_model, "imported", lambda *_: None)
    monkeypatch.setattr(
        timm_model, "_create", lambda *_, pretrained=False, **__: _made(tmp_path) if pretrained else _Net()
    )
    torch.manual_seed(0)
    save_file(_Net().state_dict(), tmp_path / "w.safetensors")
    asked = replace(CONFIG, encoder=f"timm:net,weights={tmp_path / 'w.safetensors'}", fine_tune=True, steps=5)
    model = twinnet.train(data, replace(asked, validation_share=0, calibration_share=0), out=tmp_path / "m.twin")
    before, after = _first_weights(tmp_path), model.encoder.trunk.conv.weight.detach()  # type: ignore[union-attr]
    moved = float((after - before).abs().max())  # type: ignore[operator]
    assert 0 < moved < 5 * 0.05 * CONFIG.learning_rate * 1.5
    assert not (tmp_path / "m.twin.features").exists()
    assert "fine-tuned" in twinnet.model.card(twinnet.load(tmp_path / "m.twin"))


def _made(folder: Path) -> _Net:
    from safetensors.torch import load_file

    net = _Net()
    net.load_state_dict(load_file(folder / "w.safetensors"))
    return net


def _first_weights(folder: Path) -> torch.Tensor:
    return _made(folder).conv.weight.detach()


def test_the_commands_train_show_and_use_a_frozen_backbone(
    file: Path, data: twinnet.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    for i in range(80):
        folder = tmp_path / "people" / data.identity_names[data.labels()[i]]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.read(i)[:, :, 0]).save(folder / f"{i}.png")
    model = tmp_path / "m.twin"
    words = ["train", tmp_path / "people", "-o", model, "--encoder", f"onnx:{file},scale=unit", "-P", 4, "-K", 2]
    said = _run(monkeypatch, *words, "--steps", 5, "--views", 1, "--features", tmp_path / "kept")
    assert "Backbone** onnx:blocks.onnx, 0.0 MB, 16 features, frozen" in said
    assert list((tmp_path / "kept").rglob("*.safetensors"))
    assert not (tmp_path / "m.twin.features").exists()
    told = json.loads(_run(monkeypatch, "info", model, "--json"))
    assert (told["encoder"]["backbone"]["kind"], told["encoder"]["backbone"]["frozen"]) == ("onnx", True)
    said = _run(monkeypatch, "embed", model, tmp_path / "people", "-o", tmp_path / "e.parquet")
    assert "80 embeddings of 64 numbers" in said


def _run(monkeypatch: pytest.MonkeyPatch, *words: object) -> str:
    from twinnet.cli.main import main

    out = io.StringIO()
    monkeypatch.setattr(sys, "argv", ["twinnet", *map(str, words)])
    code = None
    with redirect_stdout(out):
        try:
            main()
        except SystemExit as done:
            code = done.code
    assert not code, out.getvalue()
    return out.getvalue()
