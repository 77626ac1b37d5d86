"""Rows of the record: how an entry is written, found and read back."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.core.errors import ConfigError, GalleryBusy, NotEnrolled
from twinnet.core.types import IntArray
from twinnet.gallery.local import codec
from twinnet.gallery.local.seal import Open, Seal
from twinnet.gallery.store import Batch
from twinnet.gallery.types import Binding, Embeddings, Enrolled, Entry, Receipt, Row

Read = Callable[..., list[Any]]
_AT_ONCE = 500  # placeholders in one query


def check(entry: Entry, binding: Binding) -> None:
    """Raises ConfigError for an entry that cannot be stored."""
    shape = entry.embeddings.shape
    if entry.embeddings.ndim != 2 or shape[1] != binding.dim or not shape[0]:
        raise ConfigError(f"{entry.name}: expected embeddings (N, {binding.dim}) with N ≥ 1, got {shape}.")
    if not np.isfinite(entry.embeddings).all():
        raise ConfigError(f"{entry.name}: an embedding has values that are not finite numbers.")
    if not entry.name.strip() or "\0" in entry.name:
        raise ConfigError("an identity needs a name.")
    if entry.sources and len(entry.sources) != shape[0]:
        raise ConfigError(f"{entry.name}: sources must be one for each item, or none.")
    if entry.originals and len(entry.originals) != shape[0] * entry.n_items:
        raise ConfigError(f"{entry.name}: originals must be one for each item, or none.")
    if entry.n_items != 1 and (entry.keep != "all" or shape[0] != 1):
        raise ConfigError(f"{entry.name}: a template of several items is added alone, with keep = all.")


def insert(connection: sqlite3.Connection, seal: Seal, binding: Binding, entry: Entry) -> tuple[Receipt, int]:
    """Inside a transaction: the identity where it is new, and its templates; and how many others these replace."""
    handle = seal.handle(entry.name)
    found = connection.execute("SELECT id FROM identity WHERE handle = ?", (handle,)).fetchone()
    if found is None:
        name = seal.close(entry.name.encode(), handle + b"/name")
        connection.execute("INSERT INTO identity (handle, name) VALUES (?, ?)", (handle, name))
        found = connection.execute("SELECT last_insert_rowid()").fetchone()
    identity, old = int(found[0]), []
    n, metadata = len(entry.embeddings), dict(entry.metadata)
    sources = entry.sources or ("",) * n
    if entry.keep == "all":
        keys = [
            _put(connection, seal, binding, identity, handle, vector, entry.n_items, source, metadata)
            for vector, source in zip(entry.embeddings, sources, strict=True)
        ]
        owners = keys * entry.n_items
    else:
        # The mean of means, weighted, is the mean of all items: it does not matter in how many parts they came.
        old = connection.execute(
            "SELECT id, n_items, metadata, embedding FROM template WHERE identity = ? ORDER BY id", (identity,)
        ).fetchall()
        total = entry.embeddings.astype(np.float64).sum(0)
        if old:
            blobs = [seal.open(row[3], handle + b"/embedding") for row in old]
            weights = np.array([row[1] for row in old], np.float64)
            total += weights @ codec.decode(blobs, binding.dtype, binding.dim)
            n += int(weights.sum())
            for row in old:
                metadata = json.loads(seal.open(row[2], handle + b"/metadata")) | metadata
        mean = (total / n).astype(np.float32)
        key = _put(connection, seal, binding, identity, handle, mean, n, sources[0], metadata)
        for row in old:
            connection.execute("UPDATE original SET template = ? WHERE template = ?", (key, row[0]))
            connection.execute("DELETE FROM template WHERE id = ?", (row[0],))
        keys, owners = [key], [key] * len(entry.embeddings)
    for key, content in zip(owners, entry.originals, strict=False):
        sealed = seal.close(content, handle + b"/original")
        connection.execute("INSERT INTO original (template, content) VALUES (?, ?)", (key, sealed))
    return Receipt(entry.name, tuple(keys), len(entry.embeddings) * entry.n_items), len(old)


def _put(
    connection: sqlite3.Connection,
    seal: Seal,
    binding: Binding,
    identity: int,
    handle: bytes,
    vector: Embeddings,
    n_items: int,
    source: str,
    metadata: Mapping[str, Any],
) -> int:
    try:
        text = json.dumps(metadata, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"metadata must be texts, numbers and truth values: {error}.") from error
    blob = seal.close(codec.encode(vector, binding.dtype), handle + b"/embedding")
    kept = (n_items, seal.close(source.encode(), handle + b"/source"), seal.close(text.encode(), handle + b"/metadata"))
    key = connection.execute(
        "INSERT INTO template (identity, n_items, source, metadata, created, embedding, digest) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (identity, *kept, time.time(), blob, digest(handle, *kept, blob)),
    ).lastrowid
    assert key is not None  # noqa: S101  (SQLite gives one after every INSERT)
    return key


def digest(handle: bytes, n_items: int, source: bytes, metadata: bytes, embedding: bytes) -> bytes:
    """Eight bytes that tell a damaged row from a whole one."""
    made = hashlib.blake2b(digest_size=8)
    for part in (handle, str(n_items).encode(), source, metadata, embedding):
        made.update(len(part).to_bytes(8, "little") + part)
    return made.digest()


def reembed(connection: sqlite3.Connection, seal: Seal, binding: Binding, embeddings: Embeddings) -> None:
    """Inside a transaction: other embeddings `(N, D)` for all N templates, by ascending key, under new keys."""
    found = connection.execute(
        "SELECT template.id, identity, handle, n_items, source, metadata FROM template "
        "JOIN identity ON identity.id = identity ORDER BY template.id"
    ).fetchall()
    if len(found) != len(embeddings):
        raise GalleryBusy("the gallery was changed meanwhile. Next: repeat; nothing was changed.")
    for (old, identity, handle, n_items, source, metadata), vector in zip(found, embeddings, strict=True):
        opened = json.loads(seal.open(metadata, handle + b"/metadata"))
        where = seal.open(source, handle + b"/source").decode()
        new = _put(connection, seal, binding, identity, handle, vector, n_items, where, opened)
        connection.execute("UPDATE original SET template = ? WHERE template = ?", (new, old))
        connection.execute("DELETE FROM template WHERE id = ?", (old,))


_COLUMNS = "template.id, handle, name, n_items, source, metadata, created"


def fetch(read: Read, seal: Seal, keys: Sequence[int]) -> dict[int, Row]:
    """Those of the keys that are still there."""
    asked, found = [int(key) for key in keys if key >= 0], {}
    for start in range(0, len(asked), _AT_ONCE):
        part = asked[start : start + _AT_ONCE]
        marks = ",".join("?" * len(part))
        query = (
            f"SELECT {_COLUMNS} FROM template JOIN identity ON identity.id = identity WHERE template.id IN ({marks})"  # noqa: S608  (marks only)
        )
        for row in read(query, part):
            found[row[0]] = _row(seal, row)
    return found


def scan(read: Read, seal: Seal, binding: Binding, batch: int) -> Iterator[Batch]:
    """Everything, by ascending key."""
    last = 0
    while found := read(
        f"SELECT {_COLUMNS}, embedding FROM template JOIN identity ON identity.id = identity "  # noqa: S608
        "WHERE template.id > ? ORDER BY template.id LIMIT ?",
        (last, batch),
    ):
        blobs = [seal.open(row[7], row[1] + b"/embedding") for row in found]
        originals: dict[int, list[bytes]] = {row[0]: [] for row in found}
        handles = {row[0]: row[1] for row in found}
        for key, content in read(
            "SELECT template, content FROM original WHERE template > ? AND template <= ? ORDER BY id",
            (last, found[-1][0]),
        ):
            if key in originals:
                originals[key].append(seal.open(content, handles[key] + b"/original"))
        last = found[-1][0]
        embeddings = codec.decode(blobs, binding.dtype, binding.dim)
        yield Batch([_row(seal, row) for row in found], embeddings, list(originals.values()))


def keys_of(read: Read, seal: Seal, folder: Path, name: str) -> list[int]:
    """An identity's templates. Raises NotEnrolled."""
    found = read(
        "SELECT template.id FROM template JOIN identity ON identity.id = identity WHERE handle = ? "
        "ORDER BY template.id",
        (seal.handle(name),),
    )
    if not found:
        raise NotEnrolled(f"{name}: not in {folder}. Next: twinnet gallery list {folder}")
    return [row[0] for row in found]


def enrolled(read: Read, seal: Seal) -> list[Enrolled]:
    """All identities, in the order of their enrolment."""
    found = read(
        "SELECT handle, name, count(*), sum(n_items) FROM identity JOIN template ON identity.id = identity "
        "GROUP BY identity.id ORDER BY identity.id"
    )
    return [Enrolled(seal.open(name, handle + b"/name").decode(), n, items) for handle, name, n, items in found]


def original_of(read: Read, seal: Seal, key: int, name: str) -> bytes | None:
    """The first picture that was kept with a template."""
    found = read("SELECT content FROM original WHERE template = ? ORDER BY id LIMIT 1", (key,))
    return seal.open(found[0][0], seal.handle(name) + b"/original") if found else None


def keys_where(read: Read, seal: Seal, where: Mapping[str, Any]) -> IntArray:
    """Templates whose metadata has all of these values."""
    if not isinstance(seal, Open):  # nothing can be asked of sealed metadata but to open it
        found = read("SELECT template.id, handle, metadata FROM template JOIN identity ON identity.id = identity")
        opened = ((key, json.loads(seal.open(text, handle + b"/metadata"))) for key, handle, text in found)
        return np.array(
            [key for key, has in opened if all(has.get(name) == value for name, value in where.items())], np.int64
        )
    if any('"' in name for name in where):
        raise ConfigError('a name of metadata cannot have " in it.')
    tests = " AND ".join("json_extract(CAST(metadata AS TEXT), ?) IS ?" for _ in where) or "1"
    values = [part for name, value in where.items() for part in (f'$."{name}"', value)]
    return np.array([row[0] for row in read(f"SELECT id FROM template WHERE {tests} ORDER BY id", values)], np.int64)  # noqa: S608


def _row(seal: Seal, row: Sequence[Any]) -> Row:
    key, handle, name, n_items, source, metadata, created = row[:7]
    return Row(
        key,
        seal.open(name, handle + b"/name").decode(),
        n_items,
        seal.open(source, handle + b"/source").decode(),
        json.loads(seal.open(metadata, handle + b"/metadata")),
        created,
    )
