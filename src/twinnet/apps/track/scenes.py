"""One thing seen twice: on another ground, moved, resized, blurred, lit otherwise, with others like it beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Pictures = Float[Tensor, "b 3 h w"]


@dataclass(frozen=True)
class Shape:
    """Outlines of B things: superellipses with waves on them. `power (B,)`, `wave (B, 4)`, `phase (B, 4)`."""

    power: Tensor
    wave: Tensor
    phase: Tensor


@dataclass(frozen=True)
class Pose:
    """Where B things are: `centre`, `half (B, 2)` in pixels, `turn (B,)` in radians; `bend (B, 2, 4, 4)` or none."""

    centre: Tensor
    half: Tensor
    turn: Tensor
    bend: Tensor | None = None


@dataclass(frozen=True)
class Skin:
    """What B things are covered with: places of pictures. `picture (B,)` rows of the pool, `centre`, `half (B, 2)` in
    the units of `grid_sample`.
    """

    picture: Tensor
    centre: Tensor
    half: Tensor


def draw(rng: np.random.Generator, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Uniform numbers."""
    return torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32))


def normal(rng: np.random.Generator, *shape: int, spread: float = 1.0) -> Tensor:
    """Normal numbers around 0."""
    return torch.from_numpy(rng.normal(0, spread, shape).astype(np.float32))


def some_shape(n: int, rng: np.random.Generator) -> Shape:
    """Half of them nearly plain boxes and ellipses, the rest with lobes."""
    strength = draw(rng, n, 1, high=0.18) * (draw(rng, n, 1) < 0.6)
    power = 2 ** draw(rng, n, low=0.8, high=3.5)
    return Shape(power, strength * draw(rng, n, 4), draw(rng, n, 4, high=6.28))


def lay(
    canvas: Tensor, pool: Tensor, skin: Skin, shape: Shape, pose: Pose, opaque: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cover a place of each canvas `(B, 3, H, W)` with a thing → canvases, and its masks `(B, H, W)`.

    `pool (N, 3, S, S)` are the pictures that skins are cut from; `opaque (B,)` of 0 leaves a canvas as it is.
    """
    u, v = _own(pose, *canvas.shape[-2:])  # (B, H, W) each, −1 … 1 inside the box
    angle = torch.atan2(v, u)
    waves = torch.arange(2, 6, dtype=torch.float32)
    lobes = (
        shape.wave[:, :, None, None]
        * torch.sin(waves[None, :, None, None] * angle[:, None] + shape.phase[:, :, None, None])
    ).sum(1)
    power = shape.power[:, None, None]
    inside = ((u.abs() + 1e-6) ** power + (v.abs() + 1e-6) ** power) ** (1 / power) * (1 + lobes)
    edge = pose.half.amin(1)[:, None, None]
    mask = ((1 - inside) * edge + 0.5).clamp(0, 1)
    if opaque is not None:
        mask = mask * opaque[:, None, None]
    grid = torch.stack([u, v], -1) * skin.half[:, None, None] + skin.centre[:, None, None]  # (B, H, W, 2)
    seen = functional.grid_sample(pool[skin.picture], grid, padding_mode="reflection", align_corners=False)
    return canvas + mask[:, None] * (seen - canvas), mask


def ground(pool: Tensor, skin: Skin, height: int, width: int) -> Tensor:
    """Grounds `(B, 3, H, W)` cut from the pool."""
    y, x = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
    at = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]  # (1, H, W, 2)
    grid = at * skin.half[:, None, None] + skin.centre[:, None, None]
    return functional.grid_sample(pool[skin.picture], grid, padding_mode="reflection", align_corners=False)


def boxes_of(mask: Tensor) -> Tensor:
    """Tight boxes `(B, 4)` x, y, width, height of masks `(B, H, W)`; a mask with nothing in it has no size."""
    solid = mask > 0.5
    columns, rows = solid.any(1), solid.any(2)  # (B, W), (B, H)
    left, right = columns.int().argmax(1), columns.shape[1] - columns.flip(1).int().argmax(1)
    top, below = rows.int().argmax(1), rows.shape[1] - rows.flip(1).int().argmax(1)
    found = torch.stack([left, top, right - left, below - top], 1).float()
    return found * solid.any(2).any(1)[:, None]


def _own(pose: Pose, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Each pixel in the thing's own coordinates."""
    y, x = torch.arange(height) + 0.5, torch.arange(width) + 0.5
    dx = x[None, None, :] - pose.centre[:, 0, None, None]
    dy = y[None, :, None] - pose.centre[:, 1, None, None]
    cos, sin = pose.turn.cos()[:, None, None], pose.turn.sin()[:, None, None]
    u = (dx * cos + dy * sin) / pose.half[:, 0, None, None]
    v = (-dx * sin + dy * cos) / pose.half[:, 1, None, None]
    if pose.bend is None:
        return u, v
    bent = functional.interpolate(pose.bend, size=(height, width), mode="bilinear", align_corners=True)
    return u + bent[:, 0], v + bent[:, 1]


def spoil(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Light, blur, motion, loss of detail, noise: each picture of `(B, 3, H, W)` in its own way."""
    n = len(pictures)
    gain = torch.exp(normal(rng, n, 1, 1, 1, spread=0.2)) * torch.exp(normal(rng, n, 3, 1, 1, spread=0.06))
    seen = (pictures - 0.5) * gain + 0.5 + normal(rng, n, 1, 1, 1, spread=0.07)
    grey = draw(rng, n, 1, 1, 1) < 0.08
    seen = torch.where(grey, seen.mean(1, keepdim=True), seen)
    kernels = _blurs(n, rng)  # (B, 7, 7)
    stacked = functional.pad(seen, (3, 3, 3, 3), mode="replicate").reshape(1, n * 3, *[s + 6 for s in seen.shape[-2:]])
    seen = functional.conv2d(stacked, kernels.repeat_interleave(3, 0)[:, None], groups=n * 3).reshape(seen.shape)
    return (seen + normal(rng, *seen.shape) * draw(rng, n, 1, 1, 1, high=0.05) ** 1.5).clamp(0, 1)


def _blurs(n: int, rng: np.random.Generator) -> Tensor:
    """Half of them sharp, the rest smeared along a line, wide to different degrees: `(n, 7, 7)`, each of sum 1."""
    line = torch.arange(-3, 4).float()
    y, x = torch.meshgrid(line, line, indexing="ij")
    turn = draw(rng, n, 1, 1, high=3.14)
    along, across = x * turn.cos() + y * turn.sin(), -x * turn.sin() + y * turn.cos()
    blurred = draw(rng, n, 1, 1) < 0.5
    wide = torch.where(blurred, 0.2 + draw(rng, n, 1, 1, high=2.0), torch.tensor(0.2))
    narrow = torch.minimum(wide, 0.2 + draw(rng, n, 1, 1, high=1.0))
    kernel = torch.exp(-0.5 * ((along / wide) ** 2 + (across / narrow) ** 2))
    return kernel / kernel.sum((1, 2), keepdim=True)
