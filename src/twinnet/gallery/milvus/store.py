"""Templates on a Milvus server: the same promises as the local store, kept over a network."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np

from twinnet.core.errors import ConfigError, GalleryError, NotEnrolled
from twinnet.core.types import IntArray
from twinnet.gallery.local.rows import check
from twinnet.gallery.milvus import schema
from twinnet.gallery.milvus.address import TOKEN_VARIABLE, Address
from twinnet.gallery.milvus.entries import made
from twinnet.gallery.milvus.ledger import STALE_S, Ledger
from twinnet.gallery.milvus.link import PATIENCE_S, Link
from twinnet.gallery.milvus.schema import Keys, chunks, one_of
from twinnet.gallery.milvus.table import AT_ONCE, Table
from twinnet.gallery.milvus.writes import Writes
from twinnet.gallery.store import Batch, Shortlist
from twinnet.gallery.types import Binding, Embeddings, Enrolled, Entry, Forgotten, Info, Receipt, Row

FORMAT = "1"
_BINDING, _STAMP = 0, 1
_PAGE = 4096


@final
class MilvusStore:
    """See `Store`. Reads are strongly consistent: whatever was acknowledged to anybody before is seen."""

    def __init__(self, address: Address, link: Link, binding: Binding) -> None:
        self.address, self._link, self._binding = address, link, binding
        self._ledger = Ledger(link, f"{address.name}_ledger")
        self._table, self._keys = Table(link, address.name, self._ledger), Keys()
        self._writes = Writes(self._table, self._ledger)
        self.notes: list[str] = []
        self.tell: Callable[[str], None] = lambda text: None
        link.tell = self._remark

    @classmethod
    def create(
        cls, place: str, binding: Binding, *, key: str | None = None, patience_s: float = PATIENCE_S
    ) -> MilvusStore:
        """A new gallery on a server. Raises ConfigError, GalleryError, or GalleryAway where no server answers."""
        if key:
            raise ConfigError(
                "a gallery on Milvus is encrypted by its server, not by a key of ours. Next: leave it out."
            )
        if binding.keep_originals:
            raise ConfigError("originals are kept in local galleries only. Next: leave out keep_originals.")
        if binding.dtype != "float32":
            raise ConfigError(
                f"Milvus is given float32, not {binding.dtype}. Next: let its index compress (docs/scaling.md)."
            )
        address = Address.of(place)
        link = Link(address.uri, os.environ.get(TOKEN_VARIABLE, ""), patience_s=patience_s)
        made = cls(address, link, binding)
        try:
            if link.call("has_collection", made._ledger.collection) and made._ledger.fact(_BINDING):
                raise GalleryError(f"{address}: there is a gallery already. Next: open it, or name a new one.")
            if not link.call("has_collection", address.name):  # a creation that was interrupted is finished
                made._table.create(binding.dim)
            elif (odd := made._table.misfit(binding.dim)) is not None:
                raise GalleryError(f"{address}: {odd}. Next: name another gallery.")
            if not link.call("has_collection", made._ledger.collection):
                made._ledger.create()
            made._ledger.put(_STAMP, {"changes": time.time_ns(), "identities": 0})
            made._ledger.put(_BINDING, {"format": FORMAT, **binding.to_dict()})
        except BaseException:
            link.close()
            raise
        return made

    @classmethod
    def open(cls, place: str, *, key: str | None = None, patience_s: float = PATIENCE_S) -> MilvusStore:
        """An existing gallery. Raises GalleryError, or GalleryAway where no server answers."""
        address = Address.of(place)
        link = Link(address.uri, os.environ.get(TOKEN_VARIABLE, ""), patience_s=patience_s)
        try:
            ledger = Ledger(link, f"{address.name}_ledger")
            facts = ledger.fact(_BINDING) if link.call("has_collection", ledger.collection) else None
            if facts is None:
                raise GalleryError(f"{address}: there is no gallery of that name. Next: enrol makes one.")
            if facts.pop("format") != FORMAT:
                raise GalleryError(f"{address}: made by a newer twinnet. Next: update twinnet.")
            return cls(address, link, Binding(**facts))
        except BaseException:
            link.close()
            raise

    @staticmethod
    def there(place: str, *, patience_s: float = PATIENCE_S) -> bool:
        """Whether a server has a gallery of that name. Raises GalleryAway where none answers."""
        address = Address.of(place)
        link = Link(address.uri, os.environ.get(TOKEN_VARIABLE, ""), patience_s=patience_s)
        try:
            ledger = Ledger(link, f"{address.name}_ledger")
            return bool(link.call("has_collection", ledger.collection) and ledger.fact(_BINDING))
        finally:
            link.close()

    @property
    def place(self) -> str:
        """Where it lies, for messages."""
        return str(self.address)

    @property
    def binding(self) -> Binding:
        """What ties this gallery to its model."""
        return self._binding

    @property
    def writable(self) -> bool:
        """Whoever may connect may write, as far as we know."""
        return True

    def add(self, entries: Sequence[Entry]) -> list[Receipt]:
        """See `Store.add`."""
        for entry in entries:
            check(entry, self._binding)
            schema.check_text(entry.name, entry.sources)
        self.sweep()
        names = list(dict.fromkeys(entry.name for entry in entries))
        old = self._table.of(names)
        batch = self._keys.take(
            1 + sum(len(e.embeddings) for e in entries), max((int(row["key"]) for row in old), default=0)
        )
        new = made(entries, old, batch, self._binding)
        self._writes.put(batch, new.rows, new.replaced)
        self._stamp(len(set(names) - {row["name"] for row in old}))
        return new.receipts

    def forget(self, names: Sequence[str]) -> Forgotten:
        """See `Store.forget`. Gone from every answer on return; the server drops the bytes when it compacts."""
        self.sweep()
        found = self._table.of(names)
        missing = sorted(set(names) - {row["name"] for row in found})
        if missing:
            raise NotEnrolled(f"{missing[0]}: not in {self.address}. Next: twinnet gallery list. Nobody was forgotten.")
        batch = self._keys.take(1, max(int(row["key"]) for row in found))
        self._writes.forget(batch, list(dict.fromkeys(names)))
        self._stamp(-len(set(names)))
        with contextlib.suppress(GalleryError):  # the server compacts by itself, later
            self._link.call("flush", self.address.name)
            self._link.call("compact", self.address.name)
        return Forgotten(
            tuple(names), len(found), False, "the server drops the bytes when it next compacts its segments"
        )

    def replace(self, binding: Binding, embeddings: Embeddings, expected: int) -> None:
        """Always raises GalleryError: pictures, which this would need, are kept in local galleries only."""
        raise GalleryError(f"{self.address}: a gallery on Milvus is not migrated. Next: enrol into a new one.")

    def shortlist(self, probes: Embeddings, k: int, among: IntArray | None = None) -> Shortlist:
        """See `Store.shortlist`."""
        asked = self._compared(np.asarray(probes, np.float32))
        keys = np.full((len(asked), k), -1, np.int64)
        squared = np.full((len(asked), k), np.inf)
        parts = [""] if among is None else [one_of("key", map(int, part)) for part in chunks(list(among), AT_ONCE)]
        for part in parts:
            for start in range(0, len(asked), 64):
                some = slice(start, start + 64)
                found = self._table.search(asked[some], k, part)
                both = np.concatenate([squared[some], np.array([[d for _, d in hits] for hits in found])], 1)
                ids = np.concatenate([keys[some], np.array([[key for key, _ in hits] for hits in found])], 1)
                order = np.argsort(both, axis=1, kind="stable")[:, :k]
                squared[some], keys[some] = np.take_along_axis(both, order, 1), np.take_along_axis(ids, order, 1)
        distances = squared / 2 if self._binding.comparison == "cosine" else np.sqrt(np.maximum(squared, 0))
        return Shortlist(keys, distances)

    def rows(self, keys: Sequence[int]) -> dict[int, Row]:
        """See `Store.rows`."""
        asked = [int(key) for key in keys if key >= 0]
        found = [row for part in chunks(asked, AT_ONCE) for row in self._table.page(one_of("key", part), schema.FIELDS)]
        return {int(row["key"]): schema.row_of(row) for row in found}

    def templates(self, keys: Sequence[int]) -> Embeddings:
        """See `Store.templates`."""
        asked = np.asarray(keys, np.int64)
        found: dict[int, Embeddings] = {}
        for part in chunks(sorted(set(asked.tolist())), AT_ONCE):
            rows = self._table.page(one_of("key", part), ["embedding"])
            found |= {int(row["key"]): schema.vector_of(row) for row in rows}
        if any(int(key) not in found for key in asked):
            raise NotEnrolled(f"{self.address}: a template was forgotten meanwhile. Next: repeat.")
        taken = np.stack([found[int(key)] for key in asked]) if len(asked) else np.zeros((0, self._binding.dim))
        return np.asarray(taken, np.float32)

    def keys_of(self, name: str) -> list[int]:
        """See `Store.keys_of`."""
        found = [int(row["key"]) for row in self._table.of([name])]
        if not found:
            raise NotEnrolled(f"{name}: not in {self.address}. Next: twinnet gallery list.")
        return found

    def original_of(self, name: str) -> bytes | None:
        """See `Store.original_of`."""
        self.keys_of(name)
        return None

    def keys_where(self, where: Mapping[str, Any]) -> IntArray:
        """See `Store.keys_where`."""
        return np.array([int(row["key"]) for row in self._table.all(["key"], schema.having(where))], np.int64)

    def enrolled(self) -> list[Enrolled]:
        """See `Store.enrolled`."""
        counted: dict[str, list[int]] = {}
        for row in self._table.all(["name", "n_items"]):
            of = counted.setdefault(row["name"], [0, 0])
            of[0] += 1
            of[1] += int(row["n_items"])
        return [Enrolled(name, templates, items) for name, (templates, items) in counted.items()]

    def scan(self, batch: int = _PAGE) -> Iterator[Batch]:
        """See `Store.scan`."""
        keys = [int(row["key"]) for row in self._table.all(["key"])]
        for part in chunks(keys, min(batch, _PAGE)):
            found = sorted(self._table.page(one_of("key", part), ["*"]), key=lambda row: int(row["key"]))
            vectors = [schema.vector_of(row) * np.float32(row["length"]) for row in found]
            empty = np.zeros((0, self._binding.dim), np.float32)
            yield Batch(
                [schema.row_of(row) for row in found], np.stack(vectors) if found else empty, [[] for _ in found]
            )

    @property
    def n_identities(self) -> int:
        """How many identities there are, as the writers counted; `rebuild` counts anew."""
        return int((self._ledger.fact(_STAMP) or {}).get("identities", 0))

    @property
    def n_templates(self) -> int:
        """How many templates there are."""
        return self._table.count()

    @property
    def changes(self) -> int:
        """A number that every write changes."""
        return int((self._ledger.fact(_STAMP) or {}).get("changes", 0))

    def info(self) -> Info:
        """See `Info`. How much the server has on its disks is not known here: 0."""
        people = self.enrolled()
        templates, items = sum(one.templates for one in people), sum(one.items for one in people)
        index = f"Milvus at {self.address}, HNSW, strong consistency"
        return Info(self._binding, len(people), templates, items, 0, index, False, 0, tuple(self.notes))

    def problems(self) -> list[str]:
        """See `Store.problems`."""
        names = set()
        found = [
            f"enrolment {intent.batch}: its writer died; nobody sees its rows. Next: rebuild"
            for intent in self._ledger.intents()
            if not intent.done and not intent.aborted and time.time() - intent.at > STALE_S
        ]
        for row in self._table.all(["*"]):
            names.add(row["name"])
            if not schema.whole(row):
                found.append(f"template {row['key']}: its bytes have changed")
        if len(names) != self.n_identities:
            found.append(f"{len(names):,} identities are counted as {self.n_identities:,}. Next: rebuild")
        return found

    def rebuild(self) -> None:
        """Remove what dead writers left, and count anew. The index itself is the server's."""
        self.sweep()
        self._ledger.put(_STAMP, {"changes": time.time_ns(), "identities": len(self.enrolled())})

    def sweep(self, older_s: float = STALE_S) -> None:
        """See `Writes.sweep`."""
        self._writes.sweep(older_s)

    def remember_model(self, path: str) -> None:
        """Where the model's file lies now."""
        self._binding = replace(self._binding, model_path=path)
        self._ledger.put(_BINDING, {"format": FORMAT, **self._binding.to_dict()})

    def close(self) -> None:
        """Let go of the connection."""
        self._link.close()

    def __enter__(self) -> MilvusStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _stamp(self, more: int) -> None:
        try:
            self._ledger.put(_STAMP, {"changes": time.time_ns(), "identities": max(0, self.n_identities + more)})
        except GalleryError:  # what was written holds
            self.notes.append("the number of identities could not be written down. Next: rebuild counts them anew.")

    def _compared(self, probes: Embeddings) -> Embeddings:
        if not self._binding.normalise and self._binding.comparison != "cosine":
            return probes
        lengths = np.maximum(np.linalg.norm(probes, axis=1, keepdims=True), 1e-12)
        return np.asarray(probes / lengths, np.float32)

    def _remark(self, text: str) -> None:
        self.tell(text)
