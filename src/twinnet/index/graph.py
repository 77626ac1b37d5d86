"""A graph of near neighbours (HNSW; Malkov & Yashunin 2018): nearly right, and fast among millions."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from twinnet.core.errors import DataError
from twinnet.core.types import BoolArray, IntArray
from twinnet.index.base import Keys, Neighbours, Vectors, answer, checked, exact_search, nothing

LINKS = 16
BUILD_WIDTH = 100
SEARCH_WIDTH = 64
_REBUILD = 0.25  # more of the rows than this removed: the graph has too many detours


@final
class Graph:
    """FAISS's HNSW with keys; see `VectorIndex`.

    A removed vector's row stays as a place to pass through, but its numbers are overwritten by those of a neighbour,
    so that nothing of it remains in memory or in `to_bytes`.
    """

    kind = "graph"

    def __init__(self, dim: int, *, links: int = LINKS, build_width: int = BUILD_WIDTH) -> None:
        import faiss

        self._dim = dim
        self._hnsw: Any = faiss.IndexHNSWFlat(dim, links)
        self._hnsw.hnsw.efConstruction = build_width
        self._keys = Keys()
        self._gone: BoolArray = np.zeros(0, np.bool_)
        self._n_gone = 0
        self._how: dict[int, Any] = {}  # parameters by width
        self._living: Any = None  # FAISS's selector of rows; None while all live

    def __len__(self) -> int:
        return len(self._keys) - self._n_gone

    @property
    def keys(self) -> IntArray:
        """The keys `(N,)`, ascending."""
        living: IntArray = self._keys.values[~self._gone]
        return living

    @property
    def worn(self) -> bool:
        """Whether so much was removed that the graph should be built anew."""
        return self._n_gone > _REBUILD * len(self._keys)

    def add(self, keys: IntArray, vectors: Vectors) -> None:
        """`(N,)` ascending new keys and their `(N, D)` vectors."""
        vectors = checked(vectors, self._dim)
        self._keys.append(keys)
        self._hnsw.add(vectors)
        self._gone = np.append(self._gone, np.zeros(len(keys), np.bool_))
        self._select()

    def remove(self, keys: IntArray) -> None:
        """Keys that are not there are passed over."""
        rows = self._keys.rows(keys)
        self._gone[rows] = True
        numbers = self._numbers()
        for row in rows:
            near = self._hnsw.search(numbers[row : row + 1].copy(), 16)[1][0]
            living = [other for other in near if other >= 0 and not self._gone[other]]
            numbers[row] = numbers[living[0]] if living else 0
        self._select()

    def vectors(self, keys: IntArray) -> Vectors:
        """`(M,)` keys → `(M, D)`."""
        rows = self._keys.rows(keys)
        found: Vectors = self._numbers()[rows[~self._gone[rows]]]
        return found

    def search(self, probes: Vectors, k: int, among: IntArray | None = None) -> Neighbours:
        """The k nearest to each of `probes (Q, D)`; among given keys, exactly."""
        import faiss

        probes = checked(probes, self._dim)
        if among is not None:
            # To look costs less than to sort, and keys mostly come in order.
            rows = self._keys.rows(among if (np.diff(among) > 0).all() else np.unique(among))
            rows = rows[~self._gone[rows]]
            return exact_search(self._numbers()[rows], self._keys.values[rows], probes, k)
        if not len(self):
            return nothing(len(probes), k)
        found = min(k, len(self))
        width = max(SEARCH_WIDTH, 2 * found)
        how = self._how.get(width)
        if how is None:  # making one costs as much as a tenth of a search
            how = faiss.SearchParametersHNSW(efSearch=width, sel=self._living)  # type: ignore[attr-defined]
            self._how[width] = how
        # faiss.contrib.torch_utils, which other libraries import, replaces search by one that takes no parameters.
        search = getattr(self._hnsw, "search_numpy", self._hnsw.search)
        squared, rows = search(probes, found, params=how)
        return answer(self._keys.values, rows, squared, k)

    def to_bytes(self) -> bytes:
        """Everything, for `from_bytes`."""
        import faiss

        n = len(self._keys)
        graph = faiss.serialize_index(self._hnsw)
        return n.to_bytes(8, "little") + self._keys.values.astype("<i8").tobytes() + self._gone.tobytes() + bytes(graph)

    @classmethod
    def from_bytes(cls, content: bytes | memoryview, dim: int) -> Graph:
        """Back again. FAISS trusts what it reads, so the caller must know that `to_bytes` made this content."""
        import faiss

        made = cls(dim)
        n = int.from_bytes(content[:8], "little")
        made._keys.append(np.frombuffer(content, "<i8", n, 8))
        made._gone = np.frombuffer(content, np.bool_, n, 8 + 8 * n).copy()
        made._hnsw = faiss.deserialize_index(np.frombuffer(content, np.uint8, offset=8 + 9 * n))
        if not isinstance(made._hnsw, faiss.IndexHNSWFlat) or (made._hnsw.d, made._hnsw.ntotal) != (dim, n):
            raise DataError("the graph has another shape than its keys.")
        made._select()
        return made

    def _numbers(self) -> Vectors:
        import faiss

        flat: Any = faiss.downcast_index(self._hnsw.storage)
        all_rows: Vectors = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * self._dim).reshape(-1, self._dim)
        return all_rows

    def _select(self) -> None:
        import faiss

        gone = np.flatnonzero(self._gone)
        self._n_gone, self._how = len(gone), {}
        # FAISS keeps no reference to the inner selector; the attribute does.
        self._rows = faiss.IDSelectorBatch(gone)
        self._living = faiss.IDSelectorNot(self._rows) if len(gone) else None
