"""Binary cross-entropy on the probability of being the same (Koch, Zemel & Salakhutdinov 2015)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.compare import Comparison, Learned
from twinnet.losses.base import LossOutput, PairIndex, Relation, TripletIndex, in_float32
from twinnet.losses.grid import Grid, given_pairs, grid_of, mined
from twinnet.losses.matrix import miner_of
from twinnet.losses.reduce import KindMean, over_kinds, over_soft_kinds
from twinnet.pairs.miners import Miner
from twinnet.pairs.miners import hardest as hardest_negatives


def bce(logit: Float[Tensor, "*p"], same: Bool[Tensor, "*p"]) -> Float[Tensor, "*p"]:
    """−log p for a genuine pair, −log(1 − p) for an impostor pair, p = sigmoid(logit), from the logit: no overflow."""
    return functional.softplus(torch.where(same, -logit, logit))


class BCE(nn.Module):
    """Over all pairs of a batch, or the given ones; by default genuine and impostor pairs weigh the same in total.

    The learned comparison brings its own logit. Any other distance d gets one here, logit = scale · (offset − d), with
    scale and offset learned beside the encoder and thrown away with the loss: calibration finds its own later.
    `hardest` k keeps of every anchor's negatives only the k nearest. Soft targets t weigh the terms with t and 1 − t.
    """

    name = "bce"

    def __init__(
        self,
        comparison: Comparison,
        scale: float = 10.0,
        offset: float = 0.8,
        *,
        hardest: int = 0,
        mean: KindMean = "balanced",
        miner: Miner | str | None = None,
    ) -> None:
        super().__init__()
        self.comparison = comparison
        self.log_scale = nn.Parameter(torch.tensor(scale).log())
        self.offset = nn.Parameter(torch.tensor(offset))
        self.mean = mean
        self.miner = hardest_negatives(int(hardest)) if hardest else miner_of(miner)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)`, a pair matrix, pairs or triplets → the value."""
        compare = self.comparison
        if isinstance(relation, PairIndex | TripletIndex):
            pairs = given_pairs(relation)
            a, b = embeddings[pairs.first], embeddings[pairs.second]  # (P, D)
            logit = compare.logit(a, b) if isinstance(compare, Learned) else self._logit(compare.paired(a, b))
            different = ~pairs.same if pairs.same.dtype == torch.bool else 1 - pairs.same
            return self.over(logit, Grid(pairs.same, different))
        grid = grid_of(relation, self.name)
        logit = self.measure(embeddings, embeddings)  # (B, B)
        if self.miner is not None:
            with torch.no_grad():
                learned = isinstance(compare, Learned)
                distance = functional.softplus(-logit) if learned else compare.cross(embeddings, embeddings)
            grid = mined(grid, distance, self.miner)
        return self.over(logit, grid)

    def measure(self, a: Tensor, b: Tensor) -> Tensor:
        """`(B, D), (M, D)` → the log odds of *same* `(B, M)`."""
        compare = self.comparison
        return compare.cross_logit(a, b) if isinstance(compare, Learned) else self._logit(compare.cross(a, b))

    def _logit(self, distance: Tensor) -> Tensor:
        return self.log_scale.exp() * (self.offset - distance)

    def over(self, measured: Tensor, grid: Grid) -> LossOutput:
        """Log odds of any shape, and what is known of each."""
        if grid.hard:
            value = over_kinds(bce(measured, grid.same), grid.same, grid.different, self.mean)
        else:
            pull, push = functional.softplus(-measured), functional.softplus(measured)
            value = over_soft_kinds(pull, push, grid.same, grid.different, self.mean)
        # Every pair of a cross-entropy pulls; those with the wrong sign are the ones still to learn.
        called_same = measured.detach() > 0
        wrong = called_same & (grid.different > grid.same) | ~called_same & (grid.same > grid.different)
        n = grid.n_pairs()
        return LossOutput(value, n, int(wrong.count_nonzero()) // (2 if grid.twice else 1) / max(1, n))
