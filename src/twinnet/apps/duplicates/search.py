"""Every pair of pictures that may be copies, by one short vector against those of the other's parts, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from twinnet.core.types import IntArray

_BLOCK = 1024
Halves = npt.NDArray[np.float16]


def candidates(probes: Halves, vectors: Halves, least: float) -> Iterator[tuple[IntArray, IntArray]]:
    """Rows `(P,)` of `probes (N, parts, 144)` and of `vectors (M, parts, 144)` whose vectors agree by `least` or more.

    The whole of one is compared with every part of the other, both ways round: a crop is near to a part of what it was
    cut from. Memory is that of one block of 1,024 × 1,024.
    """
    for i in range(0, len(probes), _BLOCK):
        a = probes[i : i + _BLOCK].astype(np.float32)
        for j in range(0, len(vectors), _BLOCK):
            b = vectors[j : j + _BLOCK].astype(np.float32)
            first, second = np.nonzero(agreement(a, b) >= least)
            yield first + i, second + j


def candidates_within(vectors: Halves, least: float) -> Iterator[tuple[int, IntArray, IntArray]]:
    """As `candidates` among themselves, each pair once, with first < second; and how many rows are behind."""
    for i in range(0, len(vectors), _BLOCK):
        a = vectors[i : i + _BLOCK].astype(np.float32)
        for j in range(i, len(vectors), _BLOCK):
            b = vectors[j : j + _BLOCK].astype(np.float32)
            first, second = np.nonzero(agreement(a, b) >= least)
            kept = first + i < second + j
            yield len(a) if j + _BLOCK >= len(vectors) else 0, first[kept] + i, second[kept] + j


def agreement(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`(N, parts, 144), (M, parts, 144)` → the best correlation `(N, M)` of one's whole with a part of the other."""
    best: npt.NDArray[np.float32] = a[:, 0] @ b[:, 0].T
    for part in range(1, a.shape[1]):
        np.maximum(best, a[:, 0] @ b[:, part].T, out=best)
        np.maximum(best, a[:, part] @ b[:, 0].T, out=best)
    return best


def nearest_part(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Of pairs `(P, parts, 144)`: which part of one is nearest to the whole of the other `(P,)`, and whether of `b`."""
    of_a, of_b = np.einsum("pkd,pd->pk", a, b[:, 0]), np.einsum("pkd,pd->pk", b, a[:, 0])  # (P, parts)
    swapped = of_b.max(1) > of_a.max(1)
    return np.where(swapped, of_b.argmax(1), of_a.argmax(1)), swapped
