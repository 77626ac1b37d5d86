"""Losses that weigh every pair by all the others of its anchor: multi-similarity, circle, NCA."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from twinnet.compare import Comparison
from twinnet.losses.anchors import OverAnchors
from twinnet.losses.grid import Grid
from twinnet.losses.logsumexp import log_share, masked_logsumexp
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
    return torch.where(same.any(1), log_share(logits, same, candidates), 0.0)


def MultiSimilarity(  # noqa: N802  (it is named and used as the class it makes)
    comparison: Comparison,
    alpha: float = 2.0,
    beta: float = 50.0,
    base: float = 0.5,
    *,
    class_weights: Tensor | None = None,
    miner: Miner | str | None = None,
) -> OverAnchors:
    """The mean over anchors that have a positive or a negative; a class of one item only pushes, one class only pulls.

    Made for the cosine distance; `base` is the distance around which pairs begin to count.
    """

    def formula(distance: Tensor, grid: Grid) -> Tensor:
        return multi_similarity(distance, grid.same, grid.different, alpha, beta, base)

    return OverAnchors(
        "multi_similarity", comparison, formula, incomplete=True, class_weights=class_weights, miner=miner
    )  # fmt: skip


def Circle(  # noqa: N802
    comparison: Comparison,
    margin: float = 0.4,
    scale: float = 80.0,
    *,
    class_weights: Tensor | None = None,
    miner: Miner | str | None = None,
) -> OverAnchors:
    """The mean over anchors that have a positive and a negative. Made for the cosine distance.

    Paper: m = 0.25, γ = 256 for faces, 128 for people; 0.4 and 80 for fine-grained retrieval, our default.
    """

    def formula(distance: Tensor, grid: Grid) -> Tensor:
        return circle(distance, grid.same, grid.different, margin, scale)

    return OverAnchors("circle", comparison, formula, class_weights=class_weights, miner=miner)


def NCA(  # noqa: N802
    comparison: Comparison,
    scale: float = 1.0,
    *,
    squared: bool = True,
    class_weights: Tensor | None = None,
    miner: Miner | str | None = None,
) -> OverAnchors:
    """Neighbourhood components: logit = −scale · d², or −scale · d if not `squared`.

    The mean is over anchors that have a positive and a negative. With the Euclidean distance it is the paper's.
    """

    def formula(measured: Tensor, grid: Grid) -> Tensor:
        return nca(-scale * measured, grid.same, grid.same | grid.different)

    half = math.log(2)  # above it, the positives' share is below a half
    return OverAnchors(
        "nca", comparison, formula, squared=bool(squared), wrong_above=half, class_weights=class_weights, miner=miner
    )
