"""The two fixed comparisons. Both are modules without parameters, so that all comparisons are saved alike."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.compare.cross import euclidean_cross


def euclidean(a: Float[Tensor, "p d"], b: Float[Tensor, "p d"]) -> Float[Tensor, " p"]:
    """|a − b| row by row, with gradient zero, not NaN, where a = b."""
    squared = (a - b).square().sum(-1)  # (P, D) -> (P,)
    # The square root has an infinite slope at zero; the inner `where` keeps it out of the backward pass altogether.
    apart = squared > 0
    return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)


def cosine(a: Float[Tensor, "p d"], b: Float[Tensor, "p d"]) -> Float[Tensor, " p"]:
    """1 − cos(a, b) row by row, in [0, 2]."""
    return 1 - (functional.normalize(a, dim=-1) * functional.normalize(b, dim=-1)).sum(-1).clamp(-1, 1)


class Euclidean(nn.Module):
    """The length of the difference."""

    def paired(self, a: Tensor, b: Tensor) -> Tensor:
        """`(P, D), (P, D)` → `(P,)`."""
        return euclidean(a, b)

    def cross(self, a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """`(N, D), (M, D)` → `(N, M)`."""
        return euclidean_cross(a, b)


class Cosine(nn.Module):
    """One minus the cosine of the angle."""

    def paired(self, a: Tensor, b: Tensor) -> Tensor:
        """`(P, D), (P, D)` → `(P,)`."""
        return cosine(a, b)

    def cross(self, a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """`(N, D), (M, D)` → `(N, M)`."""
        return 1 - (functional.normalize(a, dim=-1) @ functional.normalize(b, dim=-1).T).clamp(-1, 1)
