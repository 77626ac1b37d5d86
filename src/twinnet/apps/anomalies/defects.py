"""Defects that nobody needs to have seen: spots, scratches, pasted and blurred places, at known positions.

CutPaste (Li et al. 2021) and DRAEM (Zavrtanik et al. 2021) showed that telling such inventions from the untouched image
teaches what real defects look like.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from twinnet.apps.anomalies.shapes import scratch, spot

_LARGE_ENOUGH = 0.25  # standard deviations of the image: what changed less is not asked for


def spoiled(good: Tensor, other: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Crops `(B, S, S)` of good images, standardised → the same with up to two defects each, and where, `(B, S, S)`.

    `other (B, S, S)` are more crops, to paste from. About a fifth of the crops stay as they are.
    """
    image, where = good.clone(), torch.zeros_like(good)
    for _ in range(2):
        image, where = _one(good, image, where, other, rng)
    noise = torch.from_numpy(rng.normal(size=good.shape).astype(np.float32))
    return image + noise * _uniform(rng, len(good), 0, 0.05), where


def _one(good: Tensor, image: Tensor, where: Tensor, other: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    n, side = len(good), good.shape[-1]
    lines = rng.random(n) < 0.45
    made = np.stack([scratch(side, rng) if line else spot(side, rng) for line in lines])
    mask = torch.from_numpy(made) * (_uniform(rng, n, 0, 1) < 0.55)
    soft = functional.avg_pool2d(mask[:, None], 3, 1, 1)[:, 0]  # real edges are not one pixel sharp
    amount = torch.from_numpy(rng.normal(size=(n, 1, 1)).astype(np.float32))
    amount = amount.sign() * (0.4 + 1.2 * amount.abs())
    grain = torch.from_numpy(rng.normal(size=good.shape).astype(np.float32)) * _uniform(rng, n, 0, 0.3)
    darker_or_brighter = good + amount + grain
    pasted = other * torch.exp(0.3 * _normal(rng, n)) + 0.5 * _normal(rng, n)
    smeared = functional.avg_pool2d(good[:, None], 9, 1, 4, count_include_pad=False)[:, 0] + 0.5 * amount
    kind = _uniform(rng, n, 0, 1)
    new = torch.where(kind < 0.6, darker_or_brighter, torch.where(kind < 0.85, pasted, smeared))
    changed = mask * ((new - good).abs() > _LARGE_ENOUGH)
    return image * (1 - soft) + new * soft, torch.maximum(where, changed)


def _uniform(rng: np.random.Generator, n: int, low: float, high: float) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, (n, 1, 1)).astype(np.float32))


def _normal(rng: np.random.Generator, n: int) -> Tensor:
    return torch.from_numpy(rng.normal(size=(n, 1, 1)).astype(np.float32))
