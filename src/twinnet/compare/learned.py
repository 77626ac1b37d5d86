"""Koch's learned comparison (Koch, Zemel & Salakhutdinov 2015): weighted |a − b| → logit → probability."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_BLOCK = 1 << 22  # elements of |a − b| held at once by `cross`: 16 MiB of float32


class Learned(nn.Module):
    """distance = softplus(−logit) = −log p(same), with logit = bias − Σ wₖ |aₖ − bₖ|.

    It is symmetric and never negative but not a metric. −log p keeps its order where 1 − p has saturated in float32,
    and gives back p = exp(−distance).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((dim,), 4.0 / dim**0.5))
        self.bias = nn.Parameter(torch.tensor(2.0))

    def logit(self, a: Float[Tensor, "... d"], b: Float[Tensor, "... d"]) -> Float[Tensor, ...]:
        """The log odds of *same*."""
        return self.bias - (a - b).abs() @ self.weight

    def paired(self, a: Float[Tensor, "p d"], b: Float[Tensor, "p d"]) -> Float[Tensor, " p"]:
        """`(P, D), (P, D)` → `(P,)`."""
        return functional.softplus(-self.logit(a, b))

    def cross(self, a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """`(N, D), (M, D)` → `(N, M)`."""
        return functional.softplus(-self.cross_logit(a, b))

    def cross_logit(self, a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """The log odds of all against all, in blocks so that memory stays bounded."""
        rows = max(1, _BLOCK // max(1, b.numel()))
        blocks = [
            self.logit(part[:, None], b[None]) for part in torch.split(a, rows)
        ]  # (rows, 1, D) - (1, M, D) -> (rows, M)
        return torch.cat(blocks) if blocks else a.new_zeros(0, len(b))
