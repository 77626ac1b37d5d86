"""Two views of each of B things, for learning without labels: an exemplar in the middle, and a search view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from twinnet.apps.track.scenes import Pose, Skin, boxes_of, draw, ground, lay, normal, some_shape, spoil


@dataclass(frozen=True)
class Views:
    """`exemplar`, `search (B, 3, S, S)`; `box (B, 4)` of the thing in the exemplar, `found (B, 4)` in the search view:
    x, y, width, height in pixels.
    """

    exemplar: Tensor
    search: Tensor
    box: Tensor
    found: Tensor


def invented_views(pool: Tensor, n: int, side: int, size_px: float, rng: np.random.Generator) -> Views:
    """From pictures `pool (N, 3, P, P)` in [0, 1]. Things have an area of about size_px² in the exemplar."""
    first, second = _grounds(pool, n, side, rng)
    aspect = torch.exp(normal(rng, n, spread=0.45)).clamp(0.35, 2.8) ** 0.5
    half = 0.5 * size_px * torch.stack([aspect, 1 / aspect], 1)
    shape, skin = some_shape(n, rng), _skins(len(pool), n, half, rng)
    middle = torch.full((n, 2), side / 2)
    at = Pose(middle, half, normal(rng, n, spread=0.1))
    room = side / 2 - 0.6 * size_px
    moved = middle + draw(rng, n, 2, low=-1, high=1) * room
    grown = half * torch.exp(normal(rng, n, 1, spread=0.12) + normal(rng, n, 2, spread=0.06))
    bend = normal(rng, n, 2, 4, 4) * draw(rng, n, 1, 1, 1, high=0.08)
    later = Pose(moved, grown, at.turn + normal(rng, n, spread=0.15), bend)
    # Others like it stand beside it, in both views: a tracker must tell them apart.
    for _ in range(2):
        beside, other = some_shape(n, rng), _skins(len(pool), n, half, rng)
        there = (draw(rng, n) < 0.6).float()
        size = half * torch.exp(normal(rng, n, 1, spread=0.3))
        for which in (0, 1):
            place = Pose(draw(rng, n, 2, high=side), size, normal(rng, n, spread=0.3))
            canvas, _ = lay(second if which else first, pool, other, beside, place, there)
            first, second = (first, canvas) if which else (canvas, second)
    plain = draw(rng, n) < 0.25  # nothing laid on: the ground itself is what moves
    first, mask = lay(first, pool, skin, shape, at)
    second, mask_later = lay(second, pool, skin, shape, later)
    cover, other = some_shape(n, rng), _skins(len(pool), n, half, rng)
    hides = (draw(rng, n) < 0.15).float()
    beside_it = Pose(moved + half * normal(rng, n, 2, spread=0.9), half * 0.8, normal(rng, n))
    second, _ = lay(second, pool, other, cover, beside_it, hides)
    box, found = boxes_of(mask), boxes_of(mask_later)
    if plain.any():
        first, second, box, found = _plainly(pool, plain, (first, second, box, found), side, half, rng)
    return Views(first, second, box, found)


def varied(views: Views, rng: np.random.Generator) -> Views:
    """The same things mirrored, turned, with colours changed round, and each view spoiled in its own way."""
    side = views.search.shape[-1]
    both, boxes = torch.stack([views.exemplar, views.search]), torch.stack([views.box, views.found])
    mirror, upside, lying = rng.random(3) < 0.5
    if mirror:
        both, boxes = both.flip(-1), torch.cat([side - boxes[..., :1] - boxes[..., 2:3], boxes[..., 1:]], -1)
    if upside:
        top = side - boxes[..., 1:2] - boxes[..., 3:]
        both, boxes = both.flip(-2), torch.cat([boxes[..., :1], top, boxes[..., 2:]], -1)
    if lying:
        both, boxes = both.transpose(-1, -2), boxes[..., [1, 0, 3, 2]]
    both = both[:, :, torch.from_numpy(rng.permutation(3))]
    return Views(spoil(both[0], rng), spoil(both[1], rng), boxes[0], boxes[1])


def _plainly(
    pool: Tensor, plain: Tensor, so_far: tuple[Tensor, Tensor, Tensor, Tensor], side: int, half: Tensor,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Where `plain (B,)`: two cuts of one picture, shifted and resized; the thing is whatever is in the middle."""
    n = len(plain)
    skin = _ground_skins(len(pool), n, rng)
    grown = torch.exp(normal(rng, n, spread=0.12))
    shift = draw(rng, n, 2, low=-1, high=1) * (side / 2 - 0.6 * half.amax(1, keepdim=True))
    # A place p of the second view shows what the first shows at (p − shift) / grown, seen from the middle.
    later = Skin(
        skin.picture, skin.centre - shift / grown[:, None] * skin.half / (side / 2), skin.half / grown[:, None]
    )
    first, second = ground(pool, skin, side, side), ground(pool, later, side, side)
    box = torch.cat([side / 2 - half, 2 * half], 1)
    found = torch.cat([side / 2 + shift - half * grown[:, None], 2 * half * grown[:, None]], 1)
    four, two = plain[:, None, None, None], plain[:, None]
    return (
        torch.where(four, first, so_far[0]), torch.where(four, second, so_far[1]),
        torch.where(two, box, so_far[2]), torch.where(two, found, so_far[3]),
    )  # fmt: skip


def _grounds(pool: Tensor, n: int, side: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """In six of ten the same ground, a little moved; otherwise quite another."""
    one, other = _ground_skins(len(pool), n, rng), _ground_skins(len(pool), n, rng)
    same = draw(rng, n) < 0.6
    moved = one.centre + normal(rng, n, 2, spread=0.08)
    second = Skin(
        torch.where(same, one.picture, other.picture),
        torch.where(same[:, None], moved, other.centre),
        torch.where(same[:, None], one.half * torch.exp(normal(rng, n, 1, spread=0.06)), other.half),
    )
    return ground(pool, one, side, side), ground(pool, second, side, side)


def _ground_skins(n_pictures: int, n: int, rng: np.random.Generator) -> Skin:
    half = draw(rng, n, 1, low=0.3, high=0.8).repeat(1, 2)
    centre = draw(rng, n, 2, low=-1, high=1) * (1 - half)
    return Skin(torch.from_numpy(rng.integers(n_pictures, size=n)), centre, half)


def _skins(n_pictures: int, n: int, half: Tensor, rng: np.random.Generator) -> Skin:
    """From a tenth to half of a picture, of the thing's own aspect."""
    reach = half / half.amax(1, keepdim=True) * draw(rng, n, 1, low=0.1, high=0.5)
    return Skin(
        torch.from_numpy(rng.integers(n_pictures, size=n)), draw(rng, n, 2, low=-1, high=1) * (1 - reach), reach
    )
