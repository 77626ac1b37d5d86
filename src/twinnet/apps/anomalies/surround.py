"""Mean and deviation of what lies around each pixel: a crack is dark beside its surroundings, not beside the image."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

_CELL = 4  # pixels: the surroundings are averaged on a grid of a quarter, which costs next to nothing


def surround(images: Float[Tensor, "b 1 h w"], reach: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over `4 (2 reach + 1)` pixels around each, `(B, 1, H, W)` both."""
    cells = functional.avg_pool2d(
        torch.cat([images, images * images], 1), _CELL, ceil_mode=True, count_include_pad=False
    )
    side = 2 * reach + 1
    for window, pad in (((side, 1), (reach, 0)), ((1, side), (0, reach))):  # a square, in two passes
        cells = functional.avg_pool2d(cells, window, 1, pad, count_include_pad=False)
    mean, square = cells[:, :1], cells[:, 1:]
    both = torch.cat([mean, (square - mean * mean).clamp_min(0).sqrt()], 1)
    large = functional.interpolate(both, size=images.shape[-2:], mode="bilinear")
    return large[:, :1], large[:, 1:]
