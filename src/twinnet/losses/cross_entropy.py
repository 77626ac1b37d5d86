"""The plain classifier's loss, for contrast: it learns classes, not a distance."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from twinnet.losses.base import LossOutput, Relation, labels_of


class CrossEntropy(nn.Module):
    """Softmax cross-entropy of logits `(B, classes)` and labels `(B,)`; the encoder's outputs are taken as logits."""

    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """The mean over the batch; *active* is the share of wrong answers."""
        labels = labels_of(relation, "cross-entropy")
        wrong = float((embeddings.detach().argmax(1) != labels).float().mean())
        return LossOutput(functional.cross_entropy(embeddings, labels), len(labels), wrong)
