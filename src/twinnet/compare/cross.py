"""|a − b| of all against all, fast and exact.

|a|² + |b|² − 2ab is one matrix product, several times faster than differences, but it loses the digits of just those
pairs that are nearly the same. These are few, so they alone are computed again from their differences, forward and
backward.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

_NEAR = 0.05  # of |a|² + |b|²: below it the product has lost more than one of its seven digits
_FEW = 8  # the product pays while at most one pair in this many is near


def euclidean_cross(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """|a − b| of all against all, with gradient zero where a = b; six digits of it at least in float32."""
    if not exact_products(a):
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    with torch.no_grad():
        lengths = a.square().sum(1, keepdim=True) + b.square().sum(1)  # (N, 1) + (M,) -> (N, M)
        squared = torch.addmm(lengths, a, b.T, alpha=-2)  # (N, M)
        first, second = places(squared <= lengths.mul_(_NEAR))  # (P,)
    if _FEW * len(first) > squared.numel():
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    found: Tensor = _Distances.apply(a, b, squared, first, second)  # type: ignore[no-untyped-call]
    return found


def squared_euclidean_cross(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """|a − b|² of all against all. The product suffices, as nearly nothing stays so; it may be just below 0."""
    if not exact_products(a):
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square()
    found: Tensor = _Squares.apply(a, b)  # type: ignore[no-untyped-call]
    return found


def places(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column `(P,)` of every true entry of `(N, M)`, by row; NumPy finds few among many sooner."""
    if mask.device.type != "cpu":
        row, column = mask.nonzero(as_tuple=True)
        return row, column
    flat = torch.from_numpy(np.flatnonzero(mask.numpy()))
    width = max(1, mask.shape[1])
    return flat // width, flat % width


def exact_products(a: Tensor) -> bool:
    """Whether a product has all digits to begin with: not in TF32, nor in half floats by autocast."""
    return torch.get_float32_matmul_precision() == "highest" and not torch.is_autocast_enabled(a.device.type)


class _Squares(torch.autograd.Function):
    """One product forward, and one backward for each end."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        lengths = a.square().sum(1, keepdim=True) + b.square().sum(1)  # (N, 1) + (M,) -> (N, M)
        return lengths.addmm_(a, b.T, alpha=-2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ctx.saved_tensors  # ∂d²/∂a = 2 (a − b)
        with torch.autocast(outer.device.type, enabled=False):
            to_a = torch.addmm(outer.sum(1, keepdim=True) * a, outer, b, alpha=-2, beta=2)
            to_b = torch.addmm(outer.sum(0)[:, None] * b, outer.T, a, alpha=-2, beta=2)
        return to_a, to_b


class _Distances(torch.autograd.Function):
    """The square root of `squared`, which it takes over, with the near pairs done by differences."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, squared: Tensor, first: Tensor, second: Tensor) -> Tensor:
        squared[first, second] = (a[first] - b[second]).square().sum(1)
        distance = squared.sqrt()
        ctx.save_for_backward(a, b, distance, first, second)
        return distance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        a, b, distance, first, second = ctx.saved_tensors
        pull = outer / distance  # (N, M): ∂d/∂a = (a − b) / d; a distance of zero is always among the near pairs
        few = torch.where(distance[first, second] > 0, pull[first, second], 0.0)  # (P,)
        near = few[:, None] * (a[first] - b[second])  # (P, D)
        pull[first, second] = 0.0
        with torch.autocast(outer.device.type, enabled=False):  # some call backward inside it
            to_a = torch.addmm(pull.sum(1, keepdim=True) * a, pull, b, alpha=-1).index_add_(0, first, near)
            to_b = torch.addmm(pull.sum(0)[:, None] * b, pull.T, a, alpha=-1).index_add_(0, second, near, alpha=-1)
        return to_a, to_b, None, None, None
