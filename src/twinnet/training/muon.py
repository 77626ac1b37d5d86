"""Muon: momentum made an orthogonal matrix before each step (Jordan et al. 2024, kellerjordan.github.io/posts/muon)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor

_A, _B, _C = 3.4445, -4.7750, 2.0315  # of the quintic a x + b x³ + c x⁵: steep at 0, and near 1 on (0, 1] when repeated
_TIMES = 5


def orthogonal(matrix: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """`(N, M)` → `(N, M)`: near U Vᵀ of its singular value decomposition U S Vᵀ, without computing one.

    Five Newton–Schulz steps leave every singular value that is not tiny between about 0.7 and 1.2. They bear being
    computed in a coarse `dtype`.
    """
    x: Tensor = (matrix / (matrix.norm() + 1e-7)).to(dtype or matrix.dtype)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x  # the products below are as large as the shorter side
    for _ in range(_TIMES):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=_B, alpha=_C), x, beta=_A)
    return (x.T if tall else x).to(matrix.dtype)


@final
class Muon(torch.optim.Optimizer):
    """For matrices and kernels only, these read as `(outputs, everything else)`.

    All directions of a layer are learned equally fast, not only the few that most examples pull at. `dtype` is that of
    the products: bfloat16 halves their time where the hardware multiplies in it.
    """

    def __init__(
        self, groups: list[dict[str, Any]], lr: float, momentum: float = 0.95, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step, with Nesterov's momentum; weight decay as in AdamW."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                mean = state.setdefault("momentum", torch.zeros_like(p))
                mean.mul_(group["momentum"]).add_(p.grad)
                ahead = p.grad.add(mean, alpha=group["momentum"]).reshape(len(p), -1)  # (outputs, inputs · places)
                # A tall matrix has fewer orthonormal directions than rows: its step is made as long as a square one's.
                scale = max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(orthogonal(ahead, self._dtype).reshape(p.shape), alpha=-group["lr"] * scale)
