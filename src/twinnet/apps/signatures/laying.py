"""Lay one signature smoothly over another: what stays unlike, and how much had to be bent for the rest.

Maps of stroke direction are compared at every displacement, the costs smoothed, and the soft least displacement taken
and smoothed again, at half size first: a small dense optical flow on the distances of the image distortion model
(Keysers et al. 2007, "Deformation models for image recognition"). It learns nothing.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

DIRECTIONS = 8
MEASURES = ("unlike", "bent", "unlike_ink")
"""What stays unlike on average; how unevenly the flow had to pull; and what stays unlike where there is ink."""

# At half size, then at full: reach along y and x, breadth of the comparison, its sharpness, smoothness of the flow.
_COARSE = ((3, 4, 2.0, 0.15, 2.5), (2, 2, 1.5, 0.1, 1.5))
_FINE = ((2, 2, 1.5, 0.1, 1.5), (1, 1, 1.2, 0.1, 1.0))
_LAZY = 0.01  # what a displacement by one cell costs by itself
_AT_ONCE = 32  # pairs whose costs stay small enough


def maps(images: npt.NDArray[np.uint8]) -> Tensor:
    """Preprocessed `(B, H, W, 1)` uint8, bright ink on 0, → `(B, 8, H/2, W/2)`: how much edge of each direction.

    Each picture's energy is the same, so neither darkness nor the amount of ink counts.
    """
    x = functional.avg_pool2d(torch.from_numpy(images[:, None, :, :, 0]).float() / 255, 2)
    x = _smooth(x, 0.7)
    dy, dx = torch.gradient(x, dim=(2, 3))
    turn = torch.remainder(torch.atan2(dy, dx) / (2 * torch.pi), 1) * DIRECTIONS
    # Shared linearly between the two nearest directions, so that a small turn makes a small difference.
    apart = (turn - torch.arange(DIRECTIONS).view(1, -1, 1, 1)).abs()
    share = (1 - torch.minimum(apart, DIRECTIONS - apart)).clamp(min=0)
    return _evened(share * torch.hypot(dx, dy))


def compare(maps: Tensor, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """`MEASURES` of pairs of rows of `maps`, `(P,), (P,)` → `(P, 3)`; the order of two pictures does not matter."""
    parts = [np.zeros((0, len(MEASURES)))]
    with torch.inference_mode():
        for start in range(0, len(first), _AT_ONCE):
            a, b = (maps[torch.from_numpy(rows[start : start + _AT_ONCE])] for rows in (first, second))
            parts.append(((_laid(a, b) + _laid(b, a)) / 2).double().numpy())
    return np.concatenate(parts)


def flow(a: Tensor, b: Tensor) -> Tensor:
    """Where each cell of `a` `(B, 8, h, w)` is found in `b`: `(B, 2, h, w)`, x and y in cells."""
    small_a, small_b = (_evened(functional.avg_pool2d(x, 2)) for x in (a, b))
    found = small_a.new_zeros((len(a), 2, *small_a.shape[2:]))
    for how in _COARSE:
        found = _step(small_a, small_b, found, *how)
    found = functional.interpolate(found, a.shape[2:], mode="bilinear", align_corners=True) * 2
    for how in _FINE:
        found = _step(a, b, found, *how)
    return found


def warped(x: Tensor, flow: Tensor) -> Tensor:
    """`x (B, C, h, w)` taken from where `flow` points; nothing comes from outside."""
    h, w = x.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(h).float(), torch.arange(w).float(), indexing="ij")
    along, down = (columns + flow[:, 0]) / max(w - 1, 1), (rows + flow[:, 1]) / max(h - 1, 1)
    return functional.grid_sample(x, torch.stack([along, down], 3) * 2 - 1, align_corners=True)


def _laid(a: Tensor, b: Tensor) -> Tensor:
    pulled = flow(a, b)
    unlike = ((a - warped(b, pulled)) ** 2).sum(1)  # (B, h, w)
    ink = (a * a).sum(1)
    weight = ink / ink.sum((1, 2), keepdim=True).clamp(min=1e-9)
    across = (pulled[:, :, :-1, 1:] - pulled[:, :, :-1, :-1]) ** 2
    down = (pulled[:, :, 1:, :-1] - pulled[:, :, :-1, :-1]) ** 2
    bent = ((across + down).sum(1) * weight[:, :-1, :-1]).sum((1, 2)).sqrt()
    around = functional.avg_pool2d(unlike[:, None], 3, 1, 1)[:, 0]
    return torch.stack([unlike.mean((1, 2)), bent, ((around + 1e-6).sqrt() * weight).sum((1, 2))], 1)


def _step(
    a: Tensor, b: Tensor, found: Tensor, up: int, along: int, breadth: float, sharp: float, smooth: float
) -> Tensor:
    """One round: the flow so far, and within reach of it the soft least displacement."""
    moved = warped(b, found)
    h, w = a.shape[2:]
    ink_a, ink_b = (a * a).sum(1), (moved * moved).sum(1)
    room = (along, along, up, up)
    wide, ink_wide = functional.pad(moved, room), functional.pad(ink_b, room)
    costs, places = [], list(product(range(-up, up + 1), range(-along, along + 1)))
    for y, x in places:
        there = np.s_[..., up + y : up + y + h, along + x : along + x + w]
        costs.append(ink_a + ink_wide[there] - 2 * (a * wide[there]).sum(1))
    step = torch.tensor([(x, y) for y, x in places], dtype=torch.float32)  # (D, 2)
    cost = _smooth(torch.stack(costs, 1), breadth) + _LAZY * (step**2).sum(1).view(1, -1, 1, 1)
    pull = torch.einsum("bdhw,dk->bkhw", torch.softmax(-cost / sharp, 1), step)
    weight = ink_a[:, None] + 1e-2  # where there is no ink the flow follows its surroundings
    return found + _smooth(pull * weight, smooth) / _smooth(weight, smooth)


def _evened(maps: Tensor) -> Tensor:
    energy = (maps**2).sum(1).mean((1, 2)).sqrt()
    return maps / energy.clamp(min=1e-6).view(-1, 1, 1, 1)


def _smooth(x: Tensor, sigma: float) -> Tensor:
    """Gaussian along both axes; the border repeats."""
    return _blur(x.shape[-2], sigma) @ x @ _blur(x.shape[-1], sigma).T


@cache
def _blur(n: int, sigma: float) -> Tensor:
    """The Gaussian as a matrix `(n, n)`: for so few cells, a product is several times as fast as a convolution."""
    reach = max(1, int(2.5 * sigma))
    offsets = torch.arange(-reach, reach + 1)
    bell = torch.exp(-(offsets.float() ** 2) / (2 * sigma**2))
    places = (torch.arange(n)[:, None] + offsets).clamp(0, n - 1)
    return torch.zeros(n, n).scatter_add_(1, places, (bell / bell.sum()).expand(n, -1))
