"""A ResNet of eight layers for small drawings: quick on a CPU, because nothing of it runs at the full resolution."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from twinnet.encoders.embed import conv, half
from twinnet.encoders.resnet import Residual
from twinnet.encoders.symmetric import SymmetricConv, SymmetricNorm


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


def resnet8_p4m(channels: int, width: int) -> tuple[nn.Module, int]:
    """The same with weights shared among turns and mirror images (see `symmetric`); `width` is a multiple of 8."""
    trunk = nn.Sequential(
        SymmetricConv(channels, width, 6, stride=2, first=True), SymmetricNorm(width), nn.ReLU(inplace=True),
        _SymmetricResidual(width, width),
        half(),
        _SymmetricResidual(width, 2 * width),
        _SymmetricResidual(2 * width, 2 * width),
    )  # fmt: skip
    return trunk, 2 * width


class _SymmetricResidual(nn.Module):
    """As `Residual`: two 3×3 convolutions beside a short cut."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            SymmetricConv(channels_in, channels_out, 3), SymmetricNorm(channels_out), nn.ReLU(inplace=True)
        )
        self.second = nn.Sequential(
            SymmetricConv(channels_out, channels_out, 3), SymmetricNorm(channels_out, scale=0.0)
        )
        self.short = (
            nn.Identity()
            if channels_in == channels_out
            else nn.Sequential(SymmetricConv(channels_in, channels_out, 1), SymmetricNorm(channels_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Residual plus short cut."""
        return functional.relu(self.second(self.first(x)) + self.short(x), inplace=True)
