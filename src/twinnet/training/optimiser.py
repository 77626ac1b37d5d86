"""AdamW, and Muon for the matrices if wanted, made to cost little beside the network."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

from twinnet.training.muon import Muon

MUON_RATE = 10.0
"""Muon's steps for one of AdamW's: with it both share one learning rate."""


@final
class InMemoryOrder:
    """Optimisers on the weights in the order in which they lie in memory.

    Groups marked `muon` go to Muon, all others to fused AdamW (Loshchilov & Hutter 2019).
    Convolutions are quicker with kernels whose channels lie last, but the fused step takes more than twice as long on
    those: it asks for plain rows. So it is given views of the same memory with the dimensions reordered; AdamW treats
    every number alone and cannot tell, and for Muon a kernel is a matrix whose columns may stand in any order.
    """

    def __init__(self, groups: list[dict[str, Any]], learning_rate: float, dtype: torch.dtype | None = None) -> None:
        self._weights = [p for group in groups for p in group["params"]]
        self._orders = [sorted(range(p.ndim), key=p.stride, reverse=True) for p in self._weights]
        self._views = [nn.Parameter(p.detach().permute(o)) for p, o in zip(self._weights, self._orders, strict=True)]
        view_of = {id(p): view for p, view in zip(self._weights, self._views, strict=True)}
        views = [{**group, "params": [view_of[id(p)] for p in group["params"]]} for group in groups]
        slow, quick = ([group for group in views if bool(group.get("muon")) is muon] for muon in (False, True))
        self.parts: list[torch.optim.Optimizer] = []
        if slow:
            self.parts.append(torch.optim.AdamW(slow, lr=learning_rate, fused=True))
        if quick:
            self.parts.append(Muon(quick, MUON_RATE * learning_rate, dtype=dtype))

    def rate(self, learning_rate: float) -> None:
        """Set the learning rate; a group may have a `rate` by which its own differs."""
        for part in self.parts:
            times = MUON_RATE if isinstance(part, Muon) else 1.0
            for group in part.param_groups:
                group["lr"] = times * group.get("rate", 1.0) * learning_rate

    def forget(self) -> None:
        """Drop the gradients of the step before."""
        for p in self._weights:
            p.grad = None

    def clip(self, most: float) -> Tensor:
        """Shorten the gradient to a norm of `most` where it is longer; gives the norm it had."""
        lengths = [torch.linalg.vector_norm(p.grad) for p in self._weights if p.grad is not None]
        norm = torch.stack(lengths).norm() if lengths else torch.zeros(())
        if norm > most:  # most are not, and a product with 1 would read and write all of them
            nn.utils.clip_grad_norm_(self._weights, most)
        return norm

    def step(self) -> None:
        """Change the weights by their gradients."""
        for p, view, order in zip(self._weights, self._views, self._orders, strict=True):
            view.grad = None if p.grad is None else p.grad.permute(order)
        for part in self.parts:
            part.step()
