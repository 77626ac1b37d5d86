"""All distances of a batch for learning: those of the comparison, and the Euclidean ones faster.

|a|² + |b|² − 2ab is one matrix product, several times faster than differences, but it loses the digits of just those
pairs that are nearly the same. These are few, so they alone are computed again from their differences, forward and
backward.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from twinnet.compare import Euclidean

_NEAR = 0.05  # of |a|² + |b|²: below it the product has lost more than one of its seven digits
_FEW = 8  # the product pays while at most one pair in this many is near


@runtime_checkable
class Crossing(Protocol):
    """The half of a comparison that is needed here."""

    def cross(self, a: Tensor, b: Tensor) -> Tensor: ...


def distances(comparison: Crossing, a: Tensor, b: Tensor) -> Tensor:
    """`comparison.cross(a, b)`: `(N, D), (M, D)` → `(N, M)`, for Euclidean by way of the matrix product."""
    # A product in TF32 or bfloat16 would not have the digits to begin with.
    if isinstance(comparison, Euclidean) and torch.get_float32_matmul_precision() == "highest":
        return euclidean_cross(a, b)
    return comparison.cross(a, b)


def squared_distances(comparison: Crossing, a: Tensor, b: Tensor) -> Tensor:
    """The squares of them. For Euclidean the product suffices, as nearly nothing stays so; it may be just below 0."""
    if isinstance(comparison, Euclidean) and torch.get_float32_matmul_precision() == "highest":
        lengths = a.square().sum(1, keepdim=True) + b.square().sum(1)  # (N, 1) + (M,) -> (N, M)
        return torch.addmm(lengths, a, b.T, alpha=-2)
    return comparison.cross(a, b).square()


def euclidean_cross(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """|a − b| of all against all, with gradient zero where a = b; six digits of it at least in float32."""
    with torch.no_grad():
        lengths = a.square().sum(1, keepdim=True) + b.square().sum(1)  # (N, 1) + (M,) -> (N, M)
        squared = torch.addmm(lengths, a, b.T, alpha=-2)  # (N, M)
        first, second = (squared <= _NEAR * lengths).nonzero(as_tuple=True)  # (P,)
    if _FEW * len(first) > squared.numel():
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    found: Tensor = _Distances.apply(a, b, squared, first, second)  # type: ignore[no-untyped-call]
    return found


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
        pull = torch.where(distance > 0, outer / distance, 0.0)  # (N, M): ∂d/∂a = (a − b) / d
        near = pull[first, second][:, None] * (a[first] - b[second])  # (P, D)
        pull[first, second] = 0.0
        to_a = torch.addmm(pull.sum(1, keepdim=True) * a, pull, b, alpha=-1).index_add_(0, first, near)
        to_b = torch.addmm(pull.sum(0)[:, None] * b, pull.T, a, alpha=-1).index_add_(0, second, near, alpha=-1)
        return to_a, to_b, None, None, None
