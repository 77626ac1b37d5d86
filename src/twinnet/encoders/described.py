"""A picture measured, not learned: which way its edges run, how light it is and which hues it has, and where."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

CELLS = 16
"""Cells by side: of what lies within one, only the mean is kept."""
_DIRECTIONS, _HUES = 8, 6
_SHARES = {1: (0.75, 0.25, 0.0), 3: (0.6, 0.2, 0.2)}  # of edges, light and hue in the squared length of a summary
_DARK = 0.3  # luminance below which a pixel counts as dark rather than as of a hue


class Described(nn.Module):
    """Planes of 16 × 16 cells, `(B, C, H, W)` → `(B, planes, 16, 16)`: 8 of edges, 7 of hues, and the channels.

    Edges are histograms of oriented gradients (Dalal & Triggs 2005), without regard to which side is the lighter one.
    Hues are how much there is of six of them, and of darkness; grey pictures have none. `mean` and `std` undo the scale
    of the input, as `Preprocess.normalise` made it: hues are those of colours from 0 to 1.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))
        self.counts = (_DIRECTIONS, _HUES + 1 if channels == 3 else 0, channels)  # of edges, hues and light
        self.planes = sum(self.counts)
        self.numbers = self.counts[0] * 7 * 7 + self.counts[1] * 4 * 4 + self.counts[2] * 8 * 8  # of a summary

    def scale(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """What the input was made with."""
        self.mean.copy_(torch.tensor(mean))
        self.std.copy_(torch.tensor(std))

    @torch.no_grad()
    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b p 16 16"]:
        """Nothing here learns, so no gradient passes. Of histograms the square roots are given, which keeps one strong
        edge from outweighing all others (Arandjelović & Zisserman 2012).
        """
        with torch.autocast(images.device.type, enabled=False):
            colours = images.float() * self.std[:, None, None] + self.mean[:, None, None]  # (B, C, H, W) in [0, 1]
            histograms = [_edges(colours), *([_hues(colours)] if self.channels == 3 else [])]
            return torch.cat([_averages(torch.cat(histograms, 1), CELLS).sqrt(), _averages(colours, CELLS)], 1)

    def summary(self, planes: Float[Tensor, "b p 16 16"]) -> Float[Tensor, "b n"]:
        """A vector of length 1: edges in 7 × 7 overlapping cells, hues in 4 × 4, light in 8 × 8 without its mean."""
        first, second = self.counts[0], self.counts[0] + self.counts[1]
        edges, hues, light = planes[:, :first], planes[:, first:second], planes[:, second:]
        pairs = functional.avg_pool2d(edges.square(), 2)  # (B, 8, 8, 8)
        parts = [functional.avg_pool2d(pairs, 2, stride=1).sqrt(), functional.avg_pool2d(light, 2)]
        parts[1] = parts[1] - parts[1].mean((1, 2, 3), keepdim=True)
        if self.channels == 3:
            parts.append(functional.avg_pool2d(hues.square(), 4).sqrt())
        shares = _SHARES[self.channels]
        units = (functional.normalize(part.flatten(1), dim=1) for part in parts)
        return torch.cat([share**0.5 * unit for share, unit in zip(shares, units, strict=False)], 1)


def _edges(colours: Tensor) -> Tensor:
    """`(B, C, H, W)` → `(B, 8, H, W)`, of the channel that changes most at each pixel."""
    wide = functional.pad(colours, (1, 1, 1, 1), mode="replicate")
    x, y = wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2], wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]
    strongest = (x.square() + y.square()).argmax(1, keepdim=True)
    x, y = x.gather(1, strongest), y.gather(1, strongest)  # (B, 1, H, W)
    power = x.square() + y.square() + 1e-10
    # By the doubled angle, which is the same from both sides of an edge; cos² gives neighbouring directions their part.
    twice_cos, twice_sin = (x.square() - y.square()) / power, 2 * x * y / power
    towards = _around(_DIRECTIONS, colours)
    return (twice_cos * towards.cos() + twice_sin * towards.sin()).clamp(min=0).square() * power.sqrt()


def _hues(colours: Tensor) -> Tensor:
    """`(B, 3, H, W)` → `(B, 7, H, W)`."""
    red, green, blue = colours[:, :1], colours[:, 1:2], colours[:, 2:]
    across, up = (red - green) / 2, (red + green) / 4 - blue / 2  # opponent colours
    strength = (across.square() + up.square() + 1e-8).sqrt()
    towards = _around(_HUES, colours)
    hue = ((across * towards.cos() + up * towards.sin()) / strength).clamp(min=0).square() * strength
    return torch.cat([hue, (_DARK - (red + green + blue) / 3).clamp(min=0)], 1)


def _averages(planes: Tensor, n: int) -> Tensor:
    """Means over n × n cells, `(B, C, H, W)` → `(B, C, n, n)`.

    As products, so that any size works, and works the same in an exported file.
    """
    rows, columns = (_cells(int(side), n).to(planes) for side in planes.shape[2:])
    return rows @ planes @ columns.T  # (n, H) @ (B, C, H, W) @ (W, n)


def _cells(pixels: int, n: int) -> Tensor:
    """Which share each pixel has in each of n equal parts of a side, `(n, pixels)`; every row adds up to 1."""
    edges = torch.arange(n + 1) * (pixels / n)
    place = torch.arange(pixels)
    shares = torch.minimum(edges[1:, None], place + 1) - torch.maximum(edges[:-1, None], place)
    return shares.clamp(min=0) * (n / pixels)


def _around(n: int, like: Tensor) -> Tensor:
    """`n` angles around the circle, `(1, n, 1, 1)`."""
    return (torch.arange(n, device=like.device) * (2 * math.pi / n))[None, :, None, None]
