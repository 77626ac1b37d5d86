"""What may be known of a batch, in PyTorch: labels, pairs, triplets, a matrix of pairs, an episode.

Everything here is an index or a fact about rows of one batch; no embedding and no pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels `(B,)`, and items `(B,)`: rows with the same item number are copies of one item and are not compared."""

    labels: Tensor
    items: Tensor


@dataclass(frozen=True, slots=True)
class PairIndex:
    """Given pairs inside a batch: rows `(P,)`, `(P,)`, whether they are the same `(P,)`: bool, or in [0, 1]."""

    first: Tensor
    second: Tensor
    same: Tensor


@dataclass(frozen=True, slots=True)
class TripletIndex:
    """Given triplets inside a batch: three row indices `(T,)`."""

    anchor: Tensor
    positive: Tensor
    negative: Tensor


@dataclass(frozen=True, slots=True)
class PairMatrix:
    """Every pair of a batch `(B, B)`: bool, or 1 the same, 0 different, between them unsure, negative unknown.

    Row a is what is known with a as anchor; the matrix need not be symmetric. The diagonal is never looked at.
    """

    same: Tensor


@dataclass(frozen=True, slots=True)
class EpisodeIndex:
    """N-way K-shot inside a batch: rows `support (N, K)`, `probe (Q,)`; `target (Q,)` are rows of support."""

    support: Tensor
    probe: Tensor
    target: Tensor


Relation = Tensor | Labels | PairIndex | TripletIndex | PairMatrix | EpisodeIndex
"""What is known of a batch. A bare tensor is labels `(B,)`. Not every loss can learn from every kind."""


def shares_any(labels: Tensor) -> PairMatrix:
    """Multi-label items `(B, L)`, non-zero where the item has the label: two are the same if they share any."""
    has = (labels != 0).float()  # (B, L)
    return PairMatrix(has @ has.T > 0)  # (B, L) @ (L, B) -> (B, B)
