"""Losses made of losses: a memory of past batches around one, and several weighted together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from twinnet.core.errors import ConfigError
from twinnet.losses.base import Labels, LossOutput, Relation, in_float32, labels_of, nothing
from twinnet.losses.grid import grid_between
from twinnet.losses.matrix import MatrixLoss


class CrossBatchMemory(nn.Module):
    """The batch against itself and the last `size` embeddings, which carry no gradient (Wang et al. 2020, XBM).

    Around any loss that compares all pairs. The queue is saved with the weights, so a resumed run goes on with it;
    it grows in training only. Embeddings of some batches ago are a little out of date: start it after a warm-up,
    or keep it to some dozens of batches.
    """

    def __init__(self, loss: nn.Module, size: int = 1024, *, dim: int) -> None:
        super().__init__()
        if not hasattr(loss, "over") or not hasattr(loss, "measure"):
            raise ConfigError(
                f"a memory goes around a loss that compares all pairs, and {type(loss).__name__} does not."
            )
        if getattr(loss, "miner", None) is not None:
            raise ConfigError("a miner sees one batch against itself, so it cannot be used with a memory.")
        self.loss = loss
        self.register_buffer("embeddings", torch.zeros(size, dim))
        self.register_buffer("labels", torch.zeros(size, dtype=torch.long))
        self.register_buffer("items", torch.full((size,), -1))  # -1: a batch that did not number its items
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    embeddings: Tensor
    labels: Tensor
    items: Tensor
    seen: Tensor

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` → the loss of B anchors against B + (what is remembered) candidates."""
        labels = labels_of(relation, "memory's")
        numbered = isinstance(relation, Labels)
        items = relation.items if isinstance(relation, Labels) else torch.full_like(labels, -1)
        filled = min(int(self.seen), len(self.labels))
        candidates = torch.cat([embeddings, self.embeddings[:filled].to(embeddings)])  # (B + M, D)
        others = torch.cat([labels, self.labels[:filled]])
        other_items = torch.cat([items, self.items[:filled]]) if numbered else None
        grid = grid_between(labels, others, items if numbered else None, other_items, itself=True)
        loss: MatrixLoss = self.loss  # type: ignore[assignment]
        output = loss.over(loss.measure(embeddings, candidates), grid)  # (B, B + M)
        if self.training:
            self._remember(embeddings.detach(), labels, items)
        return output

    @torch.no_grad()
    def _remember(self, embeddings: Tensor, labels: Tensor, items: Tensor) -> None:
        size = len(self.labels)
        keep = slice(max(0, len(labels) - size), None)  # of a batch larger than the queue its end
        place = (int(self.seen) + torch.arange(len(labels), device=labels.device)[keep]) % size
        self.embeddings[place] = embeddings[keep].to(self.embeddings)
        self.labels[place], self.items[place] = labels[keep], items[keep]
        self.seen += len(labels)


class WeightedSum(nn.Module):
    """Σ weight · loss; its tuples are those of all, its *active* their mean. A loss that found nothing adds nothing."""

    def __init__(self, parts: Sequence[tuple[float, nn.Module]]) -> None:
        super().__init__()
        self.weights = [weight for weight, _ in parts]
        self.losses = nn.ModuleList(loss for _, loss in parts)

    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and what every part can learn from."""
        outputs: list[LossOutput] = [loss(embeddings, relation) for loss in self.losses]
        found = [(w, out) for w, out in zip(self.weights, outputs, strict=True) if out.n_tuples]
        if not found:
            return nothing(embeddings)
        n = sum(out.n_tuples for _, out in found)
        active = sum(out.active * out.n_tuples for _, out in found) / n
        return LossOutput(torch.stack([w * out.value for w, out in found]).sum(), n, active)
