"""Supervised contrastive loss: softmax over positives (Khosla et al. 2020, equation 2)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from twinnet.compare import Comparison
from twinnet.losses.base import LossOutput, Relation, labels_of


def supcon(logits: Float[Tensor, "b b"], same: Bool[Tensor, "b b"]) -> Float[Tensor, " b"]:
    """−mean over positives p of log(exp(l_ap) / Σ_{x ≠ a} exp(l_ax)) for every anchor a; 0 for one without positives."""
    itself = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    log_share = logits - logits.masked_fill(itself, -torch.inf).logsumexp(1, keepdim=True)  # (B, B)
    positive = same & ~itself
    count = positive.sum(1)
    return -torch.where(positive, log_share, 0.0).sum(1) / count.clamp(min=1)


class SupCon(nn.Module):
    """Every other item of the batch is a candidate; logit = −distance / temperature.

    With the cosine distance this is the paper's loss to the letter; with another one the softmax is over that distance.
    """

    def __init__(self, comparison: Comparison, temperature: float = 0.1) -> None:
        super().__init__()
        self.comparison = comparison
        self.temperature = temperature

    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` → the value: the mean over anchors that have a positive."""
        labels = labels_of(relation, "supcon")
        distance = self.comparison.cross(embeddings, embeddings)  # (B, B)
        same = labels[:, None] == labels[None]
        values = supcon(-distance / self.temperature, same)  # (B,)
        anchors = same.sum(1) > 1
        nearest = distance.detach().clone().fill_diagonal_(torch.inf).argmin(1)
        wrong = float((labels[nearest] != labels)[anchors].float().mean()) if bool(anchors.any()) else 0.0
        n = int(anchors.sum())
        return LossOutput(values.sum() / max(1, n), n, wrong)
