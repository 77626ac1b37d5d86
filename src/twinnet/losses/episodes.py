"""Softmax over one example or one prototype of every class: N-pairs / InfoNCE, and prototypical episodes."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from twinnet.compare import Comparison
from twinnet.losses.base import EpisodeIndex, LossOutput, PairIndex, Relation, in_float32, labels_of, nothing
from twinnet.losses.grid import given_pairs


def info_nce(logits: Float[Tensor, "p p"]) -> Float[Tensor, " p"]:
    """−log softmax of the own positive `(p, p)` among the positives of all anchors (van den Oord et al. 2018)."""
    return functional.cross_entropy(logits, torch.arange(len(logits), device=logits.device), reduction="none")


def prototypes(support: Float[Tensor, "n k d"]) -> Float[Tensor, "n d"]:
    """The mean of each class's support (Snell, Swersky & Zemel 2017)."""
    return support.mean(1)


def rank_in_class(labels: Int[Tensor, " b"]) -> tuple[Int[Tensor, " b"], Int[Tensor, " b"], Int[Tensor, " c"]]:
    """Each row's class number 0 … C − 1, its place among the rows of that class, and the sizes of the classes."""
    _, number, sizes = torch.unique(labels, return_inverse=True, return_counts=True)
    order = number.argsort(stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=labels.device) - (sizes.cumsum(0) - sizes)[number[order]]
    return number, place, sizes


class NPairs(nn.Module):
    """One genuine pair of every class, each positive a negative for all other anchors (Sohn 2016).

    Labels: the first two rows of every class that has two. Given pairs: the genuine ones, which makes it InfoNCE
    between two views; no two of them should be of one identity. logit = −distance / temperature; `symmetric` asks in
    both directions, as CLIP does. With fewer than two pairs there is nothing to compare.
    """

    name = "n_pairs"

    def __init__(self, comparison: Comparison, temperature: float = 0.1, *, symmetric: bool = False) -> None:
        super().__init__()
        self.comparison = comparison
        self.temperature, self.symmetric = temperature, bool(symmetric)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` or pairs → the value, the mean over pairs."""
        if isinstance(relation, PairIndex):
            pairs = given_pairs(relation)
            genuine = pairs.same > 0.5
            first, second = pairs.first[genuine], pairs.second[genuine]
        else:
            number, place, sizes = rank_in_class(labels_of(relation, self.name))
            chosen = sizes[number] > 1
            first, second = _by_class(number, chosen & (place == 0)), _by_class(number, chosen & (place == 1))
        if len(first) < 2:
            return nothing(embeddings)
        logits = -self.comparison.cross(embeddings[first], embeddings[second]) / self.temperature  # (P, P)
        values = info_nce(logits)
        if self.symmetric:
            values = (values + info_nce(logits.T)) / 2
        wrong = logits.detach().argmax(1) != torch.arange(len(logits), device=logits.device)
        return LossOutput(values.mean(), len(values), float(wrong.float().mean()))


class Prototypical(nn.Module):
    """Probes against the prototypes of all classes by softmax over −d² (or −d, if not `squared`) · scale.

    Labels: the first `shots` rows of every class are its support and the others probes; a class always keeps one row
    of two as a probe, and a class of one row is a prototype without probes. An `EpisodeIndex` says it row by row.
    """

    name = "prototypical"

    def __init__(self, comparison: Comparison, shots: int = 1, scale: float = 1.0, *, squared: bool = True) -> None:
        super().__init__()
        self.comparison = comparison
        self.shots, self.scale, self.squared = int(shots), scale, bool(squared)

    @in_float32
    def forward(self, embeddings: Tensor, relation: Relation) -> LossOutput:
        """`(B, D)` and labels `(B,)` or an episode → the value, the mean over probes."""
        if isinstance(relation, EpisodeIndex):
            centres, probes = prototypes(embeddings[relation.support]), embeddings[relation.probe]  # (N, D), (Q, D)
            target = relation.target
        else:
            number, place, sizes = rank_in_class(labels_of(relation, self.name))
            shots = sizes.sub(1).clamp(1, self.shots)  # (C,)
            support = place < shots[number]
            sums = embeddings.new_zeros(len(sizes), embeddings.shape[1])
            centres = sums.index_add(0, number[support], embeddings[support]) / shots[:, None]  # (C, D)
            probes, target = embeddings[~support], number[~support]
        if not len(probes) or len(centres) < 2:
            return nothing(embeddings)
        distance = self.comparison.cross(probes, centres)  # (Q, N)
        logits = -self.scale * (distance.square() if self.squared else distance)
        wrong = float((logits.detach().argmax(1) != target).float().mean())
        return LossOutput(functional.cross_entropy(logits, target), len(probes), wrong)


def _by_class(number: Tensor, chosen: Tensor) -> Tensor:
    rows = chosen.nonzero()[:, 0]
    return rows[number[rows].argsort()]
