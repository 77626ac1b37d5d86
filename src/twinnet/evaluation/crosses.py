"""Distances of all against all for plain arrays, without a network: one matrix product and a few passes over it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import ConfigError

Vectors = npt.NDArray[np.floating]
Cross = Callable[[Vectors, Vectors], npt.NDArray[np.floating]]
"""Distances of all against all, `(n, D), (m, D) → (n, m)`; called by several threads at once."""

_NEAR = 0.05  # of |a|² + |b|²: below it the product has lost more than one of its seven digits
_AT_ONCE = 1 << 20  # numbers of differences held at once


def euclidean(a: Vectors, b: Vectors) -> npt.NDArray[np.float32]:
    """|a − b| in float32, `(n, D), (m, D) → (n, m)`.

    Pairs that are nearly the same, whose digits |a|² + |b|² − 2ab loses, are done again by their differences, so equal
    vectors are exactly 0 apart. Otherwise the last bit of a distance may depend on which others it is computed among.
    """
    a, b = _float32(a), _float32(b)
    aa, bb = np.einsum("ij,ij->i", a, a), np.einsum("ij,ij->i", b, b)
    squared: npt.NDArray[np.float32] = a @ b.T  # (n, D) @ (D, m) -> (n, m); in place from here on
    squared *= -2
    squared += aa[:, None]
    squared += bb
    # One number for the whole block finds all near pairs and some others, which each pair's own lengths then sort out.
    loose = _NEAR * (aa.max(initial=0) + bb.max(initial=0))
    first, second = np.divmod(np.flatnonzero(squared <= loose), max(1, len(b)))
    near = squared[first, second] <= _NEAR * (aa[first] + bb[second])
    first, second = first[near], second[near]
    step = max(1, _AT_ONCE // max(1, a.shape[1]))
    for at in range(0, len(first), step):
        i, j = first[at : at + step], second[at : at + step]
        difference = a[i] - b[j]
        squared[i, j] = np.einsum("ij,ij->i", difference, difference)
    np.sqrt(squared, out=squared)
    return squared


def cosine(a: Vectors, b: Vectors) -> npt.NDArray[np.float32]:
    """1 − cos(a, b) in float32, in [0, 2]; 1 where a vector is zero. `(n, D), (m, D) → (n, m)`."""
    found: npt.NDArray[np.float32] = _unit(a) @ _unit(b).T
    np.clip(found, -1, 1, out=found)
    np.subtract(np.float32(1), found, out=found)
    return found


CROSSES: dict[str, Cross] = {"euclidean": euclidean, "cosine": cosine}


def as_cross(cross: Cross | str) -> Cross:
    """The comparison of that name, or the function itself. Raises ConfigError for an unknown name."""
    if not isinstance(cross, str):
        return cross
    if cross not in CROSSES:
        raise ConfigError(f"comparison {cross!r} is unknown. Known: {', '.join(CROSSES)}; or give a function.")
    return CROSSES[cross]


def _float32(x: Vectors) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(x, np.float32)


def _unit(x: Vectors) -> npt.NDArray[np.float32]:
    y = _float32(x)
    length = np.sqrt(np.einsum("ij,ij->i", y, y))[:, None]  # (n, 1)
    unit: npt.NDArray[np.float32] = y / np.maximum(length, np.float32(1e-12))
    return unit
