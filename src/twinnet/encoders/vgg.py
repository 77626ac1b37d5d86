"""VGG-like trunk (Simonyan & Zisserman 2015): pairs of 3×3 convolutions, max pooling after each pair."""

from __future__ import annotations

from torch import nn

from twinnet.encoders.embed import conv, half


def vgg(channels: int, width: int) -> tuple[nn.Module, int]:
    """`(B, channels, H, W)` → `(B, 8 width, H/16, W/16)`."""
    parts: list[nn.Module] = []
    before = channels
    for factor in (1, 2, 4, 8):
        parts += [conv(before, factor * width, 3), conv(factor * width, factor * width, 3), half()]
        before = factor * width
    return nn.Sequential(*parts), before
