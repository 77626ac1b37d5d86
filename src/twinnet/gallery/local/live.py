"""The index in memory, kept level with the record: what others enrolled is added, what they forgot is removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np

from twinnet.core.types import IntArray
from twinnet.gallery.local import index_file
from twinnet.gallery.local.gate import Gate
from twinnet.gallery.types import Embeddings
from twinnet.index import Exact, Graph, Neighbours

EXACT_LIMIT = 50_000
"""Up to here every vector is looked at (128 numbers: about 1 ms); above it a graph is built."""

_BATCH = 8192
_MANY = 20_000  # fewer that a filter lets through are all looked at: some milliseconds, and nothing is missed
_SPARE = 3  # of the graph's nearest so many times as many as should pass the filter
_WIDEST = 500  # asking the graph for more takes longer than looking at all that pass
_WORTH_SAVING = 0.05  # of all rows; fewer are added again in a moment


class Live:
    """`unseal(rows of (id, handle, embedding)) → (N, D)` gives vectors as they are compared.

    Where `stored` is false the graph is never written to disk.
    """

    def __init__(
        self,
        folder: Path,
        dim: int,
        unseal: Callable[[list[tuple[int, bytes, bytes]]], Embeddings],
        tell: Callable[[str], None],
        *,
        stored: bool,
        exact_limit: int = EXACT_LIMIT,
    ) -> None:
        self.folder, self.dim, self.stored, self.exact_limit = folder, dim, stored, exact_limit
        self._unseal, self._tell = unseal, tell
        self.gate = Gate()
        self.index: Exact | Graph = Exact(dim)
        self.seen = self.removals = 0
        self._unsaved = 0  # rows that the graph on disk lacks

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Be level with the record. The caller holds the connection's lock."""
        changes = connection.execute("SELECT changes FROM state").fetchone()[0]
        if changes == self.seen:
            return
        begun = not connection.in_transaction
        if begun:
            connection.execute("BEGIN")  # one snapshot for all that is read below
        try:
            with self.gate.alone():
                self._catch_up(connection)
        finally:
            if begun:
                connection.execute("COMMIT")

    def rebuild(self, connection: sqlite3.Connection) -> None:
        """Throw the index away and make it anew."""
        with self.gate.alone():
            self._start(connection, None)
        self.seen = -1
        self.refresh(connection)

    @property
    def unsaved(self) -> bool:
        """Whether so much is new that the next start would be slow."""
        return self._unsaved > _WORTH_SAVING * len(self.index)

    def saved(self) -> None:
        """The graph on disk is level."""
        self._unsaved = 0

    def dropped(self) -> None:
        """The graph on disk is gone."""
        self._unsaved = len(self.index)

    def search(self, probes: Embeddings, k: int, among: IntArray | None) -> Neighbours:
        """See `VectorIndex.search`."""
        self.gate.enter()
        try:
            if among is not None and isinstance(self.index, Graph) and len(among) >= _MANY:
                found = self._widened(probes, k, among)
                if found is not None:
                    return found
            return self.index.search(probes, k, among)
        finally:
            self.gate.leave()

    def vectors(self, keys: IntArray) -> Embeddings:
        """See `VectorIndex.vectors`."""
        self.gate.enter()
        try:
            return self.index.vectors(keys)
        finally:
            self.gate.leave()

    def _widened(self, probes: Embeddings, k: int, among: IntArray) -> Neighbours | None:
        """Search all for more than k and keep those among the given; None where too few of them are near."""
        more = int(_SPARE * k * max(1, len(self.index) / len(among)))
        if more > _WIDEST:
            return None
        near = self.index.search(probes, more)
        allowed = np.sort(among)
        place = np.minimum(np.searchsorted(allowed, near.keys), len(allowed) - 1)
        passed = allowed[place] == near.keys  # (Q, more)
        if (passed.sum(1) < k).any():
            return None
        first = np.argsort(~passed, axis=1, kind="stable")[:, :k]  # those that passed stay in order
        return Neighbours(np.take_along_axis(near.keys, first, 1), np.take_along_axis(near.distances, first, 1))

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        changes, removals = connection.execute("SELECT changes, removals FROM state").fetchone()
        if self.seen == 0:
            digest = connection.execute("SELECT value FROM fact WHERE name = 'index'").fetchone()
            self._start(connection, digest[0] if digest else None)
        if removals != self.removals:
            there = np.array([row[0] for row in connection.execute("SELECT id FROM template ORDER BY id")], np.int64)
            self.index.remove(np.setdiff1d(self.index.keys, there, assume_unique=True))
            self.removals = removals
        self._add_new(connection)
        worn = isinstance(self.index, Graph) and self.index.worn
        if worn or (isinstance(self.index, Exact) and len(self.index) > self.exact_limit):
            self._start(connection, None)
            self._add_new(connection)
        self.seen = changes

    def _start(self, connection: sqlite3.Connection, digest: str | None) -> None:
        """An empty index of the right kind, or the saved one where it can be trusted."""
        n, self.removals = connection.execute("SELECT (SELECT count(*) FROM template), removals FROM state").fetchone()
        if n <= self.exact_limit:
            self.index = Exact(self.dim)
            return
        if digest is not None and self.stored:
            found = index_file.read(self.folder, self.dim, digest)
            if not isinstance(found, str):
                self.index, _, self.removals = found
                return
            self._tell(f"{self.folder}: the index is rebuilt from the record, because {found}")
        self.index, self._unsaved = Graph(self.dim), 0

    def _add_new(self, connection: sqlite3.Connection) -> None:
        last = int(self.index.keys[-1]) if len(self.index) else 0
        found = connection.execute(
            "SELECT template.id, handle, embedding FROM template JOIN identity ON identity.id = template.identity "
            "WHERE template.id > ? ORDER BY template.id",
            (last,),
        )
        while rows := found.fetchmany(_BATCH):
            self.index.add(np.array([row[0] for row in rows], np.int64), self._unseal(rows))
            self._unsaved += len(rows)
