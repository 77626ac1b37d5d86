"""Anchors against candidates as two masks: the one form in which all-pairs losses see what is known of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from twinnet.core.errors import ConfigError
from twinnet.losses.base import labels_of
from twinnet.pairs.index import EpisodeIndex, Labels, PairIndex, PairMatrix, Relation, TripletIndex
from twinnet.pairs.miners import Miner


@dataclass(frozen=True, slots=True)
class Grid:
    """`same` and `different`, each `(B, M)`: bool, or float weights where the truth is soft or a miner weighs pairs.

    A pair that is neither is not compared: an item with itself, a copy of it, or a pair of which nothing is known.
    `labels (B,)` are those of the anchors, if there are any; `twice` says each pair stands here in both directions.
    """

    same: Tensor
    different: Tensor
    labels: Tensor | None = None
    twice: bool = False

    @property
    def hard(self) -> bool:
        """Whether every pair is simply the same, different, or left out."""
        return self.same.dtype == torch.bool

    def complete(self) -> Tensor:
        """Which anchors `(B,)` have a positive and a negative."""
        return (self.same.count_nonzero(1) > 0) & (self.different.count_nonzero(1) > 0)

    def n_pairs(self) -> int:
        """How many pairs are compared, each counted once."""
        n = int(self.same.count_nonzero() + self.different.count_nonzero())
        if not self.hard:
            n -= int(((self.same != 0) & (self.different != 0)).sum())
        return n // 2 if self.twice else n


def grid_of(relation: Relation, loss: str) -> Grid:
    """The grid of a batch against itself; given pairs and triplets have none, and `loss` says so."""
    if isinstance(relation, PairMatrix):
        return _of_matrix(relation.same)
    labels = labels_of(relation, loss)
    items = relation.items if isinstance(relation, Labels) else None
    return grid_between(labels, labels, items, items, itself=True)


def grid_between(
    labels: Tensor, others: Tensor, items: Tensor | None = None, other_items: Tensor | None = None, *, itself: bool
) -> Grid:
    """Labels `(B,)` against `(M,)`; with `itself`, the first B candidates are the anchors themselves."""
    same = labels[:, None] == others[None]  # (B, 1), (1, M) -> (B, M)
    different = ~same
    if itself:
        same.fill_diagonal_(False)
    if items is not None and other_items is not None:
        copies = items[:, None] == other_items[None]
        same &= ~copies
        different &= ~copies
    return Grid(same, different, labels, twice=itself and len(labels) == len(others))


def _of_matrix(known: Tensor) -> Grid:
    other = ~torch.eye(len(known), dtype=torch.bool, device=known.device)
    if known.dtype == torch.bool:
        return Grid(known & other, ~known & other)
    sure = (known == 0) | (known == 1) | (known < 0)
    if bool((sure | ~other).all()):
        return Grid((known == 1) & other, (known == 0) & other)
    if bool((known > 1).any()):
        raise ConfigError(f"a pair's target must be at most 1, the same; got {float(known.max()):.4g}.")
    weight = ((known >= 0) & other).to(known.dtype if known.is_floating_point() else torch.float32)
    return Grid(known.clamp(min=0) * weight, (1 - known) * weight)


def hard_grid(grid: Grid, loss: str) -> Grid:
    """The grid, or an error for a loss that cannot weigh single pairs."""
    if not grid.hard:
        raise ConfigError(
            f"the {loss} loss needs pairs that are the same or different, and these are soft or weighted. "
            "Next: use contrastive or bce, or round the targets."
        )
    return grid


def mined(grid: Grid, distances: Tensor, miner: Miner) -> Grid:
    """What the miner leaves of the grid; `distances (B, B)` carry no gradient to it."""
    if grid.labels is None:
        raise ConfigError("a miner chooses by labels, and this batch has none. Next: leave the miner out.")
    choice = miner(distances.detach(), grid.labels)
    if isinstance(choice, Tensor):
        return Grid(grid.same * choice, grid.different * choice, grid.labels)
    if isinstance(choice, TripletIndex):
        a = torch.cat([choice.anchor, choice.anchor])
        chosen = _marked(grid.same, a, torch.cat([choice.positive, choice.negative]))
    else:
        chosen = _marked(grid.same, choice.first, choice.second)
    return Grid(grid.same & chosen, grid.different & chosen, grid.labels)


def _marked(like: Tensor, row: Tensor, column: Tensor) -> Tensor:
    mask = torch.zeros_like(like)
    mask[row, column] = True
    return mask


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


__all__ = ["EpisodeIndex", "Grid", "given_pairs", "grid_between", "grid_of", "hard_grid", "mined"]
