"""From arrays of embeddings to what the protocols ask for, so that any system's embeddings can be judged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from twinnet.core.types import FloatArray, IntArray

Vectors = npt.NDArray[np.floating]
Compare = Callable[[Vectors, Vectors], npt.NDArray[np.floating]]

_BLOCK = 1 << 16  # pairs compared at once: 2 × 64 MB at 256 float32 dimensions


def paired(embeddings: Vectors, comparison: Compare) -> Callable[[IntArray, IntArray], FloatArray]:
    """For `verification`: distances of listed pairs, by `comparison`: `(P, D), (P, D) → (P,)`."""

    def distance(first: IntArray, second: IntArray) -> FloatArray:
        found = np.empty(len(first))
        for at in range(0, len(first), _BLOCK):
            block = slice(at, at + _BLOCK)
            found[block] = comparison(embeddings[first[block]], embeddings[second[block]])
        return found

    return distance


def templates(
    embeddings: Vectors, cross: Compare, *, normalise: bool = False
) -> Callable[[IntArray, IntArray], FloatArray]:
    """For `nway`: distances of probes to the mean of each class's support, by `cross`: `(Q, D), (N, D) → (Q, N)`.

    `normalise` brings the means back to length 1, for embeddings that live on the sphere.
    """

    def distance(support: IntArray, probe: IntArray) -> FloatArray:
        means = embeddings[support].mean(1)  # (N, K, D) -> (N, D)
        if normalise:
            means = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        return np.asarray(cross(embeddings[probe], means.astype(embeddings.dtype)), np.float64)

    return distance
