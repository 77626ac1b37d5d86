"""What an index is, and the bookkeeping that both kinds share: which key stands at which row."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import ConfigError
from twinnet.core.types import IntArray

Vectors = npt.NDArray[np.float32]


class Neighbours(NamedTuple):
    """`keys (Q, k)` and Euclidean `distances (Q, k)`, ascending; −1 and ∞ where there are fewer than k."""

    keys: IntArray
    distances: Vectors


class VectorIndex(Protocol):
    """Nearest vectors by Euclidean distance. Keys are given in ascending order and are never used twice."""

    @property
    def kind(self) -> str: ...

    @property
    def keys(self) -> IntArray:
        """The keys `(N,)` that are there, ascending."""
        ...

    def __len__(self) -> int: ...

    def add(self, keys: IntArray, vectors: Vectors) -> None: ...

    def remove(self, keys: IntArray) -> None: ...

    def vectors(self, keys: IntArray) -> Vectors:
        """The vectors `(N, D)` of keys that are there."""
        ...

    def search(self, probes: Vectors, k: int, among: IntArray | None = None) -> Neighbours:
        """The k nearest to each of `probes (Q, D)`, only among the given keys if any are given."""
        ...


class Keys:
    """Ascending int64 keys in a buffer that doubles, so that adding one does not copy all."""

    def __init__(self) -> None:
        self._buffer: IntArray = np.empty(16, np.int64)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    @property
    def values(self) -> IntArray:
        """The keys `(N,)`."""
        return self._buffer[: self._n]

    def append(self, keys: IntArray) -> None:
        """Raises ConfigError unless the keys ascend and are above all that are there."""
        joined = keys if self._n == 0 else np.append(self._buffer[self._n - 1], keys)
        if not (np.diff(joined) > 0).all():
            raise ConfigError("keys must ascend and be new: a key is never used twice.")
        if self._n + len(keys) > len(self._buffer):
            grown = np.empty(max(2 * len(self._buffer), self._n + len(keys)), np.int64)
            grown[: self._n] = self.values
            self._buffer = grown
        self._buffer[self._n : self._n + len(keys)] = keys
        self._n += len(keys)

    def rows(self, keys: IntArray) -> IntArray:
        """The rows `(M,)` of those keys that are there; others are passed over."""
        at = np.searchsorted(self.values, keys)
        at_most = np.minimum(at, max(self._n - 1, 0))
        found: IntArray = at[self.values[at_most] == keys] if self._n else at[:0]
        return found

    def drop(self, rows: IntArray) -> None:
        """Forget the keys at these rows; the rows after them move up."""
        kept = np.delete(self.values, rows)
        self._buffer[: len(kept)] = kept
        self._n = len(kept)


def checked(vectors: npt.ArrayLike, dim: int) -> Vectors:
    """As `(N, dim)` float32 in one piece. Raises ConfigError for another shape or values that are not finite."""
    array = np.ascontiguousarray(vectors, np.float32)
    if array.ndim != 2 or array.shape[1] != dim:
        raise ConfigError(f"expected vectors (N, {dim}), got {array.shape}.")
    # The sum of squares is finite wherever no number is huge, and costs a fifth of looking at each.
    if not isfinite(np.vdot(array, array)) and not np.isfinite(array).all():
        raise ConfigError("a vector has values that are not finite numbers.")
    return array


def exact_search(candidates: Vectors, keys: IntArray, probes: Vectors, k: int) -> Neighbours:
    """By brute force over `candidates (M, D)` with `keys (M,)`."""
    import faiss

    if not len(keys):
        return nothing(len(probes), k)
    squared, rows = faiss.knn(probes, np.ascontiguousarray(candidates), min(k, len(keys)))
    return answer(keys, rows, squared, k)


def answer(keys: IntArray, rows: IntArray, squared: Vectors, k: int) -> Neighbours:
    """What FAISS found, `rows` and `squared (Q, ≤ k)`, −1 where there is nothing more, as keys `(Q, k)` and distances.

    Both may be overwritten. A query's cost counts in microseconds here, so nothing is done that is not needed.
    """
    short = k - rows.shape[1]
    if short > 0:
        rows = np.pad(rows, ((0, 0), (0, short)), constant_values=-1)
        squared = np.pad(squared, ((0, 0), (0, short)), constant_values=np.inf)
    found = keys.take(rows, mode="wrap")
    if rows.size and (rows.item(-1) < 0 or squared.item(0) < 0 or len(rows) > 1):
        found[rows < 0] = -1
        squared[rows < 0] = np.inf
        np.maximum(squared, 0, out=squared)  # rounding may leave it just below 0
    return Neighbours(found, np.sqrt(squared, out=squared))


def nothing(probes: int, k: int) -> Neighbours:
    """The answer of an empty index."""
    return Neighbours(np.full((probes, k), -1, np.int64), np.full((probes, k), np.inf, np.float32))
