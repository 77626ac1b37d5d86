"""Losses with a learned vector for every class: ArcFace, CosFace, Proxy-Anchor. All compare by cosine.

Labels must be 0 … n_classes − 1. The class vectors are learned beside the encoder and thrown away with the loss. Class
sizes in a batch do not matter to ArcFace and CosFace, nor does a batch of one class: every item meets every class.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from twinnet.core.errors import ConfigError
from twinnet.losses.base import LossOutput, Relation, in_float32, labels_of
from twinnet.losses.logsumexp import masked_logsumexp


def arcface(cosine: Float[Tensor, " b"], margin: float) -> Float[Tensor, " b"]:
    """cos(θ + m) of the own class; Deng et al. 2019. Beyond θ = π − m, cos θ − m sin m keeps it falling.

    By cos θ cos m − sin θ sin m, as the slope of arccos is infinite where the angle is 0.
    """
    sine = (1 - cosine.square()).clamp(min=1e-7).sqrt()
    return torch.where(
        cosine >= -math.cos(margin),
        cosine * math.cos(margin) - sine * math.sin(margin),
        cosine - margin * math.sin(margin),
    )


def cosface(cosine: Float[Tensor, " b"], margin: float) -> Float[Tensor, " b"]:
    """cos θ − m of the own class; Wang et al. 2018."""
    return cosine - margin


def proxy_anchor(
    cosine: Float[Tensor, "b c"], own: Bool[Tensor, "b c"], margin: float, alpha: float
) -> tuple[Float[Tensor, " c"], Float[Tensor, " c"]]:
    """log(1 + Σ_own exp(−α (s − δ))) and log(1 + Σ_others exp(α (s + δ))) of each class (Kim et al. 2020, eq. 4)."""
    pull = functional.softplus(masked_logsumexp(alpha * (margin - cosine.T), own.T))
    push = functional.softplus(masked_logsumexp(alpha * (margin + cosine.T), ~own.T))
    return pull, push


class MarginSoftmax(nn.Module):
    """Softmax over cosines to class vectors, times `scale`, the own one made worse by `penalty`: ArcFace, CosFace."""

    class_weights: Tensor | None

    def __init__(
        self,
        dim: int,
        n_classes: int,
        penalty: Callable[[Tensor, float], Tensor],
        margin: float,
        scale: float,
        class_weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.proxies = _proxies(dim, n_classes)
        self.penalty, self.margin, self.scale = penalty, margin, scale
        self.register_buffer("class_weights", class_weights)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` → the value; *active* is the share of items nearest to a class not their own."""
        labels = known(labels_of(relation, self.penalty.__name__), len(self.proxies))
        cosine = _cosines(embeddings, self.proxies)  # (B, C)
        own = cosine.gather(1, labels[:, None])  # (B, 1)
        logits = self.scale * cosine.scatter(1, labels[:, None], self.penalty(own[:, 0], self.margin)[:, None])
        value = functional.cross_entropy(logits, labels, weight=self.class_weights)
        wrong = float((cosine.detach().argmax(1) != labels).float().mean())
        return LossOutput(value, len(labels), wrong)


def ArcFace(  # noqa: N802  (it is named and used as the class it makes)
    dim: int, n_classes: int, margin: float = 0.5, scale: float = 64.0, *, class_weights: Tensor | None = None
) -> MarginSoftmax:
    """An angle of `margin` radians between an item and the border of its class. Few classes: try scale 16 to 32."""
    return MarginSoftmax(dim, n_classes, arcface, margin, scale, class_weights)


def CosFace(  # noqa: N802
    dim: int, n_classes: int, margin: float = 0.35, scale: float = 64.0, *, class_weights: Tensor | None = None
) -> MarginSoftmax:
    """A cosine of `margin` between an item and the border of its class."""
    return MarginSoftmax(dim, n_classes, cosface, margin, scale, class_weights)


class ProxyAnchor(nn.Module):
    """Every class vector pulls its items and pushes all others, the hard ones most.

    The pull is averaged over the classes in the batch, the push over all; class sizes hardly weigh, as each sum is in a
    logarithm. The paper's class vectors learn 100 times as fast as its pretrained encoder, at 0.01. An encoder that
    starts from nothing learns faster itself: `train` multiplies its rate by `rate` for them, 0.01 at its default.
    """

    def __init__(
        self, dim: int, n_classes: int, margin: float = 0.1, alpha: float = 32.0, *, rate: float = 5.0
    ) -> None:
        super().__init__()
        self.rate = rate
        self.proxies = _proxies(dim, n_classes)
        self.margin, self.alpha = margin, alpha

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` → the value; *active* is the share of items nearest to a class not their own."""
        labels = known(labels_of(relation, "proxy_anchor"), len(self.proxies))
        cosine = _cosines(embeddings, self.proxies)  # (B, C)
        own = functional.one_hot(labels, len(self.proxies)).bool()
        pull, push = proxy_anchor(cosine, own, self.margin, self.alpha)  # (C,), (C,)
        value = pull.sum() / own.any(0).sum().clamp(min=1) + push.mean()
        wrong = float((cosine.detach().argmax(1) != labels).float().mean()) if len(labels) else 0.0
        return LossOutput(value, len(labels), wrong)


def _proxies(dim: int, n_classes: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(n_classes, dim) / dim**0.5)


def _cosines(embeddings: Tensor, proxies: Tensor) -> Tensor:
    return functional.normalize(embeddings, dim=-1) @ functional.normalize(proxies, dim=-1).T


def known(labels: Int[Tensor, " b"], n_classes: int) -> Tensor:
    """The labels, or an error for one that is no class."""
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < n_classes:
        raise ConfigError(
            f"labels {int(labels.min())} … {int(labels.max())} do not fit a loss of {n_classes} classes. "
            "Next: number the identities 0 … n_classes − 1, or give a larger n_classes."
        )
    return labels
