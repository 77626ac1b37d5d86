"""The three comparisons in NumPy, `(N, D)` float32 in and distances out; `twinnet.compare` has them for torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twinnet.core.types import FloatArray

Embeddings = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Compared:
    """`name` is cosine, euclidean or learned; `weight (D,)` and `bias` belong to the last. Raises ValueError."""

    name: str
    weight: Embeddings | None = None
    bias: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in ("cosine", "euclidean", "learned") or (self.name == "learned") != (self.weight is not None):
            raise ValueError(f"comparison {self.name!r}")

    def paired(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """Row by row, `(P, D), (P, D)` → `(P,)`."""
        if self.weight is not None:
            found = np.logaddexp(0, np.abs(a - b) @ self.weight - np.float32(self.bias))
        elif self.name == "cosine":
            found = 1 - np.clip((_unit(a) * _unit(b)).sum(axis=1), -1, 1)
        else:
            found = np.linalg.norm(a - b, axis=1)
        return np.asarray(found, np.float64)

    def cross(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """All against all, `(N, D), (M, D)` → `(N, M)`."""
        if self.name == "cosine":
            return np.asarray(1 - np.clip(_unit(a) @ _unit(b).T, -1, 1), np.float64)
        rows = [self.paired(np.broadcast_to(row, b.shape), b) for row in a]
        return np.stack(rows) if rows else np.zeros((0, len(b)))


def _unit(x: Embeddings) -> Embeddings:
    length = np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return np.asarray(x / length, np.float32)
