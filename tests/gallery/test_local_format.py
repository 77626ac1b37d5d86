"""docs/formats.md is enough to read a gallery: SQLite, NumPy and hashlib alone, no twinnet."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import sqlite3
import struct
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest
from contract import BOUND, DIM, people, vectors
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from twinnet.gallery import Entry, LocalStore

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
ADA = Entry("Ada", vectors(1, 7), metadata={"town": "Ulm"}, sources=("a.png",), originals=(b"a picture",))
TYPES = {"float32": ("<f4", 0), "float16": ("<f2", 0), "int8": ("i1", 4)}


def test_the_page_lists_every_column_with_its_type_and_no_other(tmp_path: Path) -> None:
    LocalStore.create(tmp_path / "g", BOUND).close()
    said, table = set[tuple[str, str, str]](), ""
    text = PAGE[PAGE.index("## The gallery's record") : PAGE.index("Two indexes serve")]
    for first, column, kind in re.findall(r"^\|(?: `(\w+)`)? \| `(\w+)` \| ([A-Z]+)", text, re.M):
        table = first or table
        said.add((table, column, kind))
    with sqlite3.connect(tmp_path / "g" / "record.sqlite") as record:
        names = [row[0] for row in record.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        there = {
            (name, row[1], row[2])
            for name in names if name != "sqlite_sequence" for row in record.execute(f"PRAGMA table_info({name})")
        }  # fmt: skip
        indexes = [
            row[0] for row in record.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL")
        ]
    record.close()
    assert said == there
    assert all(f"`{name}`" in PAGE for name in indexes)


@pytest.mark.parametrize("dtype", TYPES)
def test_a_gallery_is_read_by_sqlite_alone(tmp_path: Path, dtype: str) -> None:
    with LocalStore.create(tmp_path / "g", replace(BOUND, dtype=dtype)) as store:  # type: ignore[arg-type]
        store.add([*people(vectors(5)), ADA])
    record = sqlite3.connect(tmp_path / "g" / "record.sqlite")
    facts = dict(record.execute("SELECT name, value FROM fact"))
    assert facts["format"] == "1"
    assert json.loads(facts["binding"]) == replace(BOUND, dtype=dtype).to_dict()  # type: ignore[arg-type]
    assert json.loads(facts["seal"]) == {}
    assert record.execute("SELECT * FROM state").fetchall() == [(1, 1, 0, 0)]
    kind, head = TYPES[dtype]
    rows = record.execute(
        "SELECT handle, name, n_items, source, metadata, embedding, digest FROM template "
        "JOIN identity ON identity.id = template.identity ORDER BY template.id"
    ).fetchall()
    assert [row[1].decode() for row in rows] == ["p0", "p1", "p2", "p3", "p4", "Ada"]
    for row, truth in zip(rows, np.concatenate([vectors(5), vectors(1, 7)]), strict=True):
        handle, name, n_items, source, metadata, embedding, digest = row
        assert handle == name
        numbers = np.frombuffer(embedding, kind, DIM, head).astype(np.float32)
        assert len(embedding) == head + DIM * np.dtype(kind).itemsize
        if head:
            numbers *= struct.unpack_from("<f", embedding)[0]
        assert np.abs(numbers - truth).max() <= {"float32": 0, "float16": 2e-3, "int8": 2e-2}[dtype]
        made = hashlib.blake2b(digest_size=8)
        for part in (handle, str(n_items).encode(), source, metadata, embedding):
            made.update(struct.pack("<Q", len(part)) + part)
        assert made.digest() == digest
    assert (rows[-1][3], json.loads(rows[-1][4])) == (b"a.png", {"town": "Ulm"})
    assert record.execute("SELECT template, content FROM original").fetchall() == [(6, b"a picture")]
    record.close()


def test_a_sealed_gallery_opens_as_the_page_says(tmp_path: Path) -> None:
    with LocalStore.create(tmp_path / "g", BOUND, key="a secret key") as store:
        store.add([ADA])
    record = sqlite3.connect(tmp_path / "g" / "record.sqlite")
    seal = json.loads(dict(record.execute("SELECT name, value FROM fact"))["seal"])
    salt = base64.b64decode(seal["salt"])
    keys = hashlib.scrypt(b"a secret key", salt=salt, n=32768, r=8, p=1, maxmem=2**26, dklen=64)
    cipher = AESGCM(keys[:32])

    def opened(value: bytes, place: bytes) -> bytes:
        return cipher.decrypt(value[:12], value[12:], place)

    assert opened(base64.b64decode(seal["proof"]), b"proof") == b"twinnet gallery"
    handle, *values = record.execute(
        "SELECT handle, name, source, metadata, embedding, content FROM identity "
        "JOIN template ON identity.id = template.identity JOIN original ON template.id = original.template"
    ).fetchone()
    assert handle == hmac.digest(keys[32:], b"Ada", "sha256")
    parts = zip(values, (b"/name", b"/source", b"/metadata", b"/embedding", b"/original"), strict=True)
    found = [opened(value, handle + part) for value, part in parts]
    assert found == [b"Ada", b"a.png", b'{"town": "Ulm"}', vectors(1, 7).tobytes(), b"a picture"]
    record.close()


def test_the_index_is_as_the_page_says(tmp_path: Path) -> None:
    with LocalStore.create(tmp_path / "g", BOUND, exact_limit=4) as store:
        store.add(people(vectors(30)))
        store.shortlist(vectors(1), 1)
    content = (tmp_path / "g" / "index.graph").read_bytes()
    record = sqlite3.connect(tmp_path / "g" / "record.sqlite")
    digest = record.execute("SELECT value FROM fact WHERE name = 'index'").fetchone()[0]
    state = record.execute("SELECT changes, removals FROM state").fetchone()
    record.close()
    magic, changes, removals, sha = struct.unpack_from("<8sqq32s", content)
    assert (magic, (changes, removals)) == (b"twinidx1", state)
    assert hashlib.sha256(content[:56]).hexdigest() == digest
    assert hashlib.sha256(content[56:]).digest() == sha
    n = struct.unpack_from("<Q", content, 56)[0]
    assert np.frombuffer(content, "<i8", n, 64).tolist() == list(range(1, 31))
    assert content[64 + 8 * n : 64 + 9 * n] == bytes(30)
    assert content[64 + 9 * n :][:4] == b"IHNf"
    graph = faiss.deserialize_index(np.frombuffer(content, np.uint8, offset=64 + 9 * n))
    assert np.array_equal(graph.reconstruct_n(0, 30), vectors(30))
    with LocalStore.create(tmp_path / "sealed", BOUND, key="a secret key", exact_limit=4) as store:
        store.add(people(vectors(30)))
        store.shortlist(vectors(1), 1)
    assert not (tmp_path / "sealed" / "index.graph").exists()
