"""A twin that embeds every place of a picture: fully convolutional, so one pass serves every position in it."""

from __future__ import annotations

import math
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4
"""Pixels from one place to the next."""

_DIRECTIONS = 18  # of slopes, 20° each; nine of lines, which have no sign
_WAVES = 6
_LARGEST = 0.4  # of one normalised entry: one strong edge must not drown the others
STEM_DIM = _DIRECTIONS + _DIRECTIONS // 2 + 3


class Places(nn.Module):
    """`(B, 3, H, W)` in [0, 1] → an embedding of every place, `(B, STEM_DIM + dim, H/4, W/4)`; H, W multiples of 4.

    It stands on what needs no learning (`slopes`), sharp in position; the learned part sees 45 pixels of it and says
    what kind of place that is, in `dim` numbers of length `share` in all. Borders are repeated: zeros would be a mark
    that says where in the picture a place is, and a tracker would learn that instead (SiamRPN++, Li et al. 2019).
    """

    def __init__(self, width: int = 48, dim: int = 24, share: float = 0.2) -> None:
        super().__init__()
        self.width, self.dim, self.share = width, dim, share
        self.trunk = nn.Sequential(
            nn.BatchNorm2d(STEM_DIM, affine=False), _conv(STEM_DIM, width), _conv(width, width, dilation=2),
            _conv(width, width, dilation=2), nn.Conv2d(width, dim, 1),
        )  # fmt: skip

    def forward(self, pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d i j"]:
        """The same for every place, whichever side it stands on."""
        stem = slopes(pictures)
        return torch.cat([stem, functional.normalize(self.trunk(stem), dim=1) * self.share], 1)


def slopes(pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d i j"]:
    """Histograms of the directions of slopes, normalised by those of the neighbourhood, and the colour.

    Dalal & Triggs (2005) with the signed and unsigned directions of Felzenszwalb et al. (2010), on cells of 8 pixels,
    one every 4. Directions are summed up as waves round the circle (Liu et al. 2014) and sorted into the 18 only
    afterwards, where there are sixteen times fewer places.
    """
    g = functional.pad(pictures, (1, 1, 1, 1), mode="replicate")
    gx, gy = g[:, :, 1:-1, 2:] - g[:, :, 1:-1, :-2], g[:, :, 2:, 1:-1] - g[:, :, :-2, 1:-1]
    (x, y), steepness = (gx[:, :1], gy[:, :1]), gx**2 + gy**2
    best = steepness[:, :1]
    for colour in (1, 2):  # the steepest of the three colours; argmax over so short an axis is ten times slower
        steeper = steepness[:, colour : colour + 1] > best
        x = torch.where(steeper, gx[:, colour : colour + 1], x)
        y = torch.where(steeper, gy[:, colour : colour + 1], y)
        best = torch.where(steeper, steepness[:, colour : colour + 1], best)
    size = (best + 1e-8).sqrt()
    x, y = x / size, y / size
    waves, cos, sin = [size], size, torch.zeros_like(size)
    for _ in range(_WAVES):
        cos, sin = cos * x - sin * y, cos * y + sin * x
        waves += [cos, sin]
    halved = functional.pad(functional.avg_pool2d(torch.cat(waves, 1), 2), (1, 1, 1, 1), mode="replicate")
    pooled = functional.avg_pool2d(halved, 4, 2)  # (B, 1 + 2 WAVES, H/4, W/4)
    signed = functional.conv2d(pooled, _directions().to(pictures)).clamp(min=0)  # (B, 18, H/4, W/4)
    unsigned = signed[:, : _DIRECTIONS // 2] + signed[:, _DIRECTIONS // 2 :]
    energy = functional.pad((unsigned**2).sum(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    scale = (functional.avg_pool2d(energy, 3, 1) * 4 + 1e-4).rsqrt()
    tint = functional.avg_pool2d(pictures, STRIDE) - 0.5
    return torch.cat([(signed * scale).clamp(max=_LARGEST), (unsigned * scale).clamp(max=_LARGEST), tint], 1)


@cache
def _directions() -> Tensor:
    """From waves to directions, `(18, 1 + 2 WAVES, 1, 1)`: what makes up a bump, damped so that it does not ring."""
    angle = torch.arange(_DIRECTIONS) * (2 * math.pi / _DIRECTIONS)
    rows = [torch.ones(_DIRECTIONS)]
    for k in range(1, _WAVES + 1):
        damped = 2 * math.sin(math.pi * k / (_WAVES + 1)) / (math.pi * k / (_WAVES + 1))
        rows += [damped * torch.cos(k * angle), damped * torch.sin(k * angle)]
    return (torch.stack(rows, 1) / _DIRECTIONS)[:, :, None, None]


def _conv(channels_in: int, channels_out: int, *, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, 1, dilation, dilation, bias=False, padding_mode="replicate"),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )
