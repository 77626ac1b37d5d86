"""Triplet loss (Schroff, Kalenichenko & Philbin 2015): the positive nearer than the negative, by a margin."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.compare import Comparison
from twinnet.core.errors import ConfigError
from twinnet.losses.base import LossOutput, PairIndex, Relation, TripletIndex


def triplet(ap: Float[Tensor, "*t"], an: Float[Tensor, "*t"], margin: float) -> Float[Tensor, "*t"]:
    """max(0, ap − an + margin), element by element."""
    return functional.relu(ap - an + margin)


class Triplet(nn.Module):
    """Over all triplets of a batch, or the given ones; the mean is over those that are still active.

    Averaging over active triplets keeps the step size when most are solved (Hermans, Beyer & Leibe 2017, batch-all).
    """

    def __init__(self, comparison: Comparison, margin: float = 0.2) -> None:
        super().__init__()
        self.comparison = comparison
        self.margin = margin

    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` or triplets → the value."""
        if isinstance(relation, PairIndex):
            raise ConfigError(
                "the triplet loss needs identities or triplets, and this data gives pairs. Next: use --loss contrastive."
            )
        if isinstance(relation, TripletIndex):
            anchor = embeddings[relation.anchor]
            ap = self.comparison.paired(anchor, embeddings[relation.positive])  # (T,)
            an = self.comparison.paired(anchor, embeddings[relation.negative])  # (T,)
        else:
            distance = self.comparison.cross(embeddings, embeddings)  # (B, B)
            same = relation[:, None] == relation[None]  # (B, B)
            a, p = torch.nonzero(same.triu(1) | same.tril(-1), as_tuple=True)  # genuine pairs, both ways
            ap = distance[a, p][:, None]  # (G, 1)
            # A same-identity "negative" is moved to infinity, where its hinge is zero.
            an = distance.masked_fill(same, torch.inf)[a]  # (G, B)
            ap = ap.expand_as(an)
        values = triplet(ap, an, self.margin)
        n_tuples = int(torch.isfinite(an).sum())
        n_active = (values.detach() > 0).sum()
        value = values.sum() / n_active.clamp(min=1)
        return LossOutput(value, n_tuples, float(n_active) / max(1, n_tuples))
