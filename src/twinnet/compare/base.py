"""What a comparison is: two ways to ask for distances."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Comparison(Protocol):
    """Distances between embeddings: symmetric, never negative, lower is more alike."""

    def paired(self, a: Tensor, b: Tensor) -> Tensor:
        """Row by row: `(P, D), (P, D)` → `(P,)`."""
        ...

    def cross(self, a: Tensor, b: Tensor) -> Tensor:
        """All against all: `(N, D), (M, D)` → `(N, M)`."""
        ...
