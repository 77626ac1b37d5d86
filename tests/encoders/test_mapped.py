"""An embedding that is a map: all places share the weights, and none knows where it is."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from twinnet.core.errors import ConfigError
from twinnet.encoders import EncoderSpec, build

GRID, EACH = 7, 5
SPEC = EncoderSpec("resnet8", width=8, dim=EACH * GRID**2, grid=GRID, head="map")


def embedded(images: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    with torch.inference_mode():
        return build(SPEC).eval()(images)


def test_the_whole_map_has_length_one_unless_its_length_is_free() -> None:
    images = torch.rand(3, 1, 28, 28)
    torch.testing.assert_close(embedded(images).norm(dim=1), torch.ones(3))
    torch.manual_seed(0)
    with torch.inference_mode():
        free = build(replace(SPEC, normalise=False)).eval()(images)
    torch.testing.assert_close(functional.normalize(free), embedded(images))


def test_what_lies_elsewhere_is_described_alike_there() -> None:
    image = torch.zeros(1, 1, 60, 60)
    image[:, :, 20:26, 22:30] = torch.rand(6, 8)
    moved = torch.roll(image, (4, 4), (2, 3))
    torch.manual_seed(0)
    spec = EncoderSpec("resnet8", width=8, dim=EACH * 15**2, grid=15, head="map")  # 60 px: one place is 4 px
    with torch.inference_mode():
        first, second = build(replace(spec, normalise=False)).eval()(torch.cat([image, moved])).view(2, 15, 15, EACH)
    inner = slice(4, 10)  # away from the rims, where padding is seen
    torch.testing.assert_close(second[inner, inner], torch.roll(first, (1, 1), (0, 1))[inner, inner])
    assert not torch.allclose(second[inner, inner], first[inner, inner], atol=1e-3)


def test_it_is_float32_under_autocast_and_takes_other_sizes() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert embedded(torch.rand(2, 1, 28, 28)).dtype is torch.float32
    assert embedded(torch.rand(2, 1, 40, 33)).shape == (2, EACH * GRID**2)


def test_only_a_head_that_says_something_is_written_down() -> None:
    assert SPEC.to_dict()["head"] == "map"
    assert "head" not in EncoderSpec("resnet8").to_dict(), "the fingerprints of older models stay"
    assert EncoderSpec(**SPEC.to_dict()) == SPEC


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dim": 64, "grid": 7, "head": "map"}, "no multiple of 49. Next: dim 49"),
        ({"dim": 64, "head": "map", "described": 16}, "without a description"),
        ({"head": "vlad"}, "Known: fc, map"),
    ],
)
def test_a_head_that_cannot_be_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EncoderSpec("resnet8", **settings)  # type: ignore[arg-type]
