"""A pre-trained backbone as one of our encoders: features, then our own head."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.encoders.adapters.recipe import Backbone

# What begins with something to lose moves at this share of the learning rate: a backbone that is fine-tuned, and the
# head of a frozen one, which begins at the principal directions of its features (see `Head.standardise`).
SLOW = 0.05


class Head(nn.Module):
    """Features → dropout → fully connected embedding, which begins where the training features already point.

    `centre` and `spread` are measured on them, once: backbones differ by orders of magnitude in the size of what they
    give, and a head should not have to learn that first.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, features: int, dim: int, dropout: float, normalise: bool) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("spread", torch.ones(()))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(features, dim)
        nn.init.orthogonal_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)
        self.normalise = normalise

    def standardise(self, features: Float[Tensor, "n f"]) -> None:
        """Take centre `(F,)`, one spread for all, and the first weights from training features.

        The rows of the weights become their principal directions, each weighed by the inverse square root of its
        deviation. That is half way to whitening: the few directions in which all pictures differ most, such as light,
        count less, and directions that are mostly noise are not blown up as whitening would.
        """
        with torch.no_grad():
            self.centre.copy_(features.mean(0))
            centred = (features - self.centre).double()
            self.spread.copy_(centred.square().sum(1).mean().sqrt().clamp_min(1e-12))
            # By the covariance (F, F): its cost does not grow with the number of pictures.
            power, directions = torch.linalg.eigh(centred.T @ centred)  # ascending
            kept = min(len(self.fc.weight), int((power > power[-1] * 1e-8).sum()))
            chosen = directions.flip(1)[:, :kept].T  # (kept, F)
            weight = (power.flip(0)[:kept] / power[-1].clamp_min(1e-24)) ** -0.25  # deviation ^ -1/2
            self.fc.weight[:kept] = (chosen * weight[:, None]).to(self.fc.weight.dtype)

    def forward(self, features: Tensor) -> Tensor:
        """`(B, F)`, or `(B, F, 1, 1)` as the training loop hands them over → `(B, dim)`, float32 under autocast."""
        x = (features.flatten(1) - self.centre) / self.spread
        embedding: Tensor = self.fc(self.dropout(x)).float()
        return functional.normalize(embedding, dim=1) if self.normalise else embedding


class Adapted(nn.Module):
    """Backbone and head. A frozen backbone never leaves evaluation mode and takes no gradient."""

    def __init__(self, recipe: Backbone, trunk: nn.Module, head: Head) -> None:
        super().__init__()
        self.recipe, self.trunk, self.head = recipe, trunk, head
        self.dim = head.fc.out_features
        if recipe.frozen:
            trunk.requires_grad_(False)
        for part in head.modules() if recipe.frozen else trunk.modules():
            if part._parameters:
                part.rate = SLOW  # type: ignore[assignment]  # the training loop asks every module for it

    def features(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b f"]:
        """What the backbone makes of a batch, before the head."""
        if self.recipe.order == "bgr":
            images = images.flip(1)
        if not self.recipe.frozen:
            return pooled(self.trunk(images))
        self.trunk.eval()
        with torch.no_grad():
            return pooled(self.trunk(images)).float()

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b dim"]:
        """Embed a batch `(B, C, H, W)` → `(B, dim)`."""
        embedding: Tensor = self.head(self.features(images))
        return embedding


def pooled(output: Any) -> Tensor:
    """A vector `(B, F)` as it is; a map `(B, F, h, w)` or tokens `(B, T, F)` averaged over places."""
    if not isinstance(output, Tensor) or output.ndim not in (2, 3, 4):
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"a backbone must give (B, F), (B, T, F) or (B, F, h, w), not {shape}")
    return output if output.ndim == 2 else output.mean(1) if output.ndim == 3 else output.mean((2, 3))
