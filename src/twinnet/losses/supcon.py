"""Softmax over the batch: supervised contrastive (Khosla et al. 2020) and NT-Xent (Chen et al. 2020, SimCLR)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from twinnet.compare import Comparison
from twinnet.core.errors import ConfigError
from twinnet.losses.anchors import OverAnchors
from twinnet.losses.grid import Grid
from twinnet.losses.logsumexp import masked_logsumexp
from twinnet.pairs.miners import Miner


def supcon(
    logits: Float[Tensor, "b m"], same: Bool[Tensor, "b m"], candidates: Bool[Tensor, "b m"] | None = None
) -> Float[Tensor, " b"]:
    """−mean over positives p of log(exp(l_ap) / Σ_x exp(l_ax)) for every anchor; equation 2. 0 for one without any.

    x runs over `candidates`; without them over all but the anchor itself, which a square matrix has on its diagonal.
    """
    if candidates is None:
        candidates = ~torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    positive = same & candidates
    # The mean of (lse − l_ap) over p is lse − mean l_ap: no (B, M) matrix of log shares is needed.
    count = positive.sum(1)
    mean = (logits * positive).sum(1) / count.clamp(min=1)
    return torch.where(count > 0, masked_logsumexp(logits, candidates) - mean, 0.0)


def nt_xent(
    logits: Float[Tensor, "b m"], same: Bool[Tensor, "b m"], different: Bool[Tensor, "b m"], hard: float = 0.0
) -> Float[Tensor, " b"]:
    """Σ over positives p of −log(exp(l_ap) / (exp(l_ap) + Σ_n exp(l_an))) of every anchor: p against negatives only.

    With `hard` > 0 an anchor's positives weigh as the softmax of `hard` times their own terms, times their number: the
    more, the worse they are recognised. The weights have no gradient.
    """
    negatives = masked_logsumexp(logits, different)[:, None]  # (B, 1)
    terms = torch.where(same, functional.softplus(negatives - logits), 0.0)  # (B, M)
    if hard:
        weights = torch.softmax(torch.where(same, hard * terms.detach(), -torch.inf), 1) * same.sum(1, keepdim=True)
        terms = terms * torch.where(same, weights, 0.0)  # an anchor without positives has none
    return terms.sum(1)


def SupCon(  # noqa: N802  (it is named and used as the class it makes)
    comparison: Comparison,
    temperature: float = 0.1,
    *,
    class_weights: Tensor | None = None,
    miner: Miner | str | None = None,
) -> OverAnchors:
    """Every other item of the batch is a candidate; logit = −distance / temperature.

    With the cosine distance this is the paper's loss to the letter; with another one the softmax is over that distance.
    The mean is over anchors that have a positive and a negative: a batch of one class holds nothing to compare.
    """

    def formula(distance: Tensor, grid: Grid) -> Tensor:
        return supcon(-distance / temperature, grid.same, grid.same | grid.different)

    return OverAnchors("supcon", comparison, formula, class_weights=class_weights, miner=miner)


def NTXent(  # noqa: N802
    comparison: Comparison, temperature: float = 0.07, *, hard: float = 0.0, miner: Miner | str | None = None
) -> OverAnchors:
    """As SupCon, but a positive competes with the negatives only, and the mean is over genuine pairs.

    With two views of every item and labels 0 … B/2 − 1 twice it is SimCLR's loss. Anchors without a negative are left
    out; large classes weigh more here than in SupCon, as they have more genuine pairs. With `hard` > 0 an anchor's
    genuine pairs that are recognised worst weigh most (see `nt_xent`). Raises ConfigError for one below 0.
    """
    if hard < 0:
        raise ConfigError(f"hard is 0 or more; got {hard}.")

    def formula(distance: Tensor, grid: Grid) -> Tensor:
        return nt_xent(-distance / temperature, grid.same, grid.different, hard)

    return OverAnchors("nt_xent", comparison, formula, by_pair=True, miner=miner)
