"""A shallow trunk for maps that are small already: 16 × 16 cells of a described picture."""

from __future__ import annotations

from torch import nn

from twinnet.encoders.embed import conv
from twinnet.encoders.resnet import residual


def shallow(channels: int, width: int) -> tuple[nn.Module, int]:
    """`(B, channels, H, W)` → `(B, 2 width, H/4, W/4)`; widths of 1, 4/3 and 2 times `width`."""
    return nn.Sequential(
        conv(channels, width, 3), residual(width, 4 * width // 3, 2), residual(4 * width // 3, 2 * width, 2)
    ), 2 * width
