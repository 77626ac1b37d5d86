"""The local store: every write is one SQLite transaction, every search is answered from memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np

from twinnet.core.errors import GalleryBusy, GalleryError, NotEnrolled
from twinnet.core.types import IntArray
from twinnet.gallery.local import codec, erasure, inspect, opening, record, rows
from twinnet.gallery.local.live import EXACT_LIMIT, Live
from twinnet.gallery.local.vault import Vault
from twinnet.gallery.store import Batch, Shortlist
from twinnet.gallery.types import Binding, Embeddings, Enrolled, Entry, Forgotten, Info, Receipt, Row

WAIT_S = 30.0
_FILTERS = 8  # answers that are kept


@final
class LocalStore:
    """One folder; see `Store`. Safe to share among threads. `notes` gathers what the user should know."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self._counted = (-1, 0)
        self._filtered: dict[tuple[int, str], IntArray] = {}

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
        return cls(opening.created(Path(folder), binding, key, wait_s, exact_limit))

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
        return cls(opening.opened(Path(folder), key, wait_s, exact_limit))

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.vault.folder

    @property
    def binding(self) -> Binding:
        """See `Binding`."""
        return self.vault.binding

    @property
    def writable(self) -> bool:
        """Whether its files may be written here."""
        return self.vault.writable

    @property
    def live(self) -> Live:
        """The index in memory."""
        return self.vault.live

    @property
    def notes(self) -> list[str]:
        """See `Store.notes`."""
        return self.vault.notes

    @property
    def tell(self) -> Callable[[str], None]:
        """Who is told what the user should know, in place of `notes`."""
        return self.vault.tell

    @tell.setter
    def tell(self, tell: Callable[[str], None]) -> None:
        self.vault.tell = tell

    def add(self, entries: Sequence[Entry]) -> list[Receipt]:
        """See `Store.add`. The bytes of templates that a new prototype replaces leave the disk with `close`."""
        vault = self.vault
        for entry in entries:
            rows.check(entry, vault.binding)
        with vault.lock, vault.writing() as connection:
            vault.still_bound()
            done = [rows.insert(connection, vault.seal, vault.binding, entry) for entry in entries]
            removed = sum(n for _, n in done)
            connection.execute(
                "UPDATE state SET changes = changes + 1, removals = removals + ?, erasing = max(erasing, ?)",
                (removed, int(removed > 0)),
            )
        vault.owes_erasing |= removed > 0
        return [receipt for receipt, _ in done]

    def forget(self, names: Sequence[str]) -> Forgotten:
        """See `Store.forget`."""
        with self.vault.lock:
            return erasure.forget(self.vault, names)

    def replace(self, binding: Binding, embeddings: Embeddings, expected: int) -> None:
        """See `Store.replace`."""
        with self.vault.lock:
            self.vault.level()
            erasure.drop_index(self.vault)
            with self.vault.writing() as connection:
                if self.changes != expected:
                    raise GalleryBusy(f"{self.folder}: it was changed meanwhile. Next: repeat; nothing was changed.")
                rows.reembed(connection, self.vault.seal, binding, embeddings)
                connection.execute("UPDATE state SET changes = changes + 1, removals = removals + 1, erasing = 1")
                connection.execute("UPDATE fact SET value = ? WHERE name = 'binding'", (json.dumps(binding.to_dict()),))
            self.vault.bind(binding)
            erasure.finish(self.vault)

    def shortlist(self, probes: Embeddings, k: int, among: IntArray | None = None) -> Shortlist:
        """See `Store.shortlist`."""
        self.vault.level()
        found = self.vault.live.search(codec.compared(probes, self.binding), k, among)
        distances = found.distances.astype(np.float64)
        if self.binding.comparison == "cosine":
            distances = distances**2 / 2  # of unit vectors: |a − b|² = 2 − 2 cos
        return Shortlist(found.keys, distances)

    def rows(self, keys: Sequence[int]) -> dict[int, Row]:
        """See `Store.rows`."""
        return rows.fetch(self.vault.read, self.vault.seal, keys)

    def templates(self, keys: Sequence[int]) -> Embeddings:
        """See `Store.templates`."""
        self.vault.level()
        asked = np.asarray(keys, np.int64)
        distinct, back = np.unique(asked, return_inverse=True)
        found = self.vault.live.vectors(distinct)
        if len(found) != len(distinct):
            raise NotEnrolled(f"{self.folder}: a template was forgotten meanwhile. Next: repeat.")
        taken: Embeddings = found[back]
        return taken

    def keys_of(self, name: str) -> list[int]:
        """See `Store.keys_of`."""
        return rows.keys_of(self.vault.read, self.vault.seal, self.folder, name)

    def original_of(self, name: str) -> bytes | None:
        """See `Store.original_of`."""
        return rows.original_of(self.vault.read, self.vault.seal, self.keys_of(name)[0], name)

    def keys_where(self, where: Mapping[str, Any]) -> IntArray:
        """See `Store.keys_where`. The last answers are kept until the next write: reading all metadata is slow."""
        with self.vault.lock:
            self.vault.level()
            asked = (self.vault.live.seen, repr(sorted(where.items())))
            found = self._filtered.pop(asked, None)
            if found is None:
                found = rows.keys_where(self.vault.read, self.vault.seal, where)
                found.setflags(write=False)
            self._filtered = dict([*self._filtered.items(), (asked, found)][-_FILTERS:])
            return found

    def enrolled(self) -> list[Enrolled]:
        """See `Store.enrolled`."""
        return rows.enrolled(self.vault.read, self.vault.seal)

    def scan(self, batch: int = 4096) -> Iterator[Batch]:
        """See `Store.scan`."""
        return rows.scan(self.vault.read, self.vault.seal, self.binding, batch)

    @property
    def n_identities(self) -> int:
        """How many identities there are."""
        self.vault.level()
        seen, n = self._counted
        if seen != self.vault.live.seen:  # counting reads the whole table, too long for every search
            n = int(self.vault.read("SELECT count(*) FROM identity")[0][0])
            self._counted = (self.vault.live.seen, n)
        return n

    @property
    def n_templates(self) -> int:
        """How many templates there are."""
        self.vault.level()
        return len(self.vault.live.index)

    @property
    def changes(self) -> int:
        """How many writes there have been."""
        return int(self.vault.read("SELECT changes FROM state")[0][0])

    def info(self) -> Info:
        """See `Info`."""
        return inspect.info(self.vault)

    def problems(self) -> list[str]:
        """See `Store.problems`."""
        return inspect.problems(self.vault)

    def rebuild(self) -> None:
        """See `Store.rebuild`."""
        with self.vault.lock, record.translated(self.folder):
            if self.writable:
                erasure.drop_index(self.vault)
            self.vault.live.rebuild(self.vault.connection)
            erasure.save_index(self.vault)

    def remember_model(self, path: str) -> None:
        """Where the model's file lies now."""
        self.vault.binding = replace(self.binding, model_path=path)
        with self.vault.lock, self.vault.writing() as connection:
            connection.execute(
                "UPDATE fact SET value = ? WHERE name = 'binding'", (json.dumps(self.binding.to_dict()),)
            )

    def close(self) -> None:
        """Erase what was replaced, and save the graph, if there is one, for a quick start next time."""
        vault = self.vault
        with vault.lock:
            try:
                if vault.owes_erasing and not erasure.finish(vault):
                    vault.tell(
                        f"{self.folder}: another process still reads; who opens it next erases what was replaced"
                    )
                erasure.save_index(vault)
            except (GalleryError, OSError) as error:
                vault.tell(f"{self.folder}: not everything could be tidied; who opens it next does it ({error})")
            vault.connection.close()

    @property
    def place(self) -> str:
        """Where it lies, for messages."""
        return str(self.folder)

    def __enter__(self) -> LocalStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
