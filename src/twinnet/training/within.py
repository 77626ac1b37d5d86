"""Twins in closed form: a linear map under which pictures of one identity differ equally little in every direction."""

from __future__ import annotations

import numpy as np

from twinnet.core.types import FloatArray, IntArray

SHRINK = 0.3
"""How far the differences within identities are taken to be alike in all directions: few pairs measure them badly."""


def within_map(features: FloatArray, labels: IntArray, dim: int, *, shrink: float = SHRINK) -> tuple[FloatArray, ...]:
    """`(N, F)` features and their identities `(N,)` → a weight `(D, F)` and an offset `(D,)`, D = `dim` at most.

    The features' D principal directions, then the inverse root of their covariance within identities, so that what
    changes between pictures of one thing counts for little (Hatch, Kajarekar & Stolcke 2006). Identities with one item
    say nothing of that; where all have one, the map is the principal directions alone.
    """
    mean = features.mean(0)
    centred = (features - mean).astype(np.float64)
    power, directions = np.linalg.eigh(centred.T @ centred)  # ascending
    kept = min(dim, int((power > power[-1] * 1e-9).sum()))
    principal = directions[:, ::-1][:, :kept]  # (F, D)
    projected = centred @ principal  # (N, D)
    _, of = np.unique(labels, return_inverse=True)
    counts = np.bincount(of)
    means = np.zeros((len(counts), kept))
    np.add.at(means, of, projected)
    apart = projected - (means / counts[:, None])[of]  # from the mean of their own
    free = len(labels) - len(counts)
    weight = principal.T
    if free and (level := np.square(apart).sum() / free / kept) > 0:
        within = (1 - shrink) * apart.T @ apart / free + shrink * level * np.eye(kept)
        power, directions = np.linalg.eigh(within)
        weight = (directions / np.sqrt(power)) @ directions.T @ weight
    return weight, -weight @ mean


def best_share(first: FloatArray, second: FloatArray, labels: IntArray) -> float:
    """How much of `first` there should be in `share · first + (1 − share) · second`, distances `(N, N)`.

    Of shares in steps of 0.05, and of temperatures, the one under which a softmax over the others finds those of the
    same identity most surely: the likelihood per genuine pair.
    """
    others = ~np.eye(len(labels), dtype=bool)
    genuine = (labels[:, None] == labels[None]) & others
    best, found = -np.inf, 0.5
    for share in np.linspace(0, 1, 21):
        distance = share * first + (1 - share) * second
        for temperature in np.geomspace(0.02, 0.64, 11):
            logits = np.where(others, -distance / temperature, -np.inf)
            top = logits.max(1, keepdims=True)
            log_sum = top + np.log(np.exp(logits - top).sum(1, keepdims=True))
            likelihood = (logits - log_sum)[genuine].mean()
            if likelihood > best:
                best, found = float(likelihood), float(share)
    return found
