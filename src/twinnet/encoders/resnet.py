"""ResNet-like trunk (He et al. 2016): residual blocks in three stages, each at half the resolution before it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from twinnet.encoders.embed import conv


class Residual(nn.Module):
    """Two convolutions beside a short cut, `(B, C, H, W)` → `(B, C', H/stride, W/stride)`."""

    def __init__(self, first: nn.Module, second: nn.Module, short: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.short = first, second, short

    def forward(self, x: Tensor) -> Tensor:
        """Residual plus short cut."""
        return functional.relu(self.second(self.first(x)) + self.short(x), inplace=True)


def residual(channels_in: int, channels_out: int, stride: int) -> Residual:
    """Of 3×3 convolutions."""
    first = conv(channels_in, channels_out, 3, stride)
    norm = nn.BatchNorm2d(channels_out)
    # Zero at the start: each block begins as the identity, which steadies the first steps (Goyal et al. 2017).
    nn.init.zeros_(norm.weight)
    second = nn.Sequential(nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False), norm)
    same = channels_in == channels_out and stride == 1
    return Residual(first, second, nn.Identity() if same else _project(channels_in, channels_out, stride))


def _project(channels_in: int, channels_out: int, stride: int) -> nn.Module:
    # Average, then 1×1 (ResNet-D, He et al. 2019): a strided 1×1 would throw three pixels of four away.
    pool = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
    return nn.Sequential(pool, nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out))


def resnet(channels: int, width: int) -> tuple[nn.Module, int]:
    """`(B, channels, H, W)` → `(B, 8 width, H/16, W/16)`."""
    # The stem halves the map at once and no block stays at that size: on a CPU those blocks cost as much as all the
    # others together and add little to small images.
    parts: list[nn.Module] = [conv(channels, width, 5, stride=2)]
    before = width
    for factor in (2, 4, 8):
        parts += [residual(before, factor * width, stride=2), residual(factor * width, factor * width, stride=1)]
        before = factor * width
    return nn.Sequential(*parts), before
