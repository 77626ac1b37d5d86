"""Whole sequences with exact truth: a patch of a picture moves over another, is hidden for a while, and comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from twinnet.apps.track.scenes import Pose, Shape, Skin, boxes_of, draw, ground, lay, normal, some_shape
from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, Image

_TILE = 256  # pixels: what pictures are cut to, to cut skins from
_CHUNK = 8  # frames drawn at once


@dataclass(frozen=True)
class Staged:
    """`frames` of equal size; `boxes (T, 4)` x, y, width, height; `visible (T,)`: the share of it that can be seen."""

    frames: list[Image]
    boxes: FloatArray
    visible: FloatArray


def tiles(pictures: Sequence[Image], n: int, rng: np.random.Generator) -> Tensor:
    """`n` cuts of pictures, `(n, 3, 256, 256)` in [0, 1]."""
    cuts = []
    for _ in range(n):
        picture = pictures[int(rng.integers(len(pictures)))]
        side = int(min(picture.shape[:2]) * rng.uniform(0.5, 1))
        top, left = (int(rng.integers(size - side + 1)) for size in picture.shape[:2])
        cut = torch.from_numpy(np.ascontiguousarray(picture[top : top + side, left : left + side]))
        cut = cut.permute(2, 0, 1)[None].float().expand(-1, 3, -1, -1) / 255
        cuts.append(functional.interpolate(cut, size=(_TILE, _TILE), mode="bilinear", antialias=True))
    return torch.cat(cuts)


def staged(
    grounds: Sequence[Image], things: Sequence[Image], seed: int, *, frames: int = 120, height: int = 240,
    width: int = 320, hide: bool = True,
) -> Staged:  # fmt: skip
    """A sequence that depends on the seed alone. The ground is cut from `grounds`, what moves from `things`.

    The thing drifts and sways, turns a little, grows and shrinks, light changes, two others like it pass by. With
    `hide`, something covers it whole for 12 to 24 frames in the second half.
    """
    rng = stream(seed, "staged")
    pool = torch.cat([tiles(grounds, 1, rng), tiles(things, 4, rng)])
    size = float(rng.uniform(24, 60))
    half = _half(size, rng)
    path, grow = _path(frames, width, height, size, rng), _sway(frames, rng, 1)[:, 0] * 0.25
    aspect = _sway(frames, rng, 1)[:, 0] * 0.1
    halves = half * torch.exp(torch.stack([grow + aspect, grow - aspect], 1))  # (T, 2)
    turn = _sway(frames, rng, 1)[:, 0] * 0.25
    bend = (
        normal(rng, 1, 2, 4, 4).expand(frames, -1, -1, -1) * (_sway(frames, rng, 1)[:, 0] * 0.08)[:, None, None, None]
    )
    scene = [
        _actor(pool, row, Pose(_path(frames, width, height, size, rng), halves.flip(0), -turn), rng) for row in (3, 4)
    ]
    scene.append(_actor(pool, 1, Pose(path, halves, turn, bend), rng))
    if hide:
        scene.append(_cover(path, halves, rng))
    sky = _moving_ground(frames, height, width, rng)
    parts = [_rendered(pool, sky, scene, slice(i, i + _CHUNK), (height, width)) for i in range(0, frames, _CHUNK)]
    canvas, masks = torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])  # (T, A, H, W)
    mask = masks[:, 2]
    boxes = _exact(path, halves, mask)
    seen_of = mask * (1 - masks[:, 3]) if hide else mask
    visible = seen_of.sum((1, 2)) / mask.sum((1, 2)).clamp_min(1)
    gain = torch.exp(_sway(frames, rng, 1) * 0.2)[:, :, None, None]
    seen = (canvas - 0.5) * gain + 0.5 + (_sway(frames, rng, 1) * 0.06)[:, :, None, None]
    seen = seen + normal(rng, *seen.shape, spread=float(rng.uniform(0, 0.02)))
    pixels = (seen.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return Staged(list(pixels), boxes, visible.double().numpy())


@dataclass(frozen=True)
class _Actor:
    skin: Skin
    shape: Shape
    pose: Pose


def _rendered(pool: Tensor, sky: Skin, scene: list[_Actor], at: slice, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """A few frames at a time, all things laid one on another: pictures `(t, 3, H, W)` and masks `(t, A, H, W)`."""
    canvas, masks = ground(pool, Skin(sky.picture[at], sky.centre[at], sky.half[at]), *size), []
    for actor in scene:
        skin = Skin(actor.skin.picture[at], actor.skin.centre[at], actor.skin.half[at])
        shape = Shape(actor.shape.power[at], actor.shape.wave[at], actor.shape.phase[at])
        bend = None if actor.pose.bend is None else actor.pose.bend[at]
        pose = Pose(actor.pose.centre[at], actor.pose.half[at], actor.pose.turn[at], bend)
        canvas, mask = lay(canvas, pool, skin, shape, pose)
        masks.append(mask)
    return canvas, torch.stack(masks, 1)


def _actor(pool: Tensor, row: int, pose: Pose, rng: np.random.Generator) -> _Actor:
    """One and the same thing on every frame, cut from where its picture has most to see of eight places."""
    n = len(pose.centre)
    one = some_shape(1, rng)
    shape = Shape(one.power.expand(n), one.wave.expand(n, -1), one.phase.expand(n, -1))
    reach = pose.half[:1] / pose.half[:1].amax() * float(rng.uniform(0.25, 0.6))
    centres = draw(rng, 8, 2, low=-1, high=1) * (1 - reach)
    cuts = ground(pool, Skin(torch.full((8,), row), centres, reach.expand(8, -1)), 24, 24)
    centre = centres[int(cuts.std((2, 3)).sum(1).argmax())]
    return _Actor(Skin(torch.full((n,), row), centre.expand(n, -1), reach.expand(n, -1)), shape, pose)


def _cover(path: Tensor, halves: Tensor, rng: np.random.Generator) -> _Actor:
    """A larger thing that glides over it, stays as long as it must, and glides on."""
    n = len(path)
    still, first = int(rng.integers(12, 25)), int(rng.integers(n // 2, n // 2 + 8))
    size = halves[first : first + still].amax() * float(rng.uniform(1.9, 2.4))
    angle = float(rng.uniform(0, 2 * np.pi))
    away = torch.tensor([np.cos(angle), np.sin(angle)], dtype=torch.float32) * (size + halves.amax()) * 1.6
    late, early = torch.arange(n) - first - still, first - torch.arange(n)
    gone = (late.clamp(min=0) - early.clamp(min=0)).float()[:, None] / 6  # over six frames it comes, and goes
    plain = Shape(torch.full((n,), 8.0), torch.zeros(n, 4), torch.zeros(n, 4))
    skin = Skin(torch.full((n,), 2), torch.zeros(n, 2), torch.full((n, 2), 0.5))
    return _Actor(skin, plain, Pose(path + away * gone.clamp(-30, 30), size.expand(n, 2), torch.zeros(n)))


def _exact(path: Tensor, halves: Tensor, mask: Tensor) -> FloatArray:
    """Boxes of the masks; of its pose where the thing has left the frame."""
    boxes, posed = boxes_of(mask), torch.cat([path - halves, 2 * halves], 1)
    return torch.where(boxes[:, 2:].amin(1, keepdim=True) > 0, boxes, posed).double().numpy()


def _half(size: float, rng: np.random.Generator) -> Tensor:
    aspect = float(np.exp(rng.normal(0, 0.35)).clip(0.4, 2.5)) ** 0.5
    return torch.tensor([size / 2 * aspect, size / 2 / aspect])


def _sway(frames: int, rng: np.random.Generator, n: int) -> Tensor:
    """`(T, n)` smooth curves that begin at 0 and stay within about ±2."""
    t = torch.arange(frames)[:, None] / frames
    waves = [draw(rng, n, low=0.3, high=1) * torch.sin(6.28 * (draw(rng, n, low=0.4, high=k) * t + draw(rng, n)))
             for k in (1.0, 2.0, 4.0)]  # fmt: skip
    curve = torch.stack(waves).sum(0)
    return curve - curve[:1]


def _path(frames: int, width: int, height: int, size: float, rng: np.random.Generator) -> Tensor:
    """Centres `(T, 2)` that stay within the frame."""
    sway = _sway(frames, rng, 2)
    room = torch.tensor([width, height]) - 1.2 * size
    reach = (sway.amax(0) - sway.amin(0)).clamp_min(1e-3)
    scale = torch.minimum(room / reach, torch.tensor([width, height]) * 0.3)
    low = 0.6 * size - sway.amin(0) * scale
    slack = (room - reach * scale).clamp_min(0)
    return low + slack * draw(rng, 2) + sway * scale


def _moving_ground(frames: int, height: int, width: int, rng: np.random.Generator) -> Skin:
    """A camera that drifts over the first picture."""
    zoom = 0.6 * torch.exp(_sway(frames, rng, 1) * 0.04)
    half = torch.cat([zoom, zoom * height / width], 1)
    return Skin(torch.zeros(frames, dtype=torch.long), _sway(frames, rng, 2) * 0.12, half)
