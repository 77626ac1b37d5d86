"""From many values to one: means over anchors, and over the two kinds of pairs."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from twinnet.losses.base import LossOutput
from twinnet.losses.grid import Grid

KindMean = Literal["balanced", "active", "all"]


def class_balanced(counts: Int[Tensor, " c"], beta: float = 0.999) -> Float[Tensor, " c"]:
    """Weights of classes with `counts` items, mean 1: (1 − β) / (1 − βⁿ) (Cui et al. 2019, equation 6); 0 for none.

    β = 0 weighs classes alike by item; β → 1 by the inverse of their size.
    """
    present = counts > 0
    weight = torch.where(present, (1 - beta) / (1 - torch.pow(beta, counts.clamp(min=1).double())), 0.0)
    return (weight * (present.sum() / weight.sum().clamp(min=1e-300))).float()


def over_anchors(
    values: Float[Tensor, " b"],
    counted: Bool[Tensor, " b"],
    wrong: Bool[Tensor, " b"],
    labels: Tensor | None,
    class_weights: Tensor | None,
) -> LossOutput:
    """The (class-weighted) mean over the anchors that count; *active* is the share of them that are `wrong`."""
    values = torch.where(counted, values, 0.0)
    n = int(counted.sum())
    if class_weights is not None and labels is not None:
        weights = class_weights.to(values)[labels] * counted  # (B,)
        value = (values * weights).sum() / weights.sum().clamp(min=torch.finfo(values.dtype).tiny)
    else:
        value = values.sum() / max(1, n)
    return LossOutput(value, n, int((wrong & counted).sum()) / max(1, n))


def over_genuine_pairs(
    sums: Float[Tensor, " b"], counted: Bool[Tensor, " b"], wrong: Bool[Tensor, " b"], same: Bool[Tensor, "b m"]
) -> LossOutput:
    """The mean over the genuine pairs of anchors that count, of which `sums` has the sum for every anchor."""
    n = int((same.sum(1) * counted).sum())
    value = torch.where(counted, sums, 0.0).sum() / max(1, n)
    return LossOutput(value, n, int((wrong & counted).sum()) / max(1, int(counted.sum())))


def nearest_is_wrong(distance: Float[Tensor, "b m"], grid: Grid) -> Bool[Tensor, " b"]:
    """Whether an anchor's nearest candidate is a negative."""
    with torch.no_grad():
        positive = torch.where(grid.same, distance, torch.inf).amin(1)
        return torch.where(grid.different, distance, torch.inf).amin(1) < positive


def over_kinds(values: Tensor, same: Tensor, different: Tensor, mean: KindMean) -> Tensor:
    """The mean of pair values, where `values` are right for both kinds, i.e. no pair is of both.

    balanced: the mean over genuine and the mean over impostor pairs, averaged, so that many impostors drown nobody;
    active: the same over pairs above 0 only; all: one mean over all pairs.
    """
    live = values.detach() > 0 if mean == "active" else None
    genuine, impostor = _per_pair(same, different, mean, live, live, values.dtype)
    weight = torch.where(same, genuine, impostor)
    return (values * weight.masked_fill_(~(same | different), 0.0)).sum()


def over_soft_kinds(pull: Tensor, push: Tensor, same: Tensor, different: Tensor, mean: KindMean) -> Tensor:
    """The same where a pair may be a little of both: `same` and `different` are its weights, of any shape."""
    pulled, pushed = (pull.detach() > 0, push.detach() > 0) if mean == "active" else (None, None)
    a, b = _per_pair(same, different, mean, pulled, pushed, pull.dtype)
    return a * (pull * same).sum() + b * (push * different).sum()


def _per_pair(
    same: Tensor, different: Tensor, mean: KindMean, pulled: Tensor | None, pushed: Tensor | None, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    n_same = (same if pulled is None else same * pulled).sum().to(dtype)
    n_different = (different if pushed is None else different * pushed).sum().to(dtype)
    if mean == "all":
        each = 1 / (n_same + n_different).clamp(min=torch.finfo(dtype).tiny)
        return each, each
    kinds = ((n_same > 0).to(dtype) + (n_different > 0)).clamp(min=1)
    zero = torch.zeros_like(n_same)
    a = torch.where(n_same > 0, 1 / (kinds * n_same), zero)
    b = torch.where(n_different > 0, 1 / (kinds * n_different), zero)
    return a, b
