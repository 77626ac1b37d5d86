"""Every vector is looked at: right by definition, and fast enough to some 50,000 vectors."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from twinnet.core.types import IntArray
from twinnet.index.base import Keys, Neighbours, Vectors, answer, checked, exact_search, nothing


@final
class Exact:
    """FAISS's flat index with keys; see `VectorIndex`."""

    kind = "exact"

    def __init__(self, dim: int) -> None:
        import faiss

        self._dim = dim
        self._flat: Any = faiss.IndexFlatL2(dim)
        self._keys = Keys()

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def keys(self) -> IntArray:
        """The keys `(N,)`, ascending."""
        return self._keys.values

    def add(self, keys: IntArray, vectors: Vectors) -> None:
        """`(N,)` ascending new keys and their `(N, D)` vectors."""
        vectors = checked(vectors, self._dim)
        self._keys.append(keys)
        self._flat.add(vectors)

    def remove(self, keys: IntArray) -> None:
        """Keys that are not there are passed over."""
        rows = self._keys.rows(keys)
        if len(rows):
            self._flat.remove_ids(rows)
            self._keys.drop(rows)

    def vectors(self, keys: IntArray) -> Vectors:
        """`(M,)` keys → `(M, D)`."""
        rows = self._keys.rows(keys)
        found: Vectors = np.empty((len(rows), self._dim), np.float32)
        if len(rows):
            self._flat.reconstruct_batch(rows, found)
        return found

    def search(self, probes: Vectors, k: int, among: IntArray | None = None) -> Neighbours:
        """The k nearest to each of `probes (Q, D)`."""
        probes = checked(probes, self._dim)
        if among is not None:
            there = self.keys[self._keys.rows(np.sort(among))]
            return exact_search(self.vectors(there), there, probes, k)
        if not len(self):
            return nothing(len(probes), k)
        squared, rows = self._flat.search(probes, min(k, len(self)))
        return answer(self.keys, rows, squared, k)
