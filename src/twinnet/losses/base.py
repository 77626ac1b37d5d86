"""What a loss is given and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from twinnet.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PairIndex:
    """Given pairs inside a batch: rows `(P,)`, `(P,)`, and whether they are the same `(P,)` bool."""

    first: Tensor
    second: Tensor
    same: Tensor


@dataclass(frozen=True, slots=True)
class TripletIndex:
    """Given triplets inside a batch: three row indices `(T,)`."""

    anchor: Tensor
    positive: Tensor
    negative: Tensor


Relation = Tensor | PairIndex | TripletIndex
"""What is known of a batch: labels `(B,)`, or pairs, or triplets."""


@dataclass(frozen=True, slots=True)
class LossOutput:
    """The value to minimise, of how many tuples, and the share of them that still pull or push."""

    value: Tensor
    n_tuples: int
    active: float


class Loss(Protocol):
    """`(B, D)` embeddings and what is known of them → a value. Nothing compared is `n_tuples = 0`, never a silent 0."""

    def __call__(self, embeddings: Tensor, relation: Relation) -> LossOutput: ...


def given_pairs(relation: PairIndex | TripletIndex) -> PairIndex:
    """Given pairs as they are; a triplet is one genuine and one impostor pair."""
    if isinstance(relation, PairIndex):
        return relation
    genuine = torch.ones_like(relation.anchor, dtype=torch.bool)
    return PairIndex(
        torch.cat([relation.anchor, relation.anchor]),
        torch.cat([relation.positive, relation.negative]),
        torch.cat([genuine, ~genuine]),
    )


def compare_pairs(
    paired: Callable[[Tensor, Tensor], Tensor],
    cross: Callable[[Tensor, Tensor], Tensor],
    embeddings: Tensor,
    relation: Relation,
) -> tuple[Tensor, Tensor]:
    """What is measured of every pair `(P,)`, and whether it is the same `(P,)`.

    Labels give all pairs i < j, read off one `(B, B)` matrix: gathering the embeddings of all pairs would copy them
    B/2 times, and scatter their gradients back in an order that differs between runs.
    """
    if isinstance(relation, PairIndex | TripletIndex):
        pairs = given_pairs(relation)
        return paired(embeddings[pairs.first], embeddings[pairs.second]), pairs.same
    first, second = torch.triu_indices(len(relation), len(relation), offset=1, device=relation.device)
    return cross(embeddings, embeddings)[first, second], relation[first] == relation[second]


def labels_of(relation: Relation, loss: str) -> Tensor:
    """The labels, or an error for data that has none."""
    if isinstance(relation, PairIndex | TripletIndex):
        raise ConfigError(
            f"the {loss} loss needs identities, and this data gives only pairs or triplets. "
            "Next: use --loss contrastive or --loss bce, or give a folder per identity."
        )
    return relation


def balanced_mean(values: Tensor, same: Tensor) -> Tensor:
    """The mean over genuine and the mean over impostor pairs `(P,)`, averaged, so that many impostors drown nobody."""
    kinds = [values[kind].mean() for kind in (same, ~same) if bool(kind.any())]
    return torch.stack(kinds).mean() if kinds else values.sum()
