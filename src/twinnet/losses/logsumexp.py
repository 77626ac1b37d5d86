"""log Σ exp over some entries of each row: without overflow, without NaN where there are none, and fast."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from twinnet.compare.cross import places

_FEW = 8  # a mask of at most one entry in this many is gathered before anything is computed
_VANISHED = 1e-30  # a share below it is near the smallest float32, and a sum of such has few digits


def masked_logsumexp(logits: Float[Tensor, "b m"], mask: Bool[Tensor, "b m"]) -> Float[Tensor, " b"]:
    """log Σ exp over the masked entries of each row; once differentiable.

    Of none it is the lowest finite number, with gradient 0; the gradient of torch.logsumexp would be NaN there.
    """
    found: Tensor = _LogSumExp.apply(logits, mask)  # type: ignore[no-untyped-call]
    return found


def log_share(
    logits: Float[Tensor, "b m"], part: Bool[Tensor, "b m"], whole: Bool[Tensor, "b m"]
) -> Float[Tensor, " b"]:
    """log Σ exp over `whole` less log Σ exp over `part` of it.

    One softmax and one gradient for both. A row without any has the gradient zero, and its value means nothing.
    """
    found: Tensor = _LogShare.apply(logits, part, whole)  # type: ignore[no-untyped-call]
    return found


def padded(mask: Tensor) -> tuple[Tensor, Tensor, Tensor, int]:
    """Row, column and place in its row `(G,)` of every masked entry, and the most that any row has."""
    row, column = places(mask)  # (G,), by row
    count = torch.bincount(row, minlength=len(mask))  # (B,)
    place = torch.arange(len(row), device=row.device) - (count.cumsum(0) - count)[row]
    return row, column, place, int(count.max()) if len(count) else 0


class _LogSumExp(torch.autograd.Function):
    """By the softmax, which is one pass in the cache, keeps clear of the slow end of exp, and is the gradient."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, mask: Tensor) -> Tensor:
        lowest = torch.finfo(logits.dtype).min
        row, column = logits.new_empty(0, dtype=torch.long), logits.new_empty(0, dtype=torch.long)
        if _FEW * int(mask.count_nonzero()) <= mask.numel():
            row, column, place, most = padded(mask)
            chosen = logits.new_full((len(logits), max(1, most)), lowest)
            chosen[row, place] = logits[row, column]
        else:
            place = row
            chosen = torch.where(mask, logits, lowest)  # (B, M)
        share = chosen.softmax(1)
        top = chosen.amax(1)
        ctx.save_for_backward(share, row, column, place, top == lowest)
        ctx.shape, ctx.few = logits.shape, chosen.shape != logits.shape or bool(len(row))
        return top - share.amax(1).log()  # the largest share is exp(top − log Σ exp)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None]:
        share, row, column, place, empty = ctx.saved_tensors
        outer = outer.masked_fill(empty, 0.0)
        if not ctx.few:
            return share * outer[:, None], None
        gradient = share.new_zeros(ctx.shape)
        gradient[row, column] = share[row, place] * outer[row]
        return gradient, None


class _LogShare(torch.autograd.Function):
    """The gradient is softmax over the whole less softmax over the part."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, part: Tensor, whole: Tensor) -> Tensor:
        lowest = torch.finfo(logits.dtype).min
        masked = torch.where(whole, logits, lowest)  # (B, M)
        share = masked.softmax(1)
        among = share * part
        total = among.sum(1)  # (B,)
        empty = total < _VANISHED
        value = -total.log()
        if bool(empty.any()):
            # Their share of the whole has lost its digits there: another softmax among the part alone finds them.
            rows = empty.nonzero()[:, 0]
            few = torch.where(part[rows], logits[rows], lowest)
            top = few.amax(1)
            of_part = few.softmax(1)
            among[rows], total[rows], empty[rows] = of_part, 1.0, top == lowest
            value[rows] = masked[rows].amax(1) - share[rows].amax(1).log() - top + of_part.amax(1).log()
        ctx.save_for_backward(share, among, total, empty)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        share, among, total, empty = ctx.saved_tensors
        outer = outer.masked_fill(empty, 0.0)
        return torch.mul(share, outer[:, None]).addcmul_(among, (outer / total)[:, None], value=-1), None, None
