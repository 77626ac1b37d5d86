"""Contrastive loss (Hadsell, Chopra & LeCun 2006): draw genuine pairs together, push impostors beyond a margin."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.compare import Comparison
from twinnet.losses.base import LossOutput, PairIndex, Relation, TripletIndex, in_float32
from twinnet.losses.grid import Grid, given_pairs
from twinnet.losses.matrix import miner_of, over_batch
from twinnet.losses.reduce import KindMean, over_kinds, over_soft_kinds
from twinnet.pairs.miners import Miner

Power = Literal[1, 2]


def contrastive(
    distance: Float[Tensor, "*p"],
    same: Bool[Tensor, "*p"],
    margin: float,
    positive_margin: float = 0.0,
    power: Power = 2,
) -> Float[Tensor, "*p"]:
    """½ max(0, d − m⁺)² for a genuine pair, ½ max(0, m − d)² for an impostor pair; equation 4 of the paper has m⁺ = 0.

    With power 1 the hinges are left as they are, without ½.
    """
    short = functional.relu(torch.where(same, distance - positive_margin, margin - distance))
    return short if power == 1 else 0.5 * short.square()


class Contrastive(nn.Module):
    """Over all pairs of a batch, or the given ones; by default genuine and impostor pairs weigh the same in total.

    Soft targets t in [0, 1] weigh the two terms with t and 1 − t. A batch of one class only draws, one without genuine
    pairs only pushes.
    """

    name = "contrastive"

    def __init__(
        self,
        comparison: Comparison,
        margin: float = 1.0,
        positive_margin: float = 0.0,
        *,
        power: Power = 2,
        mean: KindMean = "balanced",
        miner: Miner | str | None = None,
    ) -> None:
        super().__init__()
        self.comparison = comparison
        self.margin, self.positive_margin = margin, positive_margin
        self.power, self.mean = power, mean
        self.miner = miner_of(miner)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)`, a pair matrix, pairs or triplets → the value."""
        if isinstance(relation, PairIndex | TripletIndex):
            pairs = given_pairs(relation)
            distance = self.measure_pairs(embeddings[pairs.first], embeddings[pairs.second])  # (P,)
            return self.over(distance, Grid(pairs.same, _not(pairs.same)))
        return over_batch(self, embeddings, relation)

    def measure(self, a: Tensor, b: Tensor) -> Tensor:
        """`(B, D), (M, D)` → distances `(B, M)`."""
        return self.comparison.cross(a, b)

    def measure_pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """`(P, D), (P, D)` → distances `(P,)`."""
        return self.comparison.paired(a, b)

    def over(self, measured: Tensor, grid: Grid) -> LossOutput:
        """Distances of any shape, and what is known of each."""
        form = self.margin, self.positive_margin, self.power
        if grid.hard:
            values = contrastive(measured, grid.same, *form)
            value = over_kinds(values, grid.same, grid.different, self.mean)
            live = (values.detach() > 0) & (grid.same | grid.different)
        else:
            every = torch.ones_like(measured, dtype=torch.bool)
            pull, push = contrastive(measured, every, *form), contrastive(measured, ~every, *form)
            value = over_soft_kinds(pull, push, grid.same, grid.different, self.mean)
            live = pull.detach() * grid.same + push.detach() * grid.different > 0
        n = grid.n_pairs()
        n_live = int(live.count_nonzero()) // (2 if grid.twice else 1)
        return LossOutput(value, n, n_live / max(1, n))


def _not(same: Tensor) -> Tensor:
    return ~same if same.dtype == torch.bool else 1 - same
