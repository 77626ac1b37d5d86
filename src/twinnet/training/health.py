"""The doctor of the training loop: it stops a run that cannot succeed and says why and what to change."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from twinnet.core.errors import TrainingError

_SPREAD = 1e-3  # relative to the embeddings' length
_PATIENCE = 50  # steps for which a symptom must last: an early batch may look bad and recover


class Health:
    """Looks at every step's loss, gradient and embeddings; raises TrainingError with cause and remedy."""

    def __init__(self) -> None:
        self._collapsed = 0
        self._frozen = 0

    def check(self, step: int, loss: Tensor, gradient: Tensor, embeddings: Tensor, images: Tensor) -> None:
        """Call after the backward pass and before the optimiser's step."""
        if not math.isfinite(float(loss)) or not math.isfinite(float(gradient)):
            raise TrainingError(_explain_nan(step, images, embeddings))
        spread = embeddings.detach().float()
        length = spread.norm(dim=1).mean()
        around = (spread - spread.mean(0)).norm(dim=1).mean()
        self._collapsed = self._collapsed + 1 if float(around) <= _SPREAD * float(length) + 1e-12 else 0
        if self._collapsed >= _PATIENCE:
            raise TrainingError(
                f"collapse at step {step}: all items have had the same embedding for {_PATIENCE} steps, so every pair "
                "is called the same. Usual causes: a learning rate too high, or images that are all alike. "
                "Next: halve --lr, or try --loss supcon."
            )
        self._frozen = self._frozen + 1 if float(gradient) == 0.0 and float(loss) > 0 else 0
        if self._frozen >= _PATIENCE:
            raise TrainingError(
                f"frozen at step {step}: the loss is {float(loss):.3g} but no weight has had a gradient for "
                f"{_PATIENCE} steps. Next: lower --lr (dead ReLUs), or check that the encoder's weights may learn."
            )


def _explain_nan(step: int, images: Tensor, embeddings: Tensor) -> str:
    where = f"training stopped at step {step}: "
    if not bool(torch.isfinite(images).all()):
        return where + "the batch itself holds NaN or infinite values. Next: check custom augmentation or float images."
    if not bool(torch.isfinite(embeddings).all()):
        return (
            where + "the embeddings became NaN or infinite: the weights exploded. "
            "Next: use a lower --lr (a third of it), or --precision float32; resume goes back to the last checkpoint."
        )
    return where + (
        "the loss or its gradient became NaN or infinite while the embeddings were finite. "
        "Next: raise the temperature or lower the margin of the loss, or lower --lr."
    )
