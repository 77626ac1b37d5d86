"""All triplets of a batch, exactly, without listing one: O(n² log n) time and O(n²) memory, gradient included.

As long as no hinge switches on or off, the hinge sum is linear in the distances. With c_ap the number of negatives
nearer to anchor a than d_ap + margin, and c_an the number of positives p with d_ap + margin > d_an,

    Σ max(0, d_ap − d_an + margin)  =  Σ c_ap d_ap − Σ c_an d_an + margin · Σ c_ap,

so counting gives the value and the gradient at once: +c_ap at positives, −c_an at negatives. Each anchor's few
positives are sorted, and its negatives look up their place among them; below a dozen positives comparing with each is
faster than sorting, as its plain loops vectorise.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from twinnet.losses.logsumexp import padded

Distances = Float[Tensor, "b m"]
Mask = Bool[Tensor, "b m"]

_FEW = 12  # positives of an anchor up to which comparing with each beats sorting them
# Elements worked on at once: on a CPU they stay in the cache, elsewhere only memory must be bounded.
_BLOCK = {"cpu": 1 << 19}
_LARGE_BLOCK = 1 << 22


class _Known(torch.autograd.Function):
    """A value whose gradient with respect to the distances was computed beside it. It has no second derivative."""

    @staticmethod
    def forward(ctx: Any, distance: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return outer * gradient, None, None


def hinge_sum(distance: Distances, same: Mask, different: Mask, margin: float) -> tuple[Tensor, int]:
    """Σ max(0, d_ap − d_an + margin) over all triplets, and how many of them are above 0.

    `same` and `different` `(B, M)` say which candidates are an anchor's positives and negatives; classes of any sizes.
    Counts are exact up to 2²⁴ candidates in float32; once differentiable.
    """
    with torch.no_grad():
        index, limit = _limits(distance, same, margin)  # (B, K), (B, K)
        few = 0 < limit.shape[1] <= _FEW
        gradient = torch.empty_like(distance)
        value = torch.zeros((), dtype=torch.float64, device=distance.device)
        n_active = torch.zeros_like(value)
        size = _BLOCK.get(distance.device.type, _LARGE_BLOCK) // limit.shape[1] if few else _LARGE_BLOCK
        for rows in _blocks(distance, size):
            # A candidate that is no negative is moved to infinity, where no limit reaches it.
            negative = torch.where(different[rows], distance[rows], torch.inf)  # (R, M)
            counts = gradient[rows]
            above = _compare(negative, limit[rows], counts) if few else _search(negative, limit[rows], counts)
            counts.scatter_add_(1, index[rows], above)
            value += (distance[rows] * counts).sum(1).sum(dtype=torch.float64)
            n_active += above.sum(dtype=torch.float64)
        value += margin * n_active
    return _attach(distance, value, gradient), int(n_active)


def _compare(negative: Tensor, limit: Tensor, counts: Tensor) -> Tensor:
    """−c_an into `counts (R, M)`; c_ap `(R, K)`: every negative against every limit."""
    nearer = negative.new_empty(len(limit), limit.shape[1], negative.shape[1])
    torch.lt(negative[:, None], limit[:, :, None], out=nearer)  # (R, 1, M), (R, K, 1) -> (R, K, M) as 0.0 and 1.0
    torch.sum(nearer, 1, out=counts).neg_()
    return nearer.sum(2)


def _search(negative: Tensor, limit: Tensor, counts: Tensor) -> Tensor:
    """The same by binary search: the number of limits not above a negative is its place among the sorted ones."""
    ascending, order = limit.sort(1)  # (R, K)
    place = torch.searchsorted(ascending, negative, right=True)  # (R, M) in 0 … K
    torch.sub(place, limit.shape[1], out=counts)
    histogram = counts.new_zeros(len(limit), limit.shape[1] + 1)
    histogram.scatter_add_(1, place, counts.new_ones(()).expand(place.shape))
    below = histogram.cumsum(1)[:, :-1]  # (R, K): negatives under each limit
    return torch.empty_like(limit).scatter_(1, order, below)


def violation_sum(
    distance: Distances, same: Mask, different: Mask, margin: float, *, soft: bool = False, swap: bool = False
) -> tuple[Tensor, int]:
    """The sum over all triplets of x⁺ (or, `soft`, of log(1 + eˣ)), x = d_ap − d_an + margin, and how many are above 0.

    With `swap`, d_an is the smaller of d_an and d_pn (Balntas et al. 2016), so the candidates must be the anchors.
    Neither is linear nor separable: O(n² K) time for K positives of an anchor, but O(n²) memory as well.
    """
    with torch.no_grad():
        index, limit = _limits(distance, same, margin)  # (B, K), (B, K)
        gradient = torch.zeros_like(distance)
        value = torch.zeros((), dtype=torch.float64, device=distance.device)
        n_active = torch.zeros_like(value)
        for rows in _blocks(distance, _BLOCK.get(distance.device.type, _LARGE_BLOCK) >> 5):
            from_anchor = distance[rows].masked_fill(~different[rows], torch.inf)  # (R, M)
            for k in range(limit.shape[1]):
                nearest = from_anchor
                if swap:
                    from_positive = distance[index[rows, k]].masked_fill(~different[rows], torch.inf)
                    nearest = torch.minimum(from_anchor, from_positive)
                x = limit[rows, k : k + 1] - nearest  # (R, M); minus infinity where there is no triplet
                slope = x.sigmoid() if soft else (x > 0).to(x.dtype)
                value += (functional.softplus(x) if soft else x.relu_()).sum(dtype=torch.float64)
                n_active += slope.count_nonzero()
                gradient[rows].scatter_add_(1, index[rows, k : k + 1], slope.sum(1, keepdim=True))
                if swap:
                    # At a tie both share the slope, as torch.minimum has it.
                    other = ((from_positive < from_anchor).to(x.dtype) + (from_positive <= from_anchor).to(x.dtype)) / 2
                    gradient.index_add_(0, index[rows, k], slope * other, alpha=-1)
                    slope = slope * (1 - other)
                gradient[rows] -= slope
    return _attach(distance, value, gradient), int(n_active)


def n_triplets(same: Mask, different: Mask) -> int:
    """How many triplets there are: each anchor's positives times its negatives."""
    return int((same.count_nonzero(1) * different.count_nonzero(1)).sum())  # faster than a sum of bools


def _limits(distance: Tensor, same: Tensor, margin: float) -> tuple[Int[Tensor, "b k"], Float[Tensor, "b k"]]:
    """Each anchor's positives, padded to the most any has, and the distance below which a negative is too near.

    Padding has the limit minus infinity, under which there is no negative.
    """
    anchor, positive, slot, most = padded(same)  # (G,)
    index = anchor.new_zeros(len(same), most)
    limit = distance.new_full((len(same), most), -torch.inf)
    index[anchor, slot] = positive
    limit[anchor, slot] = distance[anchor, positive] + margin
    return index, limit


def _blocks(distance: Tensor, size: int) -> list[slice]:
    rows = max(1, size // max(1, distance.shape[1]))
    return [slice(start, start + rows) for start in range(0, len(distance), rows)]


def _attach(distance: Tensor, value: Tensor, gradient: Tensor) -> Tensor:
    attached: Tensor = _Known.apply(distance, value.to(distance.dtype), gradient)  # type: ignore[no-untyped-call]
    return attached
