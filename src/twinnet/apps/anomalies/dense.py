"""A twin that embeds every place of an image, and compares each with one stored *good*."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4
"""Pixels from one place to the next."""

_SMOOTH = 3  # places: a defect is more than one place's opinion


class DenseTwin(nn.Module):
    """`(B, 1, H, W)` standardised grey → distance from good at each place, `(B, H/4, W/4)`.

    distance = softplus(logit) = −log p(good), as in our learned comparison. Dilation widens what a place sees to 60
    pixels without blurring where it is.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.trunk = nn.Sequential(
            _conv(1, width), _conv(width, 2 * width, stride=2), _conv(2 * width, 2 * width),
            _conv(2 * width, 4 * width, stride=2), _conv(4 * width, 4 * width, dilation=2),
            _conv(4 * width, 4 * width, dilation=4), _conv(4 * width, 4 * width, dilation=2),
        )  # fmt: skip
        self.good = nn.Conv2d(4 * width, 1, 1)

    def logit(self, images: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b i j"]:
        """The log odds of *defect* at each place."""
        found: Tensor = self.good(self.trunk(images))[:, 0]
        return found

    def distances(self, images: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b i j"]:
        """−log p(good), of the mean log odds of 3 × 3 places."""
        smooth = functional.avg_pool2d(
            self.logit(images)[:, None].float(), _SMOOTH, 1, _SMOOTH // 2, count_include_pad=False
        )
        return functional.softplus(smooth[:, 0])


def _conv(channels_in: int, channels_out: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    # Reflected borders: padding with a constant would be a defect at every edge.
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, dilation, dilation, bias=False, padding_mode="reflect"),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def build(width: int, seed: int) -> DenseTwin:
    """With fresh weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DenseTwin(width)
