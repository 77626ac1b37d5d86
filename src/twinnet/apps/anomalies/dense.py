"""A twin that embeds every place of an image, and compares each with one stored *good*."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

STRIDE = 4
"""Pixels from one place to the next."""
SIDE = 112
"""Pixels of the crops it is taught on."""


class DenseTwin(nn.Module):
    """`(B, 1, H, W)` standardised grey → log odds of *defect* and patch embeddings, both on a grid of 4 pixels.

    −log p(good) = softplus(log odds) is a distance, as in our learned comparison. Dilation widens what a place sees to
    60 pixels without blurring where it is.
    """

    halved = True
    """Whether large images are to be seen at half their size as well, for stains that are wider than 60 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.trunk = nn.Sequential(
            _conv(1, width), _conv(width, 2 * width, stride=2), _conv(2 * width, 2 * width),
            _conv(2 * width, 4 * width, stride=2), _conv(4 * width, 4 * width, dilation=2),
            _conv(4 * width, 4 * width, dilation=4), _conv(4 * width, 4 * width, dilation=2),
        )  # fmt: skip
        self.good = nn.Conv2d(4 * width, 1, 1)

    def seen(self, images: Float[Tensor, "b 1 h w"]) -> tuple[Tensor, Tensor]:
        """Log odds `(B, I, J)` and patch embeddings `(B, D, I, J)`."""
        patches: Tensor = self.trunk(images)
        return self.good(patches)[:, 0], patches


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
