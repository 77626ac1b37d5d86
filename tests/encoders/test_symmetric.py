"""Turn the picture and the map turns with it: the weights know no up, and yet nothing is thrown away."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import twinnet
from twinnet.core.errors import ConfigError
from twinnet.encoders import EncoderSpec, build
from twinnet.encoders.symmetric import WAYS, SymmetricConv, places_of_ways
from twinnet.encoders.symmetric import turned as turned_array
from twinnet.training.optimiser import InMemoryOrder

GRID, FIELDS = 7, 2
SPEC = EncoderSpec("resnet8_p4m", width=16, dim=FIELDS * len(WAYS) * GRID**2, grid=GRID, head="map")


def turned(image: torch.Tensor, way: int) -> torch.Tensor:
    return torch.from_numpy(turned_array(image.numpy(), way).copy())


def learned() -> nn.Module:
    """With weights as after some training: the scales that start at zero are not."""
    torch.manual_seed(0)
    encoder = build(SPEC).eval()
    with torch.no_grad():
        for p in encoder.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return encoder


@pytest.mark.parametrize("way", range(len(WAYS)))
def test_turning_or_mirroring_a_picture_turns_its_map_and_swaps_the_numbers_of_a_field(way: int) -> None:
    images = torch.rand(3, 1, 28, 28)
    encoder = learned()
    with torch.inference_mode():
        first, seen = (encoder(x).view(3, GRID, GRID, FIELDS, len(WAYS)) for x in (images, turned(images, way)))
    fields_first = first.permute(0, 3, 4, 1, 2)  # the places last, which is what turns
    expected = turned(fields_first, way)[:, :, places_of_ways(way)].permute(0, 3, 4, 1, 2)
    torch.testing.assert_close(seen, expected, atol=1e-5, rtol=1e-4)


def test_two_drawings_are_as_far_apart_when_both_are_turned_but_not_when_one_is() -> None:
    images = torch.rand(2, 1, 28, 28)
    encoder = learned()

    def apart(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return functional.cosine_similarity(*encoder(torch.stack([a, b])), dim=0)

    upright = apart(images[0], images[1])
    for way in range(1, len(WAYS)):
        torch.testing.assert_close(apart(turned(images[0], way), turned(images[1], way)), upright)
        assert apart(turned(images[0], way), images[0]) < 0.999, "a turned drawing is another one"


def test_a_turn_and_its_undoing_change_nothing() -> None:
    marks = torch.arange(25).view(5, 5)
    undone = [any(torch.equal(turned(turned(marks, a), b), marks) for b in range(8)) for a in range(8)]
    assert all(undone)
    assert len({tuple(turned(marks, way).flatten().tolist()) for way in range(8)}) == len(WAYS)


@pytest.mark.parametrize(("first", "size", "stride"), [(True, 6, 2), (False, 3, 1), (False, 1, 1)])
def test_it_is_an_ordinary_convolution_with_an_eighth_of_the_weights(first: bool, size: int, stride: int) -> None:
    layer = SymmetricConv(1 if first else 16, 24, size, stride, first=first)
    plain = nn.Conv2d(1 if first else 16, 24, size, stride, padding=(size - stride + 1) // 2, bias=False)
    plain.weight.data = layer.kernels().detach()
    assert layer.weight.numel() * len(WAYS) == plain.weight.numel()
    images = torch.rand(2, 1 if first else 16, 12, 12)
    torch.testing.assert_close(layer(images), plain(images))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"width": 12}, "width 12"), ({"head": "map", "grid": 7, "dim": 49 * 12}, "Next: dim 784")],
)
def test_what_makes_no_whole_fields_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EncoderSpec("resnet8_p4m", **settings)  # type: ignore[arg-type]


def test_a_network_built_where_nothing_is_learned_works() -> None:
    with torch.inference_mode():
        assert build(SPEC).eval()(torch.rand(1, 1, 28, 28)).shape == (1, SPEC.dim)


def test_kernels_follow_the_weights_whatever_changes_them() -> None:
    layer = SymmetricConv(16, 16, 3).eval()
    images = torch.rand(1, 16, 5, 5)
    with torch.inference_mode():
        before = layer(images)
    for muon in (True, False):  # neither of the two need leave a trace on the weights but their values
        optimiser = InMemoryOrder([{"params": [layer.weight], "muon": muon}], 1e-2)
        layer(images).square().sum().backward()
        optimiser.step()
        optimiser.forget()
        with torch.inference_mode():
            after = layer(images)
        assert not torch.allclose(after, before, atol=1e-4)
        fresh = SymmetricConv(16, 16, 3)
        fresh.load_state_dict(layer.state_dict())
        torch.testing.assert_close(after, fresh(images).detach())
        before = after


def test_a_model_read_from_a_file_embeds_as_before(tmp_path: Path) -> None:
    config = twinnet.TrainConfig(
        encoder="resnet8_p4m", width=16, head="map", grid=3, dim=9 * 8, size_px=16, steps=3, validation_share=0.0,
        calibration_share=0.0,
    )  # fmt: skip
    model = twinnet.train(twinnet.digits(), config)
    model.save(tmp_path / "digits.twin")
    pictures = [twinnet.digits().read(i) for i in range(5)]
    np.testing.assert_array_equal(twinnet.load(tmp_path / "digits.twin").embed(pictures), model.embed(pictures))
