"""A local gallery that is open: the record, its seal, the index in memory, and the lock before all three."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twinnet.core.errors import GalleryError, WrongModel
from twinnet.gallery.local import codec, record
from twinnet.gallery.local.live import Live
from twinnet.gallery.local.seal import Open, Seal
from twinnet.gallery.types import Binding, Embeddings


class Vault:
    """What reading, writing, erasing and inspecting all need. `tell` is given what the user should know."""

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
        self.folder, self.connection, self.writable = folder, connection, writable
        self.seal, self.binding, self.wait_s = seal, binding, wait_s
        self.notes: list[str] = []
        self.tell: Callable[[str], None] = self.notes.append
        self.lock = threading.RLock()
        self.owes_erasing = False  # this process replaced templates, and their bytes are still on disk
        self.moved = False  # to another model, by another process
        self.live = self._live(exact_limit)

    def writing(self) -> Any:
        """One transaction. Raises GalleryError where this gallery can only be read."""
        if not self.writable:
            raise GalleryError(f"{self.folder}: this gallery can only be read here. Next: check its permissions.")
        return record.writing(self.connection, self.folder, self.wait_s, lambda text: self.tell(text))

    def read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Rows of a query."""
        with self.lock, record.translated(self.folder):
            return self.connection.execute(query, values).fetchall()

    def level(self) -> None:
        """Bring the index level with the record."""
        with self.lock, record.translated(self.folder):
            seen = self.live.seen
            self.live.refresh(self.connection)
            if seen != self.live.seen or self.moved:
                self.still_bound()

    def still_bound(self) -> None:
        """Somebody may have moved the gallery to another model while this process had it open; then WrongModel."""
        found = json.loads(self.read("SELECT value FROM fact WHERE name = 'binding'")[0][0])
        self.moved = found["fingerprint"] != self.binding.fingerprint
        if self.moved:
            raise WrongModel(f"{self.folder}: it was migrated to another model meanwhile. Next: open it anew.")

    def bind(self, binding: Binding) -> None:
        """After a migration: the other model, and an empty index for its embeddings."""
        self.binding = binding
        self.live = self._live(self.live.exact_limit)

    def prepared(self, stored: list[tuple[int, bytes, bytes]]) -> Embeddings:
        """Rows of `(id, handle, embedding)` as they are compared, `(N, D)`."""
        blobs = [self.seal.open(blob, handle + b"/embedding") for _, handle, blob in stored]
        return codec.compared(codec.decode(blobs, self.binding.dtype, self.binding.dim), self.binding)

    def checkpointed(self) -> bool:
        """Move the log into the record and cut the log to nothing; false where another process reads an older state."""
        with self.lock, record.translated(self.folder):
            return bool(self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)

    def vacuum(self) -> None:
        """Write the record anew, without anything that was deleted."""
        with self.lock, record.translated(self.folder):
            self.connection.execute("VACUUM")

    def _live(self, exact_limit: int) -> Live:
        plain = isinstance(self.seal, Open)
        return Live(self.folder, self.binding.dim, self.prepared, lambda text: self.tell(text),
                    stored=plain, exact_limit=exact_limit)  # fmt: skip
