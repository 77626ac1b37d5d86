"""Triplet loss (Schroff, Kalenichenko & Philbin 2015): the positive nearer than the negative, by a margin."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.compare import Comparison
from twinnet.core.errors import ConfigError
from twinnet.losses.base import LossOutput, PairIndex, Relation, TripletIndex, in_float32
from twinnet.losses.exact_triplet import hinge_sum, n_triplets, violation_sum
from twinnet.losses.grid import Grid, grid_of, hard_grid, mined
from twinnet.losses.matrix import miner_of
from twinnet.pairs.miners import Miner

TripletMean = Literal["active", "all"]


def triplet(ap: Float[Tensor, "*t"], an: Float[Tensor, "*t"], margin: float) -> Float[Tensor, "*t"]:
    """max(0, ap − an + margin), element by element."""
    return functional.relu(ap - an + margin)


def soft_triplet(ap: Float[Tensor, "*t"], an: Float[Tensor, "*t"], margin: float = 0.0) -> Float[Tensor, "*t"]:
    """log(1 + exp(ap − an + margin)): never quite 0, so solved triplets go on pulling (Hermans et al. 2017)."""
    return functional.softplus(ap - an + margin)


class Triplet(nn.Module):
    """Over all triplets of a batch, those a miner chooses, or the given ones.

    Averaging over active triplets keeps the step size when most are solved (Hermans, Beyer & Leibe 2017, batch-all).
    `soft` puts log(1 + eˣ) in the place of the hinge (give margin 0 for the paper's); `swap` takes the negative's
    distance from the anchor or from the positive, whichever is nearer (Balntas et al. 2016). A miner of pairs stands
    for all triplets that its genuine and impostor pairs form at one anchor.
    """

    name = "triplet"

    def __init__(
        self,
        comparison: Comparison,
        margin: float = 0.2,
        *,
        mean: TripletMean = "active",
        soft: bool = False,
        swap: bool = False,
        miner: Miner | str | None = None,
    ) -> None:
        super().__init__()
        self.comparison = comparison
        self.margin, self.mean, self.soft, self.swap = margin, mean, bool(soft), bool(swap)
        self.miner = miner_of(miner)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)`, a pair matrix or triplets → the value."""
        if isinstance(relation, PairIndex):
            raise ConfigError(
                "the triplet loss needs identities or triplets, and this data gives pairs. "
                "Next: use --loss contrastive."
            )
        if isinstance(relation, TripletIndex):
            anchor, positive = embeddings[relation.anchor], embeddings[relation.positive]  # (T, D)
            negative = embeddings[relation.negative]
            paired = self.comparison.paired
            pn = paired(positive, negative) if self.swap else None
            return self._over_given(paired(anchor, positive), paired(anchor, negative), pn)
        grid = grid_of(relation, self.name)
        distance = self.measure(embeddings, embeddings)  # (B, B)
        if self.miner is None or grid.labels is None:
            return self.over(distance, grid)
        chosen = self.miner(distance.detach(), grid.labels)
        if not isinstance(chosen, TripletIndex):
            return self.over(distance, mined(grid, distance, lambda *_: chosen))
        a, p, n = chosen.anchor, chosen.positive, chosen.negative
        real = grid.same[a, p] & grid.different[a, n]  # not a copy of the anchor
        a, p, n = a[real], p[real], n[real]
        return self._over_given(distance[a, p], distance[a, n], distance[p, n] if self.swap else None)

    def measure(self, a: Tensor, b: Tensor) -> Tensor:
        """`(B, D), (M, D)` → distances `(B, M)`."""
        return self.comparison.cross(a, b)

    def over(self, measured: Tensor, grid: Grid) -> LossOutput:
        """All triplets of the grid, exactly."""
        same, different = hard_grid(grid, self.name).same, grid.different
        if self.swap and len(measured) != measured.shape[1]:
            raise ConfigError("anchor swap needs the distances between candidates. Next: use swap without a memory.")
        if self.soft or self.swap:
            value, n_active = violation_sum(
                measured, same, different, self.margin, soft=self.soft, swap=self.swap
            )  # fmt: skip
        else:
            value, n_active = hinge_sum(measured, same, different, self.margin)
        return self._mean(value, n_active, n_triplets(same, different))

    def _over_given(self, ap: Tensor, an: Tensor, pn: Tensor | None) -> LossOutput:
        nearest = an if pn is None else torch.minimum(an, pn)
        values = (soft_triplet if self.soft else triplet)(ap, nearest, self.margin)  # (T,)
        return self._mean(values.sum(), int((values.detach() > 0).sum()), len(values))

    def _mean(self, value: Tensor, n_active: int, n_tuples: int) -> LossOutput:
        return LossOutput(
            value / max(1, n_active if self.mean == "active" else n_tuples), n_tuples, n_active / max(1, n_tuples)
        )
