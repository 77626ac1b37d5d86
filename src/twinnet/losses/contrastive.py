"""Contrastive loss (Hadsell, Chopra & LeCun 2006): draw genuine pairs together, push impostors beyond a margin."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.compare import Comparison
from twinnet.losses.base import LossOutput, Relation, balanced_mean, compare_pairs


def contrastive(distance: Float[Tensor, " p"], same: Bool[Tensor, " p"], margin: float) -> Float[Tensor, " p"]:
    """½ d² for a genuine pair, ½ max(0, margin − d)² for an impostor pair; equation 4 of the paper."""
    return 0.5 * torch.where(same, distance, functional.relu(margin - distance)).square()


class Contrastive(nn.Module):
    """Over all pairs of a batch, or the given ones; genuine and impostor pairs weigh the same in total."""

    def __init__(self, comparison: Comparison, margin: float = 1.0) -> None:
        super().__init__()
        self.comparison = comparison
        self.margin = margin

    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)`, pairs or triplets → the value."""
        compare = self.comparison
        distance, same = compare_pairs(compare.paired, compare.cross, embeddings, relation)  # (P,), (P,)
        values = contrastive(distance, same, self.margin)
        active = float((values.detach() > 0).float().mean()) if len(values) else 0.0
        return LossOutput(balanced_mean(values, same), len(values), active)
