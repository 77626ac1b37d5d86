"""The nouns everything speaks. Frozen, NumPy only; shapes are stated with B batch, N items, P pairs, T triplets.

One orientation: everything measured is a distance, lower is more alike, and *same* means distance < threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Image = npt.NDArray[np.uint8]  # (H, W, C), C = 1 or 3

Item = str | Path | bytes | npt.NDArray[Any]
"""What a user may hand over: a path, encoded bytes, or an `(H, W)` / `(H, W, C)` uint8 array."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Who is compared with whom: indices `(P,)` into a data set or batch, and whether the two are the same."""

    first: IntArray
    second: IntArray
    same: BoolArray

    def __post_init__(self) -> None:
        if not len(self.first) == len(self.second) == len(self.same):
            raise ValueError(f"lengths differ: {len(self.first)}, {len(self.second)}, {len(self.same)}")

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, slots=True)
class Triplets:
    """Indices `(T,)`: the anchor should be nearer to the positive than to the negative."""

    anchor: IntArray
    positive: IntArray
    negative: IntArray

    def __post_init__(self) -> None:
        if not len(self.anchor) == len(self.positive) == len(self.negative):
            raise ValueError(f"lengths differ: {len(self.anchor)}, {len(self.positive)}, {len(self.negative)}")

    def __len__(self) -> int:
        return len(self.anchor)


@dataclass(frozen=True, slots=True)
class Episode:
    """One N-way K-shot question: `support (N, K)`, `probe (Q,)`, and each probe's row of support, `target (Q,)`."""

    support: IntArray
    probe: IntArray
    target: IntArray


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and how sure it is; `level` is the coverage, `method` says how it was made."""

    low: float
    point: float
    high: float
    level: float = 0.95
    method: str = ""

    def __str__(self) -> str:
        return f"{self.point:.4g} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """FAR and FRR `(K,)` at each of ascending thresholds `(K,)`, where same means distance < threshold."""

    threshold: FloatArray
    far: FloatArray
    frr: FloatArray
    n_genuine: int
    n_impostor: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to *same or different?*; `far`, where measured, is the false-accept rate of the rule's verdicts (its
    band's, where it has one).
    """

    same: bool
    abstained: bool
    distance: float
    threshold: float
    probability: float | None
    far: Interval | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """One item that a long run passed over, and why."""

    item: str
    reason: str
