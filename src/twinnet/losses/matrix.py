"""The one way a loss over anchors × candidates meets a batch; it is also how a memory of past batches reaches it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from twinnet.core.errors import ConfigError
from twinnet.losses.base import LossOutput, Relation
from twinnet.losses.grid import Grid, grid_of, mined
from twinnet.pairs.miners import MINERS, Miner


@runtime_checkable
class MatrixLoss(Protocol):
    """A loss that needs of the embeddings only what is measured between every anchor and every candidate."""

    name: str
    miner: Miner | None

    def measure(self, a: Tensor, b: Tensor) -> Tensor:
        """`(B, D), (M, D)` → `(B, M)`: a distance, or what the loss takes in its place."""
        ...

    def over(self, measured: Tensor, grid: Grid) -> LossOutput:
        """The loss over what the grid knows."""
        ...


def over_batch(loss: MatrixLoss, embeddings: Tensor, relation: Relation) -> LossOutput:
    """A batch `(B, D)` against itself."""
    grid = grid_of(relation, loss.name)
    measured = loss.measure(embeddings, embeddings)  # (B, B)
    if loss.miner is not None:
        grid = mined(grid, measured, loss.miner)
    return loss.over(measured, grid)


def miner_of(miner: Miner | str | None) -> Miner | None:
    """A miner, by itself or by name."""
    if isinstance(miner, str):
        if miner not in MINERS:
            raise ConfigError(f"miner {miner!r} is unknown. Known: {', '.join(sorted(MINERS))}; or pass a function.")
        return MINERS[miner]
    return miner
