"""AlexNet-like trunk (Krizhevsky et al. 2012): 11×11, then 5×5, then three 3×3 convolutions, max pooling between."""

from __future__ import annotations

from torch import nn

from twinnet.encoders.embed import conv, half


def alexnet(channels: int, width: int) -> tuple[nn.Module, int]:
    """`(B, channels, H, W)` → `(B, 4 width, H/8, W/8)`; the original's stride of 4 is 2 here, for smaller images."""
    trunk = nn.Sequential(
        conv(channels, width, 11, stride=2),
        half(),
        conv(width, 2 * width, 5),
        half(),
        conv(2 * width, 4 * width, 3),
        conv(4 * width, 4 * width, 3),
        conv(4 * width, 4 * width, 3),
    )
    return trunk, 4 * width
