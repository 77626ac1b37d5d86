"""The plain classifier's loss, for contrast: it learns classes, not a distance."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from twinnet.losses.base import LossOutput, Relation, in_float32, labels_of
from twinnet.losses.proxies import known


class CrossEntropy(nn.Module):
    """Softmax cross-entropy over classes, labels `(B,)` in 0 … n_classes − 1.

    With `dim` and `n_classes` a linear layer, learned beside the encoder and thrown away with the loss, turns
    embeddings `(B, dim)` into logits. Without them the encoder's outputs are taken as logits `(B, classes)`.
    """

    class_weights: Tensor | None

    def __init__(self, dim: int = 0, n_classes: int = 0, *, class_weights: Tensor | None = None) -> None:
        super().__init__()
        self.head = nn.Linear(dim, n_classes) if n_classes else nn.Identity()
        self.register_buffer("class_weights", class_weights, persistent=False)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """The (class-weighted) mean over the batch; *active* is the share of wrong answers."""
        logits = self.head(embeddings)  # (B, C)
        labels = known(labels_of(relation, "cross-entropy"), logits.shape[1])
        wrong = float((logits.detach().argmax(1) != labels).float().mean())
        return LossOutput(functional.cross_entropy(logits, labels, weight=self.class_weights), len(labels), wrong)
