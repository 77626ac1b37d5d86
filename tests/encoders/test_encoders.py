"""One module for every input: sharing is what makes the two branches identical."""

import pytest
import torch
from torch import nn

from twinnet.core.errors import ConfigError
from twinnet.encoders import ENCODERS, EncoderSpec, build, embed_both


def make(name: str, **settings: object) -> nn.Module:
    torch.manual_seed(0)
    return build(EncoderSpec(name, width=8, **settings)).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(ENCODERS))
@pytest.mark.parametrize(("channels", "height", "width"), [(1, 8, 8), (3, 33, 20), (1, 105, 105), (3, 1, 1)])
def test_any_size_and_channel_count_gives_one_embedding(name: str, channels: int, height: int, width: int) -> None:
    encoder = make(name, channels=channels, dim=7)
    with torch.inference_mode():
        assert encoder(torch.rand(2, channels, height, width)).shape == (2, 7)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_swapping_the_two_inputs_swaps_the_two_embeddings_and_nothing_else(name: str) -> None:
    encoder = make(name)
    a, b = torch.rand(3, 1, 24, 24), torch.rand(3, 1, 24, 24)
    with torch.inference_mode():
        left, right = embed_both(encoder, a, b)
        right_again, left_again = embed_both(encoder, b, a)
    torch.testing.assert_close(left, left_again)
    torch.testing.assert_close(right, right_again)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_both_sides_teach_one_set_of_parameters(name: str) -> None:
    encoder = make(name, normalise=False)
    before = sum(p.numel() for p in encoder.parameters())
    left, right = embed_both(encoder, torch.rand(2, 1, 24, 24), torch.rand(2, 1, 24, 24))
    gradients = []
    for side in (left, right):
        encoder.zero_grad()
        side.sum().backward(retain_graph=True)
        gradients.append(encoder.fc.weight.grad.abs().sum())  # type: ignore[union-attr,operator]
    assert all(gradient > 0 for gradient in gradients)
    assert sum(p.numel() for p in encoder.parameters()) == before


def test_both_sides_share_batch_statistics_while_training() -> None:
    encoder = make("compact").train()
    a, b = torch.rand(4, 1, 16, 16), 5 * torch.rand(4, 1, 16, 16)
    left, right = embed_both(encoder, a, b)
    both = encoder(torch.cat([a, b]))
    torch.testing.assert_close(torch.cat([left, right]), both)


def test_normalised_embeddings_lie_on_the_unit_sphere() -> None:
    with torch.inference_mode():
        lengths = make("resnet")(torch.rand(5, 1, 20, 20)).norm(dim=1)
        assert torch.allclose(lengths, torch.ones(5), atol=1e-5)
        assert not torch.allclose(make("resnet", normalise=False)(torch.rand(5, 1, 20, 20)).norm(dim=1), torch.ones(5))


def test_embeddings_are_float32_under_autocast() -> None:
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert make("compact")(torch.rand(2, 1, 16, 16)).dtype is torch.float32


def test_alexnet_has_its_eleven_five_and_three() -> None:
    kernels = [m.kernel_size[0] for m in make("alexnet").modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [11, 5, 3, 3, 3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "resnext"}, "Known: alexnet, compact, resnet, resnet8, resnet8_p4m, shallow, vgg"),
        ({"channels": 2}, "channels must be 1"),
        ({"dim": 0}, "dim, width and grid"),
        ({"dropout": 1.0}, "dropout must be in"),
    ],
)
def test_a_bad_setting_is_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EncoderSpec(**settings)  # type: ignore[arg-type]
