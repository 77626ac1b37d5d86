"""Losses that weigh every pair by all the others of its anchor: multi-similarity, circle, NCA."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.compare import Comparison
from twinnet.losses.base import LossOutput, Relation, in_float32
from twinnet.losses.distances import distances, squared_distances
from twinnet.losses.grid import Grid, grid_of, hard_grid, mined
from twinnet.losses.logsumexp import masked_logsumexp
from twinnet.losses.matrix import miner_of, over_batch
from twinnet.losses.reduce import nearest_is_wrong, over_anchors
from twinnet.pairs.miners import Miner

Distances = Float[Tensor, "b m"]
Mask = Bool[Tensor, "b m"]


def multi_similarity(
    distance: Distances, same: Mask, different: Mask, alpha: float, beta: float, base: float
) -> Float[Tensor, " b"]:
    """(1/α) log(1 + Σ_p exp(α (d_ap − λ))) + (1/β) log(1 + Σ_n exp(β (λ − d_an))) for every anchor.

    Wang et al. 2019, equation 11, with d = 1 − s; their λ = 0.5 is ours too.
    """
    pull = functional.softplus(masked_logsumexp(alpha * (distance - base), same)) / alpha  # (B,)
    push = functional.softplus(masked_logsumexp(beta * (base - distance), different)) / beta
    return pull + push


def circle(distance: Distances, same: Mask, different: Mask, margin: float, scale: float) -> Float[Tensor, " b"]:
    """log(1 + Σ_p exp(γ α_p (d_ap − m)) · Σ_n exp(γ α_n (1 − m − d_an))) for every anchor; Sun et al. 2020, equation 6.

    With d = 1 − s, α_p = max(0, d_ap + m) and α_n = max(0, 1 + m − d_an) carry no gradient: the farther from its
    optimum, d = 0 or d = 1, the harder a pair is pulled. 0 for an anchor without a positive or without a negative.
    """
    fixed = distance.detach()
    pull = scale * functional.relu(fixed + margin) * (distance - margin)  # (B, M)
    push = scale * functional.relu(1 + margin - fixed) * (1 - margin - distance)
    both = masked_logsumexp(pull, same) + masked_logsumexp(push, different)  # (B,)
    return torch.where((same.sum(1) > 0) & (different.sum(1) > 0), functional.softplus(both), 0.0)


def nca(logits: Float[Tensor, "b m"], same: Mask, candidates: Mask) -> Float[Tensor, " b"]:
    """−log of the softmax share of all positives together (Goldberger et al. 2004); 0 for an anchor without any."""
    share = masked_logsumexp(logits, candidates) - masked_logsumexp(logits, same)
    return torch.where(same.sum(1) > 0, share, 0.0)


class MultiSimilarity(nn.Module):
    """The mean over anchors that have a positive or a negative; a class of one item only pushes, one class only pulls.

    Made for the cosine distance; `base` is the distance around which pairs begin to count.
    """

    name = "multi_similarity"
    class_weights: Tensor | None

    def __init__(
        self,
        comparison: Comparison,
        alpha: float = 2.0,
        beta: float = 50.0,
        base: float = 0.5,
        *,
        class_weights: Tensor | None = None,
        miner: Miner | str | None = None,
    ) -> None:
        super().__init__()
        self.comparison = comparison
        self.alpha, self.beta, self.base = alpha, beta, base
        self.register_buffer("class_weights", class_weights)
        self.miner = miner_of(miner)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` or a pair matrix → the value."""
        return over_batch(self, embeddings, relation)

    def measure(self, a: Tensor, b: Tensor) -> Tensor:
        """`(B, D), (M, D)` → distances `(B, M)`."""
        return distances(self.comparison, a, b)

    def over(self, measured: Tensor, grid: Grid) -> LossOutput:
        """The mean over anchors with anything to compare."""
        hard_grid(grid, self.name)
        values = multi_similarity(measured, grid.same, grid.different, self.alpha, self.beta, self.base)
        counted = grid.same.any(1) | grid.different.any(1)
        return over_anchors(values, counted, nearest_is_wrong(measured, grid), grid.labels, self.class_weights)


class Circle(nn.Module):
    """The mean over anchors that have a positive and a negative. Made for the cosine distance.

    Paper: m = 0.25, γ = 256 for faces, 128 for people; 0.4 and 80 for fine-grained retrieval, our default.
    """

    name = "circle"
    class_weights: Tensor | None

    def __init__(
        self,
        comparison: Comparison,
        margin: float = 0.4,
        scale: float = 80.0,
        *,
        class_weights: Tensor | None = None,
        miner: Miner | str | None = None,
    ) -> None:
        super().__init__()
        self.comparison = comparison
        self.margin, self.scale = margin, scale
        self.register_buffer("class_weights", class_weights)
        self.miner = miner_of(miner)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` or a pair matrix → the value."""
        return over_batch(self, embeddings, relation)

    def measure(self, a: Tensor, b: Tensor) -> Tensor:
        """`(B, D), (M, D)` → distances `(B, M)`."""
        return distances(self.comparison, a, b)

    def over(self, measured: Tensor, grid: Grid) -> LossOutput:
        """The mean over anchors that have a positive and a negative."""
        hard_grid(grid, self.name)
        values = circle(measured, grid.same, grid.different, self.margin, self.scale)
        counted = grid.complete()
        return over_anchors(values, counted, nearest_is_wrong(measured, grid), grid.labels, self.class_weights)


class NCA(nn.Module):
    """Neighbourhood components: logit = −scale · d², or −scale · d if not `squared`.

    The mean is over anchors that have a positive and a negative. With the Euclidean distance it is the paper's.
    """

    name = "nca"
    class_weights: Tensor | None

    def __init__(
        self,
        comparison: Comparison,
        scale: float = 1.0,
        *,
        squared: bool = True,
        class_weights: Tensor | None = None,
        miner: Miner | str | None = None,
    ) -> None:
        super().__init__()
        self.comparison = comparison
        self.scale, self.squared = scale, bool(squared)
        self.register_buffer("class_weights", class_weights)
        self.miner = miner_of(miner)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` or a pair matrix → the value."""
        grid = grid_of(relation, self.name)
        measured = self.measure(embeddings, embeddings)  # (B, B)
        if self.miner is not None:
            grid = mined(grid, measured.detach().clamp(min=0).sqrt() if self.squared else measured, self.miner)
        return self.over(measured, grid)

    def measure(self, a: Tensor, b: Tensor) -> Tensor:
        """`(B, D), (M, D)` → distances `(B, M)`, squared if the loss is."""
        return squared_distances(self.comparison, a, b) if self.squared else distances(self.comparison, a, b)

    def over(self, measured: Tensor, grid: Grid) -> LossOutput:
        """The mean over anchors that have a positive and a negative."""
        hard_grid(grid, self.name)
        values = nca(-self.scale * measured, grid.same, grid.same | grid.different)
        counted = grid.complete()
        wrong = values.detach() > math.log(2)  # the positives' share is below a half
        return over_anchors(values, counted, wrong, grid.labels, self.class_weights)
