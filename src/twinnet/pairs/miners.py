"""Which tuples of a batch are worth learning from. A miner is a function of distances `(B, B)` and labels `(B,)`.

It answers with rows of the batch (`PairIndex`, `TripletIndex`) or with a weight for every pair `(B, B)`. Its answer may
be empty. It sees distances without a gradient. Those below that need a number are functions which make a miner.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from twinnet.pairs.index import PairIndex, TripletIndex

Miner = Callable[[Tensor, Tensor], PairIndex | TripletIndex | Tensor]
Distances = Float[Tensor, "b b"]
Batch = Int[Tensor, " b"]


def kinds(labels: Batch) -> tuple[Bool[Tensor, "b b"], Bool[Tensor, "b b"]]:
    """Which pairs are the same and which are different; an item with itself is neither."""
    same = labels[:, None] == labels[None]
    different = ~same
    return same.fill_diagonal_(False), different


def batch_hard(distances: Distances, labels: Batch) -> TripletIndex:
    """For every anchor its farthest positive and its nearest negative (Hermans, Beyer & Leibe 2017)."""
    same, different = kinds(labels)
    return _one_each(distances.masked_fill(~same, -torch.inf).argmax(1), distances, same, different)


def easy_positive(distances: Distances, labels: Batch) -> TripletIndex:
    """For every anchor its nearest positive and its nearest negative (Xuan, Stylianou & Pless 2020).

    A class of several clusters then need not become one.
    """
    same, different = kinds(labels)
    return _one_each(distances.masked_fill(~same, torch.inf).argmin(1), distances, same, different)


def semi_hard(distances: Distances, labels: Batch) -> TripletIndex:
    """For every genuine pair the nearest negative that is farther than the positive (Schroff et al. 2015).

    A pair without such a negative gives no triplet. Whether it lies within the margin is for the loss to see.
    """
    same, different = kinds(labels)
    ascending, order = distances.masked_fill(~different, torch.inf).sort(1)  # (B, B)
    anchor, positive = same.nonzero(as_tuple=True)  # (G,)
    place = torch.searchsorted(ascending, distances, right=True)[anchor, positive]  # negatives not farther than it
    found = place < different.sum(1)[anchor]
    anchor, positive, place = anchor[found], positive[found], place[found]
    return TripletIndex(anchor, positive, order[anchor, place])


def violating(margin: float) -> Miner:
    """Every triplet that breaks the margin, one by one: for looking at, since the loss over all needs no list."""

    def mine(distances: Distances, labels: Batch) -> TripletIndex:
        same, different = kinds(labels)
        anchor, positive = same.nonzero(as_tuple=True)  # (G,)
        broken = distances[anchor] < (distances[anchor, positive] + margin)[:, None]  # (G, B)
        pair, negative = (broken & different[anchor]).nonzero(as_tuple=True)
        return TripletIndex(anchor[pair], positive[pair], negative)

    return mine


def hardest(k: int) -> Miner:
    """All genuine pairs, and for every anchor its k nearest negatives."""

    def mine(distances: Distances, labels: Batch) -> PairIndex:
        same, different = kinds(labels)
        near, candidate = distances.masked_fill(~different, torch.inf).topk(
            min(k, len(labels)), largest=False
        )  # (B, k)
        anchor = torch.arange(len(labels), device=labels.device)[:, None].expand_as(candidate)
        real = torch.isfinite(near)
        return _pairs(same.nonzero(as_tuple=True), (anchor[real], candidate[real]))

    return mine


def multi_similarity(epsilon: float = 0.1) -> Miner:
    """Negatives nearer than the farthest positive + ε, positives farther than the nearest negative − ε (Wang 2019)."""

    def mine(distances: Distances, labels: Batch) -> PairIndex:
        same, different = kinds(labels)
        farthest = distances.masked_fill(~same, -torch.inf).amax(1, keepdim=True)  # (B, 1)
        nearest = distances.masked_fill(~different, torch.inf).amin(1, keepdim=True)
        positives = same & (distances + epsilon > nearest)
        negatives = different & (distances - epsilon < farthest)
        return _pairs(positives.nonzero(as_tuple=True), negatives.nonzero(as_tuple=True))

    return mine


def near(temperature: float) -> Miner:
    """Weights: each anchor's negatives by softmax(−d / temperature), mean weight 1; every positive has weight 1."""

    def mine(distances: Distances, labels: Batch) -> Tensor:
        same, different = kinds(labels)
        share = (-distances / temperature).masked_fill(~different, -torch.inf).softmax(1).nan_to_num(0.0)
        return torch.where(same, 1.0, share * different.sum(1, keepdim=True))

    return mine


def _one_each(positive: Tensor, distances: Tensor, same: Tensor, different: Tensor) -> TripletIndex:
    negative = distances.masked_fill(~different, torch.inf).argmin(1)  # (B,)
    anchor = (same.any(1) & different.any(1)).nonzero()[:, 0]
    return TripletIndex(anchor, positive[anchor], negative[anchor])


def _pairs(genuine: tuple[Tensor, ...], impostor: tuple[Tensor, ...]) -> PairIndex:
    first, second = (torch.cat([g, i]) for g, i in zip(genuine, impostor, strict=True))
    same = torch.arange(len(first), device=first.device) < len(genuine[0])
    return PairIndex(first, second, same)


MINERS: dict[str, Miner] = {"batch_hard": batch_hard, "easy_positive": easy_positive, "semi_hard": semi_hard}
"""Those that need no number, by name, for settings that are saved as text."""
