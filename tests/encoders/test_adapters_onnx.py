"""An ONNX file of the user's, run by the real ONNX Runtime, as one of our encoders."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from twinnet import Model, Preprocess, compare, load
from twinnet.core.errors import ConfigError, ModelFileError
from twinnet.encoders import EncoderSpec, adapt, build
from twinnet.encoders.adapters import Opened, graph, onnx_file, open_backbone

ort = pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
Make = Callable[..., Path]


def runtime(path: Path, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0])


def opened(path: Path, options: str = ",scale=half") -> Opened:
    return open_backbone(f"onnx:{path}{options}")


def model_of(found: Opened, seed: int = 0) -> Model:
    spec = EncoderSpec(found.recipe.label, found.inputs.channels, 6, backbone=found.recipe.to_dict())
    torch.manual_seed(seed)
    i = found.inputs
    preprocess = Preprocess(i.height, i.width, i.channels, fit="stretch", mean=i.mean, std=i.std)
    return Model(adapt(spec, found.trunk).eval(), compare.build("cosine", 6), preprocess, None, {}, spec)


def test_features_are_those_of_onnx_runtime(make_onnx: Make) -> None:
    path = make_onnx()
    x = torch.rand(5, 3, 16, 16)
    torch.testing.assert_close(opened(path).trunk(x), torch.from_numpy(runtime(path, x.numpy())))


def test_pixels_reach_an_arcface_file_as_rgb_minus_127_5_over_128(make_onnx: Make) -> None:
    path = make_onnx()
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    model = model_of(opened(path, ",scale=arcface"))
    seen = torch.from_numpy(model.preprocess.normalise(picture[None]))
    by_hand = (picture.astype(np.float32) - 127.5) / 128
    expected = runtime(path, by_hand.transpose(2, 0, 1)[None])
    np.testing.assert_allclose(model.encoder.features(seen).numpy(), expected, rtol=1e-4, atol=1e-5)  # type: ignore[operator]


def test_channels_last_and_blue_first_are_turned_for_the_file(make_onnx: Make) -> None:
    path = make_onnx(shape=("n", 16, 16, 3))
    model = model_of(opened(path, ",scale=raw,order=bgr"))
    picture = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    expected = runtime(path, picture[None, :, :, ::-1].astype(np.float32))
    found = model.encoder.features(torch.from_numpy(model.preprocess.normalise(picture[None])))  # type: ignore[operator]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_fixed_batch_changes_nothing(make_onnx: Make, at_once: int) -> None:
    x = torch.rand(6, 3, 16, 16)
    free, fixed = opened(make_onnx("a.onnx")), opened(make_onnx("b.onnx", shape=(at_once, 3, 16, 16)))
    torch.testing.assert_close(fixed.trunk(x), free.trunk(x))


def test_an_inner_output_is_cut_out_and_carries_only_its_own_weights(make_onnx: Make) -> None:
    path = make_onnx()
    whole, cut = opened(path), opened(path, ",scale=half,output=map")
    assert cut.recipe.features == 4  # the map's channels, averaged over its places
    assert cut.recipe.config["bytes"] < whole.recipe.config["bytes"] / 2
    x = torch.rand(2, 3, 16, 16)
    weight = torch.from_numpy(np.random.default_rng(0).normal(0, 0.4, (4, 3, 3, 3)).astype(np.float32))
    torch.testing.assert_close(cut.trunk(x), torch.nn.functional.conv2d(x, weight, padding=1), rtol=1e-4, atol=1e-5)


def test_weights_beside_the_file_come_into_the_model(make_onnx: Make, tmp_path: Path) -> None:
    together, apart = opened(make_onnx("a.onnx")), opened(make_onnx("b.onnx", apart=True))
    (tmp_path / "weights.bin").unlink()
    x = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(apart.trunk(x), together.trunk(x))


def test_a_saved_model_needs_the_onnx_file_no_more_and_gives_the_same_bits(make_onnx: Make, tmp_path: Path) -> None:
    path = make_onnx()
    model = model_of(opened(path))
    model.save(tmp_path / "m.twin")
    path.unlink()
    pictures = list(np.random.default_rng(2).integers(0, 256, (3, 20, 18, 3), dtype=np.uint8))
    again = load(tmp_path / "m.twin")
    np.testing.assert_array_equal(again.embed(pictures), model.embed(pictures))
    assert again.fingerprint == model.fingerprint
    assert str(tmp_path).encode() not in (tmp_path / "m.twin").read_bytes()


def test_other_weights_in_the_backbone_are_another_fingerprint(make_onnx: Make) -> None:
    one, other = (model_of(opened(make_onnx(f"{s}/small.onnx".replace("/", "-"), seed=s))) for s in (0, 1))
    again = model_of(opened(make_onnx("0-small.onnx", seed=0)))
    assert one.fingerprint == again.fingerprint != other.fingerprint


def test_a_flipped_byte_in_the_backbone_is_noticed(make_onnx: Make, tmp_path: Path) -> None:
    model_of(opened(make_onnx())).save(tmp_path / "m.twin")
    raw = bytearray((tmp_path / "m.twin").read_bytes())
    place = raw.index(b"AveragePool")
    raw[place] ^= 1
    (tmp_path / "m.twin").write_bytes(raw)
    with pytest.raises(ModelFileError, match="does not match its hash"):
        load(tmp_path / "m.twin")


def test_bytes_in_a_model_that_read_another_file_are_refused(make_onnx: Make, tmp_path: Path) -> None:
    make_onnx("apart.onnx", apart=True)
    data = (tmp_path / "apart.onnx").read_bytes()  # still points to weights.bin
    with pytest.raises(ConfigError, match="lie in another file"):
        onnx_file.session(data)


def test_a_copy_of_the_encoder_runs_by_itself(make_onnx: Make) -> None:
    encoder = model_of(opened(make_onnx())).encoder
    x = torch.rand(2, 3, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(copy.deepcopy(encoder)(x), encoder(x))


def test_only_the_head_learns(make_onnx: Make) -> None:
    encoder = model_of(opened(make_onnx())).encoder.train()
    encoder(torch.rand(4, 3, 16, 16)).square().sum().backward()
    assert {name for name, p in encoder.named_parameters() if p.requires_grad} == {"head.fc.weight", "head.fc.bias"}


@pytest.mark.parametrize(("options", "says"), [
    ("", "does not say how its pixels were scaled.*scale=NAME"),
    (",scale=half,size=20", "takes pictures 16 pixels high, not 20"),
    (",scale=half,output=nowhere", r"nothing called 'nowhere'.*features, map \(Conv\)"),
])  # fmt: skip
def test_what_the_file_leaves_open_is_asked_for(make_onnx: Make, options: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        opened(make_onnx(), options)


def test_an_open_size_is_asked_for_and_taken(make_onnx: Make) -> None:
    path = make_onnx(shape=("n", 3, "h", "w"))
    with pytest.raises(ConfigError, match="leaves its size open"):
        opened(path)
    assert opened(path, ",scale=half,size=16").inputs.width == 16


def test_an_onnx_file_cannot_be_fine_tuned(make_onnx: Make) -> None:
    with pytest.raises(ConfigError, match="can only be used frozen"):
        open_backbone(f"onnx:{make_onnx()},scale=half", fine_tune=True)


def test_a_missing_a_foreign_and_a_large_file_are_named(make_onnx: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such ONNX file"):
        opened(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(ConfigError, match="cannot be read as ONNX|not ONNX"):
        opened(tmp_path / "text.onnx")
    with pytest.raises(ConfigError, match="at most 100 are taken"):
        graph.read_graph(make_onnx(), "", 100)


def test_a_size_that_no_file_could_have_is_refused_before_memory_is_taken(make_onnx: Make) -> None:
    recipe = opened(make_onnx()).recipe.to_dict()
    spec = EncoderSpec("onnx:x", 3, 6, backbone={**recipe, "config": {"bytes": 1 << 40, "layout": "nchw"}})
    with pytest.raises(ConfigError, match="cannot be"):
        build(spec)
