"""Binary cross-entropy on the probability of being the same (Koch, Zemel & Salakhutdinov 2015)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.compare import Comparison, Learned
from twinnet.losses.base import LossOutput, Relation, balanced_mean, compare_pairs


def bce(logit: Float[Tensor, " p"], same: Bool[Tensor, " p"]) -> Float[Tensor, " p"]:
    """−log p for a genuine pair, −log(1 − p) for an impostor pair, p = sigmoid(logit), from the logit: no overflow."""
    return functional.softplus(torch.where(same, -logit, logit))


class BCE(nn.Module):
    """Over all pairs of a batch, or the given ones; genuine and impostor pairs weigh the same in total.

    The learned comparison brings its own logit. Any other distance d gets one here, logit = scale · (offset − d), with
    scale and offset learned beside the encoder and thrown away with the loss: calibration finds its own later.
    """

    def __init__(self, comparison: Comparison, scale: float = 10.0, offset: float = 0.8) -> None:
        super().__init__()
        self.comparison = comparison
        self.log_scale = nn.Parameter(torch.tensor(scale).log())
        self.offset = nn.Parameter(torch.tensor(offset))

    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)`, pairs or triplets → the value."""
        compare = self.comparison
        if isinstance(compare, Learned):
            logit, same = compare_pairs(compare.logit, compare.cross_logit, embeddings, relation)  # (P,), (P,)
        else:
            distance, same = compare_pairs(compare.paired, compare.cross, embeddings, relation)
            logit = self.log_scale.exp() * (self.offset - distance)
        values = bce(logit, same)  # (P,)
        # Every pair of a cross-entropy pulls; those with the wrong sign are the ones still to learn.
        wrong = float(((logit.detach() > 0) != same).float().mean()) if len(values) else 0.0
        return LossOutput(balanced_mean(values, same), len(values), wrong)
