"""The engine without torch must say what the model says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import twinnet
from twinnet import Model, compare
from twinnet.apps.explain import explain
from twinnet.apps.export import exported_bytes
from twinnet.engine import Engine
from twinnet.engine.distances import Compared

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
Make = Callable[..., Model]


@pytest.mark.parametrize("comparison", ["cosine", "euclidean", "learned"])
@pytest.mark.parametrize("encoder", ["compact", "resnet", "vgg", "alexnet"])
def test_the_engine_says_what_the_model_says(
    make: Make, pictures: list[np.ndarray], comparison: str, encoder: str
) -> None:
    model = make(comparison, encoder, size=40)
    engine = Engine(exported_bytes(model))
    ours, theirs = engine.embed(pictures), model.embed(pictures)
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
    np.testing.assert_allclose(engine.paired(ours[:5], ours[5:10]), model.paired(theirs[:5], theirs[5:10]), atol=5e-6)
    np.testing.assert_allclose(engine.cross(ours, ours[:3]), model.cross(theirs, theirs[:3]), atol=2e-5)
    assert engine.fingerprint == model.fingerprint
    assert engine.rule == model.rule
    said, meant = engine.verify(*pictures[:2]), model.verify(*pictures[:2])
    assert said.same == meant.same
    assert said.distance == pytest.approx(meant.distance, abs=5e-6)
    assert said == engine.verify(pictures[1], pictures[0])


@pytest.mark.parametrize(("size", "grid"), [(40, 2), (56, 4), (50, 3), (17, 5)])
def test_a_raster_that_does_not_divide_the_map_is_exported_exactly(
    make: Make, pictures: list[np.ndarray], size: int, grid: int
) -> None:
    model = make(encoder="resnet", size=size, grid=grid)
    np.testing.assert_allclose(Engine(exported_bytes(model)).embed(pictures), model.embed(pictures), atol=2e-6)


@given(
    st.integers(1, 5), st.integers(1, 6), st.integers(1, 9), st.integers(0, 2**32 - 1),
    st.sampled_from(["cosine", "euclidean", "learned"]),
)  # fmt: skip
def test_distances_agree_with_those_of_torch(n: int, m: int, dim: int, seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=(k, dim)).astype(np.float32) for k in (n, m))
    learned = name == "learned"
    module = compare.build(name, dim)
    weight = module.weight.detach().numpy() if learned else None
    ours = Compared(name, weight, float(module.bias.detach()) if learned else 0.0)
    import torch

    with torch.inference_mode():
        theirs = module.cross(torch.from_numpy(a), torch.from_numpy(b)).numpy()  # type: ignore[operator]
    np.testing.assert_allclose(ours.cross(a, b), theirs, atol=1e-5, rtol=1e-4)
    np.testing.assert_allclose(ours.paired(a[:1], b[:1]), ours.cross(a[:1], b[:1])[0], atol=1e-6)
    assert ours.cross(a[:0], b).shape == (0, m)


def test_an_explanation_needs_no_torch_and_is_the_same(make: Make, pictures: list[np.ndarray]) -> None:
    model = make()
    ours, theirs = (explain(twins, *pictures[:2]) for twins in (Engine(exported_bytes(model)), model))
    np.testing.assert_allclose(ours.effects[0], theirs.effects[0], atol=5e-6)
    assert ours.decision.distance == pytest.approx(theirs.decision.distance, abs=5e-6)


def test_no_image_gives_no_embedding(make: Make) -> None:
    engine = Engine(exported_bytes(make()))
    assert engine.embed([]).shape == engine.embed_images(np.zeros((0, 16, 16, 1), np.uint8)).shape == (0, 8)


def test_without_a_threshold_it_measures_and_does_not_decide(make: Make, pictures: list[np.ndarray]) -> None:
    engine = Engine(exported_bytes(make(rule=None)))
    assert engine.embed(pictures).shape == (12, 8)
    with pytest.raises(twinnet.NotCalibrated, match="twinnet calibrate"):
        engine.verify(*pictures[:2])


@pytest.mark.parametrize("content", [b"", b"junk", b"\x08\x07" * 40, b"\x80\x04\x95pickle"])
def test_what_export_did_not_write_is_refused(content: bytes, tmp_path: Path) -> None:
    for given_ in (content, tmp_path / "m.onnx"):
        (tmp_path / "m.onnx").write_bytes(content)
        with pytest.raises(twinnet.ModelFileError, match="this is no exported model"):
            Engine(given_)
    with pytest.raises(twinnet.ModelFileError):
        Engine(tmp_path / "missing.onnx")


def test_an_onnx_file_without_our_card_is_refused(make: Make) -> None:
    from twinnet.apps.export.graph import network

    with pytest.raises(twinnet.ModelFileError, match="twinnet export"):
        Engine(network(make()))


@pytest.mark.parametrize("change", [{"format": 99}, {"preprocess": {}}, {"comparison": "hamming"}, {"dim": "x"}])
def test_a_card_that_makes_no_sense_is_refused(make: Make, change: dict[str, object]) -> None:
    from twinnet.apps.export.graph import network, with_card
    from twinnet.apps.export.run import card_of

    model = make()
    with pytest.raises(twinnet.ModelFileError):
        Engine(with_card(network(model), {**card_of(model, model.rule, None), **change}))


def test_the_engine_runs_where_torch_cannot_be_imported(make: Make, pictures: list[np.ndarray], tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(exported_bytes(make()))
    np.save(tmp_path / "a.npy", pictures[0])
    program = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "import numpy as np; from twinnet.engine import Engine; from twinnet.apps.explain import explain\n"
        "a = np.load('a.npy'); engine = Engine('m.onnx')\n"
        "print(engine.verify(a, a).same, explain(engine, a, a).decision.same)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["True", "True"]
