"""A ResNet of eight layers for small drawings: quick on a CPU, because nothing of it runs at the full resolution."""

from __future__ import annotations

from torch import nn

from twinnet.encoders.embed import conv, half
from twinnet.encoders.resnet import Residual


def resnet8(channels: int, width: int) -> tuple[nn.Module, int]:
    """`(B, channels, H, W)` → `(B, 2 width, H/4, W/4)`: a stem that halves, and three residual blocks."""
    # Few wide layers on small maps: a CPU multiplies matrices faster than it reads and writes large maps.
    trunk = nn.Sequential(
        conv(channels, width, 5, stride=2),
        Residual(width, width, 1),
        half(),
        Residual(width, 2 * width, 1),
        Residual(2 * width, 2 * width, 1),
    )
    return trunk, 2 * width
