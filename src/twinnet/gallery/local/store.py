"""The local store: every write is one SQLite transaction, every search is answered from memory."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np

from twinnet.core.errors import GalleryBusy, GalleryError, NotEnrolled, WrongModel
from twinnet.core.types import IntArray
from twinnet.gallery.local import codec, erasure, inspect, record, rows
from twinnet.gallery.local.live import EXACT_LIMIT, Live
from twinnet.gallery.local.seal import Open, Seal, Sealed, seal_for
from twinnet.gallery.store import Batch, Shortlist
from twinnet.gallery.types import Binding, Embeddings, Enrolled, Entry, Forgotten, Info, Receipt, Row

WAIT_S = 30.0


@final
class LocalStore:
    """One folder; see `Store`. Safe to share among threads. `notes` gathers what the user should know."""

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        writable: bool,
        seal: Seal,
        binding: Binding,
        wait_s: float,
        exact_limit: int,
    ) -> None:
        self.folder, self._connection, self.writable = folder, connection, writable
        self.seal, self.binding, self._wait_s = seal, binding, wait_s
        self.notes: list[str] = []
        self.tell: Callable[[str], None] = self.notes.append
        self.lock = threading.RLock()
        self._counted = (-1, 0)
        plain = isinstance(seal, Open)
        self.live = Live(
            folder, binding.dim, self._prepared, lambda text: self.tell(text), stored=plain, exact_limit=exact_limit
        )

    @classmethod
    def create(
        cls,
        folder: str | Path,
        binding: Binding,
        *,
        key: str | None = None,
        wait_s: float = WAIT_S,
        exact_limit: int = EXACT_LIMIT,
    ) -> LocalStore:
        """A new gallery in a new or empty folder, encrypted where `key` is given. Raises GalleryError."""
        folder = Path(folder)
        seal = Sealed(key) if key else Open()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            taken = next((file for file in folder.iterdir() if not file.name.startswith(record.FILE)), None)
        except OSError as error:
            raise GalleryError(f"{folder}: no gallery can be made here ({error.strerror}).") from error
        if taken is not None:
            raise GalleryError(f"{folder}: the folder is not empty (it has {taken.name}). Next: name a new folder.")
        connection, _ = record.connect(folder, create=True)
        facts = {"format": record.FORMAT, "binding": json.dumps(binding.to_dict()), "seal": json.dumps(seal.facts)}
        try:
            with record.writing(connection, folder, wait_s, lambda text: None):
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise GalleryError(f"{folder}: there is a gallery already. Next: open it, or name a new folder.")
                for statement in record.SCHEMA.split(";"):
                    connection.execute(statement)
                connection.executemany("INSERT INTO fact VALUES (?, ?)", facts.items())
        except BaseException:
            connection.close()
            raise
        return cls(folder, connection, True, seal, binding, wait_s, exact_limit)

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        key: str | None = None,
        wait_s: float = WAIT_S,
        exact_limit: int = EXACT_LIMIT,
    ) -> LocalStore:
        """An existing gallery. Raises GalleryError, GalleryDamaged or WrongKey."""
        folder = Path(folder)
        connection, writable = record.connect(folder)
        try:
            with record.translated(folder):
                facts = dict(connection.execute("SELECT name, value FROM fact"))
                erasing = connection.execute("SELECT erasing FROM state").fetchone()[0]
            if facts["format"] != record.FORMAT:
                raise GalleryError(
                    f"{folder}: made by a newer twinnet (format {facts['format']}). Next: update twinnet."
                )
            seal = seal_for(json.loads(facts["seal"]), key)
            store = cls(
                folder, connection, writable, seal, Binding(**json.loads(facts["binding"])), wait_s, exact_limit
            )
            if erasing and writable:
                erasure.finish(store)  # whoever forgot was stopped before the bytes were gone
        except BaseException:
            connection.close()
            raise
        return store

    def writing(self) -> Any:
        """One transaction. Raises GalleryError where this gallery can only be read."""
        if not self.writable:
            raise GalleryError(f"{self.folder}: this gallery can only be read here. Next: check its permissions.")
        return record.writing(self._connection, self.folder, self._wait_s, lambda text: self.tell(text))

    def read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Rows of a query."""
        with self.lock, record.translated(self.folder):
            return self._connection.execute(query, values).fetchall()

    def level(self) -> None:
        """Bring the index level with the record."""
        with self.lock, record.translated(self.folder):
            seen = self.live.seen
            self.live.refresh(self._connection)
            if seen != self.live.seen:
                self._still_bound()

    def add(self, entries: Sequence[Entry]) -> list[Receipt]:
        """See `Store.add`."""
        for entry in entries:
            rows.check(entry, self.binding)
        with self.lock, self.writing() as connection:
            self._still_bound()
            done = [rows.insert(connection, self.seal, self.binding, entry) for entry in entries]
            removed = sum(n for _, n in done)
            connection.execute("UPDATE state SET changes = changes + 1, removals = removals + ?", (removed,))
        return [receipt for receipt, _ in done]

    def forget(self, names: Sequence[str]) -> Forgotten:
        """See `Store.forget`."""
        with self.lock:
            return erasure.forget(self, names)

    def replace(self, binding: Binding, embeddings: Embeddings, expected: int) -> None:
        """See `Store.replace`."""
        with self.lock:
            self.level()
            erasure.drop_index(self)
            with self.writing() as connection:
                if self.changes != expected:
                    raise GalleryBusy(f"{self.folder}: it was changed meanwhile. Next: repeat; nothing was changed.")
                rows.reembed(connection, self.seal, binding, embeddings)
                connection.execute("UPDATE state SET changes = changes + 1, removals = removals + 1, erasing = 1")
                connection.execute("UPDATE fact SET value = ? WHERE name = 'binding'", (json.dumps(binding.to_dict()),))
            self.binding = binding
            limit, stored = self.live.exact_limit, self.live.stored
            self.live = Live(self.folder, binding.dim, self._prepared, lambda text: self.tell(text),
                             stored=stored, exact_limit=limit)  # fmt: skip
            erasure.finish(self)

    def shortlist(self, probes: Embeddings, k: int, among: IntArray | None = None) -> Shortlist:
        """See `Store.shortlist`."""
        self.level()
        found = self.live.search(codec.compared(probes, self.binding), k, among)
        distances = found.distances.astype(np.float64)
        if self.binding.comparison == "cosine":
            distances = distances**2 / 2  # of unit vectors: |a − b|² = 2 − 2 cos
        return Shortlist(found.keys, distances)

    def rows(self, keys: Sequence[int]) -> dict[int, Row]:
        """See `Store.rows`."""
        return rows.fetch(self.read, self.seal, keys)

    def templates(self, keys: Sequence[int]) -> Embeddings:
        """See `Store.templates`."""
        self.level()
        asked = np.asarray(keys, np.int64)
        distinct, back = np.unique(asked, return_inverse=True)
        found = self.live.vectors(distinct)
        if len(found) != len(distinct):
            raise NotEnrolled(f"{self.folder}: a template was forgotten meanwhile. Next: repeat.")
        taken: Embeddings = found[back]
        return taken

    def keys_of(self, name: str) -> list[int]:
        """See `Store.keys_of`."""
        found = self.read(
            "SELECT template.id FROM template JOIN identity ON identity.id = identity WHERE handle = ? "
            "ORDER BY template.id",
            (self.seal.handle(name),),
        )
        if not found:
            raise NotEnrolled(f"{name}: not in {self.folder}. Next: twinnet gallery list {self.folder}")
        return [row[0] for row in found]

    def keys_where(self, where: Mapping[str, Any]) -> IntArray:
        """See `Store.keys_where`."""
        return rows.keys_where(self.read, self.seal, where)

    def enrolled(self) -> list[Enrolled]:
        """See `Store.enrolled`."""
        found = self.read(
            "SELECT handle, name, count(*), sum(n_items) FROM identity JOIN template ON identity.id = identity "
            "GROUP BY identity.id ORDER BY identity.id"
        )
        return [
            Enrolled(self.seal.open(name, handle + b"/name").decode(), n, items) for handle, name, n, items in found
        ]

    def scan(self, batch: int = 4096) -> Iterator[Batch]:
        """See `Store.scan`."""
        return rows.scan(self.read, self.seal, self.binding, batch)

    @property
    def n_identities(self) -> int:
        """How many identities there are."""
        self.level()
        seen, n = self._counted
        if seen != self.live.seen:  # counting reads the whole table, too long for every search
            seen, n = self._counted = (self.live.seen, int(self.read("SELECT count(*) FROM identity")[0][0]))
        return n

    @property
    def n_templates(self) -> int:
        """How many templates there are."""
        self.level()
        return len(self.live.index)

    @property
    def changes(self) -> int:
        """How many writes there have been."""
        return int(self.read("SELECT changes FROM state")[0][0])

    def info(self) -> Info:
        """See `Info`."""
        return inspect.info(self)

    def problems(self) -> list[str]:
        """See `Store.problems`."""
        return inspect.problems(self)

    def rebuild(self) -> None:
        """See `Store.rebuild`."""
        with self.lock, record.translated(self.folder):
            if self.writable:
                erasure.drop_index(self)
            self.live.rebuild(self._connection)
            erasure.save_index(self)

    def remember_model(self, path: str) -> None:
        """Where the model's file lies now."""
        self.binding = replace(self.binding, model_path=path)
        with self.lock, self.writing() as connection:
            connection.execute(
                "UPDATE fact SET value = ? WHERE name = 'binding'", (json.dumps(self.binding.to_dict()),)
            )

    def close(self) -> None:
        """Save the graph, if there is one, for a quick start next time."""
        with self.lock:
            try:
                erasure.save_index(self)
            except (GalleryError, OSError) as error:
                self.tell(f"{self.folder}: the index could not be saved and will be rebuilt ({error})")
            self._connection.close()

    def __enter__(self) -> LocalStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _still_bound(self) -> None:
        """Somebody may have moved the gallery to another model while this process had it open."""
        found = json.loads(self.read("SELECT value FROM fact WHERE name = 'binding'")[0][0])
        if found["fingerprint"] != self.binding.fingerprint:
            raise WrongModel(f"{self.folder}: it was migrated to another model meanwhile. Next: open it anew.")

    def _prepared(self, stored: list[tuple[int, bytes, bytes]]) -> Embeddings:
        blobs = [self.seal.open(blob, handle + b"/embedding") for _, handle, blob in stored]
        return codec.compared(codec.decode(blobs, self.binding.dtype, self.binding.dim), self.binding)

    def checkpointed(self) -> bool:
        """Move the log into the record and cut the log to nothing; false where another process reads an older state."""
        with self.lock, record.translated(self.folder):
            return bool(self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)

    def vacuum(self) -> None:
        """Write the record anew, without anything that was deleted."""
        with self.lock, record.translated(self.folder):
            self._connection.execute("VACUUM")
