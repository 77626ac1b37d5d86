"""A ResNet of eight layers for small drawings: quick on a CPU, because nothing of it runs at the full resolution."""

from __future__ import annotations

from torch import nn

from twinnet.encoders.embed import conv, half
from twinnet.encoders.resnet import Residual, residual
from twinnet.encoders.symmetric import SymmetricConv, SymmetricNorm


def resnet8(channels: int, width: int) -> tuple[nn.Module, int]:
    """`(B, channels, H, W)` → `(B, 2 width, H/4, W/4)`: a stem that halves, and three residual blocks."""
    # Few wide layers on small maps: a CPU multiplies matrices faster than it reads and writes large maps.
    trunk = nn.Sequential(
        conv(channels, width, 5, stride=2),
        residual(width, width, 1),
        half(),
        residual(width, 2 * width, 1),
        residual(2 * width, 2 * width, 1),
    )
    return trunk, 2 * width


def resnet8_p4m(channels: int, width: int) -> tuple[nn.Module, int]:
    """The same with weights shared among turns and mirror images (see `symmetric`); `width` is a multiple of 8."""
    trunk = nn.Sequential(
        SymmetricConv(channels, width, 6, stride=2, first=True), SymmetricNorm(width), nn.ReLU(inplace=True),
        _symmetric(width, width),
        half(),
        _symmetric(width, 2 * width),
        _symmetric(2 * width, 2 * width),
    )  # fmt: skip
    return trunk, 2 * width


def _symmetric(channels_in: int, channels_out: int) -> Residual:
    first = nn.Sequential(
        SymmetricConv(channels_in, channels_out, 3), SymmetricNorm(channels_out), nn.ReLU(inplace=True)
    )  # fmt: skip
    second = nn.Sequential(SymmetricConv(channels_out, channels_out, 3), SymmetricNorm(channels_out, scale=0.0))
    if channels_in == channels_out:
        return Residual(first, second, nn.Identity())
    short = nn.Sequential(SymmetricConv(channels_in, channels_out, 1), SymmetricNorm(channels_out))
    return Residual(first, second, short)
