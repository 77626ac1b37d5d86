"""timm's adapter, against a stand-in of the four things that it uses of timm: `create_model`, `pretrained_cfg`,
`pretrained_cfg_overlay` and the pooled output without classes. The library itself is not tested here: it needs a
torchvision that fits the torch, which not every machine has.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import twinnet
from twinnet import Model, Preprocess, compare, load
from twinnet.core.errors import ConfigError, MissingExtra
from twinnet.encoders import EncoderSpec, adapt
from twinnet.encoders.adapters import open_backbone


class Net(nn.Module):
    pretrained_cfg: ClassVar = {
        "input_size": (3, 24, 24), "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25), "hf_hub_id": "timm/standin",
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).relu().mean((2, 3))


def create_model(
    name: str, *, pretrained: bool, num_classes: int, pretrained_cfg_overlay: dict[str, Any] | None = None
) -> Net:
    assert num_classes == 0
    if name != "standin":
        raise RuntimeError(f"Unknown model ({name})")
    net = Net()
    if pretrained:
        assert pretrained_cfg_overlay is not None, "weights would come from the hub"
        net.load_state_dict(load_file(pretrained_cfg_overlay["file"]))
    return net


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("timm")
    module.create_model = create_model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", module)
    return module


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(4)
    save_file(Net().state_dict(), tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


@pytest.mark.usefixtures("timm")
def test_weights_of_a_file_come_in_and_go_into_the_model_file(weights: Path, tmp_path: Path) -> None:
    found = open_backbone(f"timm:standin,weights={weights}")
    assert (found.recipe.features, found.inputs.height, found.inputs.std) == (10, 24, (0.25, 0.25, 0.25))
    torch.testing.assert_close(found.trunk.state_dict()["conv.bias"], load_file(weights)["conv.bias"])
    spec = EncoderSpec(found.recipe.label, 3, 6, backbone=found.recipe.to_dict())
    model = Model(adapt(spec, found.trunk).eval(), compare.build("cosine", 6), Preprocess(24, 24, 3), None, {}, spec)
    model.save(tmp_path / "m.twin")
    weights.unlink()
    picture = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    np.testing.assert_array_equal(load(tmp_path / "m.twin").embed([picture]), model.embed([picture]))


@pytest.mark.usefixtures("timm")
def test_fine_tuning_asks_for_a_slow_rate_of_every_weight_of_the_backbone(weights: Path) -> None:
    from twinnet.training.loop import _weight_groups

    found = open_backbone(f"timm:standin,weights={weights}", fine_tune=True)
    spec = EncoderSpec(found.recipe.label, 3, 6, backbone=found.recipe.to_dict())
    groups = _weight_groups(adapt(spec, found.trunk), twinnet.TrainConfig())
    assert sorted((g["rate"], sum(p.numel() for p in g["params"])) for g in groups) == [
        (0.05, 280), (1.0, 6), (1.0, 60),
    ]  # fmt: skip


@pytest.mark.usefixtures("timm")
def test_what_cannot_be_had_is_said_with_the_next_step(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = ModuleType("huggingface_hub")

    def absent(repository: str, name: str, *, local_files_only: bool) -> str:
        assert (repository, name, local_files_only) == ("timm/standin", "model.safetensors", True)
        raise FileNotFoundError("not in the cache")

    hub.hf_hub_download = absent  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    with pytest.raises(ConfigError, match=r"nothing is fetched unasked \(not in the cache\).*--download"):
        open_backbone("timm:standin")
    with pytest.raises(ConfigError, match=r"Unknown model \(other\).*timm.list_models"):
        open_backbone(f"timm:other,weights={weights}")
    (tmp_path / "weights.pth").write_bytes(b"\x80\x04")
    with pytest.raises(ConfigError, match="no safetensors file; others are not opened"):
        open_backbone(f"timm:standin,weights={tmp_path / 'weights.pth'}")


def test_a_library_that_is_absent_or_broken_names_the_cause(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtra, match=r"timm is not installed\. Next: pip install 'twinnet\[timm\]'"):
        open_backbone("timm:resnet18")
    monkeypatch.delitem(sys.modules, "timm")
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra, match="installed but does not import .*torchvision::nms does not exist"):
        open_backbone("timm:resnet18")
    (tmp_path / "timm.py").write_text("import torchvision_of_nobody")
    with pytest.raises(MissingExtra, match="installed but does not import .*torchvision_of_nobody"):
        open_backbone("timm:resnet18")
