"""The wrapper that SupCon, NT-Xent, multi-similarity, circle and NCA share: a formula per anchor, and its mean."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from twinnet.compare import Comparison, Euclidean
from twinnet.compare.cross import squared_euclidean_cross
from twinnet.losses.base import LossOutput, Relation, in_float32
from twinnet.losses.grid import Grid, grid_of, hard_grid, mined
from twinnet.losses.matrix import miner_of
from twinnet.losses.reduce import nearest_is_wrong, over_anchors, over_genuine_pairs
from twinnet.pairs.miners import Miner

Formula = Callable[[Tensor, Grid], Tensor]
"""What is measured `(B, M)` and what is known of it → a value for every anchor `(B,)`."""


class OverAnchors(nn.Module):
    """The mean of a formula over anchors that have a positive and a negative.

    With `incomplete` anchors count that have either; with `by_pair` the formula is a sum over an anchor's genuine
    pairs, and the mean is over all of these. `squared` asks the comparison for d². *active* is the share of anchors
    whose nearest candidate is a negative, or whose value is above `wrong_above`, which is quicker.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        name: str,
        comparison: Comparison,
        formula: Formula,
        *,
        incomplete: bool = False,
        by_pair: bool = False,
        squared: bool = False,
        wrong_above: float | None = None,
        class_weights: Tensor | None = None,
        miner: Miner | str | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.comparison = comparison
        self.formula = formula
        self.incomplete, self.by_pair, self.squared = incomplete, by_pair, squared
        self.wrong_above = wrong_above
        self.register_buffer("class_weights", class_weights)
        self.miner = miner_of(miner)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` or a pair matrix → the value."""
        grid = grid_of(relation, self.name)
        measured = self.measure(embeddings, embeddings)  # (B, B)
        if self.miner is not None:
            known = measured.detach()
            grid = mined(grid, known.clamp(min=0).sqrt() if self.squared else known, self.miner)
        return self.over(measured, grid)

    def measure(self, a: Tensor, b: Tensor) -> Tensor:
        """`(B, D), (M, D)` → distances `(B, M)`, squared if the loss is."""
        if not self.squared:
            return self.comparison.cross(a, b)
        if isinstance(self.comparison, Euclidean):
            return squared_euclidean_cross(a, b)
        return self.comparison.cross(a, b).square()

    def over(self, measured: Tensor, grid: Grid) -> LossOutput:
        """The mean over the anchors, or genuine pairs, that count."""
        hard_grid(grid, self.name)
        values = self.formula(measured, grid)  # (B,)
        counted = grid.same.any(1) | grid.different.any(1) if self.incomplete else grid.complete()
        limit = self.wrong_above
        wrong = nearest_is_wrong(measured, grid) if limit is None else values.detach() > limit
        if self.by_pair:
            return over_genuine_pairs(values, counted, wrong, grid.same)
        return over_anchors(values, counted, wrong, grid.labels, self.class_weights)
