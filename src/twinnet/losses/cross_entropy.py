"""The plain classifier's loss, for contrast: it learns classes, not a distance."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from twinnet.losses.base import LossOutput, Relation, in_float32, labels_of


class CrossEntropy(nn.Module):
    """Softmax cross-entropy of logits `(B, classes)` and labels `(B,)`; the encoder's outputs are taken as logits."""

    class_weights: Tensor | None

    def __init__(self, *, class_weights: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("class_weights", class_weights, persistent=False)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """The (class-weighted) mean over the batch; *active* is the share of wrong answers."""
        labels = labels_of(relation, "cross-entropy")
        wrong = float((embeddings.detach().argmax(1) != labels).float().mean())
        return LossOutput(functional.cross_entropy(embeddings, labels, weight=self.class_weights), len(labels), wrong)
