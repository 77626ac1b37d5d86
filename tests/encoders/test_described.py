"""What is measured of a picture, and a network's embedding beside it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from twinnet.core.errors import ConfigError
from twinnet.encoders import EncoderSpec, build
from twinnet.encoders.beside import Beside
from twinnet.encoders.described import Described


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def edges(images: Tensor) -> Tensor:
    """`(B, 8 directions, 16, 16)`."""
    return Described(images.shape[1])(images)[:, :8]


SIZES = [(1, 64, 64), (3, 64, 64), (3, 37, 90), (1, 5, 16), (3, 1, 1)]


@pytest.mark.parametrize(("channels", "height", "width"), SIZES)
def test_every_picture_of_any_size_has_as_many_planes_and_a_summary_of_length_one(
    channels: int, height: int, width: int
) -> None:
    look = Described(channels)
    planes = look(noise(3, channels, height, width))
    assert planes.shape == (3, {1: 9, 3: 18}[channels], 16, 16)
    summary = look.summary(planes)
    assert summary.shape == (3, look.numbers)
    if min(height, width) > 1:  # one pixel has no edges
        torch.testing.assert_close(summary.norm(dim=1), torch.ones(3))


def test_a_blank_picture_is_described_by_numbers_all_the_same() -> None:
    look = Described(3)
    assert torch.isfinite(look.summary(look(torch.full((2, 3, 64, 64), 0.5)))).all()


def test_the_scale_of_the_input_is_undone() -> None:
    images, look = noise(2, 3, 64, 64), Described(3)
    plain = look(images)
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
    look.scale(mean, std)
    scaled = (images - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(look(scaled), plain, atol=1e-4, rtol=1e-3)


def test_more_light_changes_no_summary_and_a_negative_has_the_same_edges() -> None:
    grey, look = noise(2, 1, 64, 64), Described(1)
    torch.testing.assert_close(look.summary(look(grey + 0.3)), look.summary(look(grey)), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(edges(1 - grey), edges(grey), atol=1e-4, rtol=1e-3)


def test_a_quarter_turn_turns_the_cells_and_half_of_the_directions() -> None:
    images = noise(2, 1, 64, 64)
    turned = edges(images.rot90(1, (2, 3)))
    torch.testing.assert_close(turned, edges(images).roll(4, 1).rot90(1, (2, 3)), atol=1e-4, rtol=1e-3)


def test_upright_edges_are_of_one_direction_and_level_ones_of_the_direction_across() -> None:
    stripes = (torch.arange(64) // 4 % 2).float().expand(1, 1, 64, 64)
    assert edges(stripes).square().sum((0, 2, 3)).argmax() == 0
    assert edges(stripes.mT).square().sum((0, 2, 3)).argmax() == 4


def test_grey_has_no_hue_and_red_has_another_one_than_green() -> None:
    def hues(colour: list[float]) -> Tensor:
        return Described(3)(torch.tensor(colour)[None, :, None, None].expand(1, 3, 64, 64))[0, 8:14, 0, 0]

    red, green = hues([0.9, 0.1, 0.1]), hues([0.1, 0.9, 0.1])
    assert red.argmax() != green.argmax()
    assert hues([0.5, 0.5, 0.5]).max() < 0.02 < red.max()


def test_light_is_the_mean_of_each_cell() -> None:
    images = noise(2, 3, 64, 48)
    expected = torch.nn.functional.avg_pool2d(images, (4, 3))
    torch.testing.assert_close(Described(3)(images)[:, 15:], expected)


def test_the_cosine_of_two_pictures_is_the_parts_weighed_by_their_share() -> None:
    torch.manual_seed(0)
    encoder = build(EncoderSpec("shallow", 3, 40, width=6, described=24)).eval()
    assert isinstance(encoder, Beside)
    encoder.share.fill_(0.3)
    with torch.inference_mode():
        found = encoder(noise(2, 3, 64, 64))
        learned, measured = (torch.nn.functional.normalize(part, dim=1) for part in found.split([16, 24], 1))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(found[0] @ found[1], 0.3 * learned[0] @ learned[1] + 0.7 * measured[0] @ measured[1])


def test_a_spec_without_description_is_written_as_before_and_with_it_comes_back() -> None:
    assert "described" not in EncoderSpec().to_dict()
    spec = EncoderSpec("resnet", 3, 384, described=256)
    assert EncoderSpec(**spec.to_dict()) == spec
    for bad in ({"described": 65}, {"described": 8, "normalise": False}):
        with pytest.raises(ConfigError, match="cannot be described"):
            EncoderSpec(dim=64, **bad)  # type: ignore[arg-type]
