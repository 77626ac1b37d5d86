"""What a loss is given and what it answers, and the two rules all share: a float32 core, and no silent zero."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from twinnet.core.errors import ConfigError
from twinnet.pairs.index import EpisodeIndex, Labels, PairIndex, PairMatrix, Relation, TripletIndex

__all__ = [
    "EpisodeIndex",
    "Labels",
    "Loss",
    "LossOutput",
    "PairIndex",
    "PairMatrix",
    "Relation",
    "TripletIndex",
    "in_float32",
    "labels_of",
    "nothing",
]


@dataclass(frozen=True, slots=True)
class LossOutput:
    """The value to minimise, of how many tuples, and the share of them that still pull or push."""

    value: Tensor
    n_tuples: int
    active: float


class Loss(Protocol):
    """`(B, D)` embeddings and what is known of them → a value. Nothing compared is `n_tuples = 0`, never a silent 0."""

    def __call__(self, embeddings: Tensor, relation: Relation) -> LossOutput: ...


Self = TypeVar("Self", bound=nn.Module)
Forward = Callable[[Self, Tensor, Relation], LossOutput]


def in_float32(forward: Forward[Self]) -> Forward[Self]:
    """Run a loss's `forward` in float32 at least, whatever autocast says: half floats overflow at 65,504.

    A batch of no items is answered here, for all of them alike.
    """

    @functools.wraps(forward)
    def wrapped(self: Self, embeddings: Tensor, relation: Relation) -> LossOutput:
        device = embeddings.device.type
        if embeddings.dtype in (torch.float16, torch.bfloat16):
            embeddings = embeddings.float()
        if not len(embeddings):
            return nothing(embeddings)
        on = torch.is_autocast_enabled(device)
        with torch.autocast(device, enabled=False) if on else nullcontext():
            return forward(self, embeddings, relation)

    return wrapped


def labels_of(relation: Relation, loss: str) -> Tensor:
    """The labels `(B,)`, or an error for data that has none."""
    if isinstance(relation, Labels):
        return relation.labels
    if not isinstance(relation, Tensor):
        raise ConfigError(
            f"the {loss} loss needs identities, and this data gives only pairs or triplets. "
            "Next: use --loss contrastive or --loss bce, or give a folder per identity."
        )
    return relation


def nothing(embeddings: Tensor) -> LossOutput:
    """The answer for a batch that holds nothing to compare: gradient zero, and it says so."""
    return LossOutput(embeddings.sum() * 0, 0, 0.0)
