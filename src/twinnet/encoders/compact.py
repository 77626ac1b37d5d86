"""A compact trunk for small images (up to about 32×32): three stages, quick on a CPU."""

from __future__ import annotations

from torch import nn

from twinnet.encoders.embed import conv, half


def compact(channels: int, width: int) -> tuple[nn.Module, int]:
    """`(B, channels, H, W)` → `(B, 4 width, H/4, W/4)`."""
    trunk = nn.Sequential(
        conv(channels, width, 3),
        conv(width, width, 3),
        half(),
        conv(width, 2 * width, 3),
        conv(2 * width, 2 * width, 3),
        half(),
        conv(2 * width, 4 * width, 3),
    )
    return trunk, 4 * width
