"""Lay one picture over another and see how well they agree: the distance by which copies are decided."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from twinnet.apps.duplicates.search import nearest_part
from twinnet.apps.duplicates.sketch import PARTS, SIDE_PX, Bytes, Sketches, detail
from twinnet.core.types import FloatArray, IntArray

_PX = 24
_STEPS = 5
_DAMPING = 1e-3
_TRIM = 0.1  # of the pixels, those that agree least: a line of text over a picture
_LEAST_COVER = 0.6
_PAIRS = 512
_COLOUR = 0.02  # of the range: what JPEG and a shifted raster change
_DRIFT = 0.12  # in half sides: a turn by 5° moves a corner by 0.09, and parts lie 0.1 apart
_HOPEFUL = 0.4  # of correlation before the fit: below it, none was ever found


def distances(
    small_a: Bytes, colour_a: Bytes, vectors_a: npt.NDArray[np.float16],
    small_b: Bytes, colour_b: Bytes, vectors_b: npt.NDArray[np.float16],
) -> FloatArray:  # fmt: skip
    """Of P pairs of sketches: 1 − the correlation of detail, one laid over the other, plus what their colours differ.

    The one that may be a crop is laid over the nearest part of the other. The tenth of the pixels that agrees least is
    left out. Where one of the two is grey, colour says nothing. `(P,)`, 0 for equal pictures.
    """
    found = np.empty(len(small_a))
    for start in range(0, len(small_a), _PAIRS):
        s = slice(start, start + _PAIRS)
        a, b = small_a[s], small_b[s]
        part, swapped = nearest_part(vectors_a[s].astype(np.float32), vectors_b[s].astype(np.float32))
        swap = swapped[:, None, None]
        agreed = _laid_over(np.where(swap, b, a), np.where(swap, a, b), part)
        found[s] = 1 - agreed + _hue(colour_a[s], colour_b[s])
    return np.clip(found, 0, 1)


def between(known: Sketches, i: IntArray, j: IntArray) -> FloatArray:
    """`distances` of rows `(P,)` and `(P,)` of one set of sketches."""
    parts = [np.empty(0)]
    for start in range(0, len(i), 4096):
        a, b = i[start : start + 4096], j[start : start + 4096]
        parts.append(
            distances(
                known.small[a], known.colour[a], known.vectors[a], known.small[b], known.colour[b], known.vectors[b]
            )
        )
    return np.concatenate(parts)


def _laid_over(large: Bytes, small: Bytes, part: npt.NDArray[np.int64]) -> FloatArray:
    """How well `small (P, 48, 48)` agrees with `large` around the given part of it `(P,)`."""
    start = _window(part)
    images = torch.from_numpy(np.stack([large.astype(np.float32), detail(large)], 1))  # (P, 2, 48, 48)
    target = _reduced(torch.from_numpy(np.stack([small.astype(np.float32), detail(small)], 1)))  # (P, 2, 576)
    seen, inside = _warped(images[:, 1:], start)
    agreed = _trimmed(seen[:, 0], target[:, 1], inside)
    hopeful = agreed > _HOPEFUL
    if hopeful.any():
        where = _fitted(images[hopeful, 0], target[hopeful, 0], start[hopeful])
        seen, inside = _warped(images[hopeful, 1:], where)
        better = _trimmed(seen[:, 0], target[hopeful, 1], inside)
        agreed[hopeful] = torch.maximum(agreed[hopeful], better)  # a fit may run away from a good beginning
    return agreed.numpy().astype(np.float64)


def _window(part: npt.NDArray[np.int64]) -> Tensor:
    """The affine window `(P, 6)` of a part, in half sides from the centre: rows (xx, xy, x0) and (yx, yy, y0)."""
    x, y, share = torch.tensor(PARTS)[torch.from_numpy(part)].unbind(1)
    zero = torch.zeros_like(x)
    return torch.stack([share, zero, 2 * x + share - 1, zero, share, 2 * y + share - 1], 1)


def _reduced(images: Tensor) -> Tensor:
    small = functional.interpolate(images, (_PX, _PX), mode="bilinear", align_corners=False)
    return small.flatten(2)


def _fitted(large: Tensor, target: Tensor, start: Tensor) -> Tensor:
    """The window of `large (P, 48, 48)` where it is most like `target (P, 576)`, near `start (P, 6)`.

    Gauss–Newton on the correlation (Evangelidis & Psarakis 2008).
    """
    where = start.clone()
    basis = _basis()
    images = torch.stack([large, *_slopes(large)], 1)  # (P, 3, 48, 48)
    for _ in range(_STEPS):
        seen, inside = _warped(images, where)
        got, dx, dy = seen.unbind(1)  # (P, 576) each
        here = _unit(got, inside)
        length = ((got - _mean(got, inside)) * inside).norm(dim=1).clamp(min=1e-3)
        jacobian = torch.cat([dx[:, None] * basis, dy[:, None] * basis], 1) * inside[:, None]  # (P, 6, 576)
        jacobian = jacobian - _mean(jacobian, inside[:, None]) * inside[:, None]
        jacobian = (jacobian - (jacobian @ here[:, :, None]) * here[:, None]) / length[:, None, None]
        normal = jacobian @ jacobian.transpose(1, 2)  # (P, 6, 6)
        damping = _DAMPING * normal.diagonal(dim1=1, dim2=2).mean(1) + 1e-9
        apart = (_unit(target, inside) - here)[:, :, None]
        step = torch.linalg.solve(normal + damping[:, None, None] * torch.eye(6), jacobian @ apart)[:, :, 0]
        where = torch.clamp(where + step, start - _DRIFT, start + _DRIFT)
    return where


@cache
def _basis() -> Tensor:
    line = (2 * torch.arange(_PX) + 1) / _PX - 1
    return torch.stack([line.expand(_PX, _PX), line[:, None].expand(_PX, _PX), torch.ones(_PX, _PX)]).flatten(1)


def _slopes(large: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives along x and y, per half side, of `(P, 48, 48)`."""
    padded = functional.pad(large[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    half = SIDE_PX / 4  # two pixels apart, and the sides run from −1 to 1
    return (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) * half, (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) * half


def _warped(images: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """`images (P, C, 48, 48)` seen through a window `(P, 6)` → `(P, C, 576)`, and what lies inside `(P, 576)`."""
    grid = where.view(-1, 2, 3) @ _basis()  # (P, 2, 576)
    inside = (grid.abs() <= 1).all(1).float()
    seen = functional.grid_sample(
        images, grid.transpose(1, 2)[:, :, None], padding_mode="border", align_corners=False
    )  # (P, C, 576, 1)
    return seen[..., 0], inside


def _trimmed(got: Tensor, target: Tensor, inside: Tensor) -> Tensor:
    """The correlation over what is inside, less the tenth of it that agrees least; 0 where too little is inside."""
    apart = (_unit(got, inside) - _unit(target, inside)).abs().masked_fill(inside == 0, -1)
    n = inside.sum(1)
    ranked = apart.sort(dim=1, descending=True).values
    limit = ranked.gather(1, (_TRIM * n).long()[:, None])
    kept = inside * (apart <= limit)
    agreed = (_unit(got, kept) * _unit(target, kept)).sum(1)
    return torch.where(n >= _LEAST_COVER * inside.shape[1], agreed, torch.zeros_like(agreed)).clamp(-1, 1)


def _mean(x: Tensor, weight: Tensor) -> Tensor:
    return (x * weight).sum(-1, keepdim=True) / weight.sum(-1, keepdim=True).clamp(min=1)


def _unit(x: Tensor, weight: Tensor) -> Tensor:
    """Mean 0 and length 1 where the weight is, 0 elsewhere."""
    centred = (x - _mean(x, weight)) * weight
    length: Tensor = centred.norm(dim=-1, keepdim=True)
    return centred / length.clamp(min=1e-3)


def _hue(a: Bytes, b: Bytes) -> FloatArray:
    x, y = a.astype(np.float64), b.astype(np.float64)  # (P, 4, 4, 2), 128 where there is no colour
    coloured = np.minimum(*(np.abs(side - 128).mean((1, 2, 3)) for side in (x, y))) > 2
    differ = np.abs(x - y).mean((1, 2, 3)) / 255
    return np.where(coloured, np.maximum(differ - _COLOUR, 0), 0.0)
