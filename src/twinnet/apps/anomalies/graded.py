"""Invented defects whose strength is measured against what lies around them, for a network that can see already.

On a rough surface a weak one is no defect: good samples are full of such places. A twin that must learn to see at all
learns faster from the plain ones (`defects`).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from twinnet.apps.anomalies.shapes import Mask, crack, scratch, seam, spot
from twinnet.apps.anomalies.surround import surround

_REACH = 2  # of the surroundings
_FLOOR = 0.05  # deviations of the image: on an even surface less than that is nothing
_LARGE_ENOUGH = 1.2  # deviations of the surroundings: what changed less is not asked for
_STRENGTH = (1.5, 10.0)  # the same unit
_CRACKS, _SCRATCHES, _SPOTS = 0.35, 0.45, 0.9  # cumulated; the rest are seams


def spoiled_by_grades(good: Tensor, other: Tensor, rng: np.random.Generator, most: int = 4) -> tuple[Tensor, Tensor]:
    """Crops `(B, S, S)` of good images, standardised → the same with up to `most` defects each, and where, `(B, S, S)`.

    `other (B, S, S)` are more crops, to paste from. Of four, about one crop in twenty-five stays as it is.
    """
    image, where = good.clone(), torch.zeros_like(good)
    rough = surround(good[:, None], _REACH)[1][:, 0] + _FLOOR
    for _ in range(most):
        image, where = _one(good, image, where, other, rough, rng)
    return image + _grain(good, rng) * _uniform(rng, len(good), 0, 0.05), where


def _one(
    good: Tensor, image: Tensor, where: Tensor, other: Tensor, rough: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    n, side = len(good), good.shape[-1]
    kind = rng.random(n)
    drawn = [_shape(share, side, rng) for share in kind]
    made = _uniform(rng, n, 0, 1) < 0.55
    mask, asked = (torch.from_numpy(np.stack(part)) * made for part in zip(*drawn, strict=True))
    softer = functional.avg_pool2d(mask[:, None], 3, 1, 1)[:, 0]  # some real edges are not one pixel sharp
    mask = torch.where(_uniform(rng, n, 0, 1) < 0.5, softer, mask)
    new = _looks(torch.from_numpy(kind.astype(np.float32))[:, None, None], good, other, rough, rng)
    change = functional.avg_pool2d((new - good).abs()[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
    found = (asked > 0.4) & (change > _LARGE_ENOUGH * rough)
    return image * (1 - mask) + new * mask, torch.maximum(where, found.float())


def _shape(share: float, side: int, rng: np.random.Generator) -> tuple[Mask, Mask]:
    """What is changed, and what is asked for."""
    if share >= _SPOTS:
        return seam(side, rng)
    mask = (crack if share < _CRACKS else scratch if share < _SCRATCHES else spot)(side, rng)
    return mask, mask


def _looks(kind: Tensor, good: Tensor, other: Tensor, rough: Tensor, rng: np.random.Generator) -> Tensor:
    n = len(good)
    smooth = functional.avg_pool2d(good[:, None], 9, 1, 4, count_include_pad=False)[:, 0]
    sign = torch.where(_uniform(rng, n, 0, 1) < 0.7, -1.0, 1.0)  # dark ones are more common
    relative = rough * torch.exp(_uniform(rng, n, *np.log(_STRENGTH)))
    amount = sign * torch.where(_uniform(rng, n, 0, 1) < 0.6, relative, 0.3 + 1.2 * _normal(rng, n).abs())
    grain = _grain(good, rng) * _uniform(rng, n, 0, 0.7) * rough
    tinted = smooth + _uniform(rng, n, 0, 1) * (good - smooth) + amount + grain
    pasted = other * torch.exp(0.3 * _normal(rng, n)) + 0.5 * _normal(rng, n)
    smeared = smooth + 0.5 * amount
    gain = torch.exp(_normal(rng, n).sign() * _uniform(rng, n, 0.5, 1.3))
    rougher = smooth + gain * (good - smooth) + 0.3 * amount * (_uniform(rng, n, 0, 1) < 0.5)
    of = _uniform(rng, n, 0, 1)
    surface = torch.where(of < 0.4, pasted, torch.where(of < 0.7, rougher, good + 0.3 * amount))
    place = torch.where(of < 0.5, tinted, torch.where(of < 0.7, pasted, torch.where(of < 0.8, smeared, rougher)))
    return torch.where(kind < _SCRATCHES, tinted, torch.where(kind < _SPOTS, place, surface))


def _grain(good: Tensor, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.normal(size=good.shape).astype(np.float32))


def _uniform(rng: np.random.Generator, n: int, low: float, high: float) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, (n, 1, 1)).astype(np.float32))


def _normal(rng: np.random.Generator, n: int) -> Tensor:
    return torch.from_numpy(rng.normal(size=(n, 1, 1)).astype(np.float32))
