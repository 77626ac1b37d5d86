"""Rows as the server keeps them, and the filters that ask for some."""

from __future__ import annotations

import hashlib
import itertools
import json
import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from twinnet.core.errors import ConfigError
from twinnet.gallery.milvus.ledger import Intent
from twinnet.gallery.milvus.link import Link
from twinnet.gallery.types import Binding, Embeddings, Row

NAME_LENGTH, TEXT_LENGTH = 512, 4096
FIELDS = ["key", "batch", "name", "n_items", "source", "metadata", "created"]


class Keys:
    """Keys that ascend and are never used twice: milliseconds, then 20 bits that are random at first, then count."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def take(self, n: int, above: int = 0) -> int:
        """The first of n keys in a row, all above `above`."""
        with self._lock:
            first = max((time.time_ns() // 1_000_000 << 20) + secrets.randbits(20), self._last + 1, above + 1)
            self._last = first + n - 1
        return first


def create(link: Link, collection: str, dim: int) -> None:
    """The empty collection of templates. HNSW takes effect on each segment that the server seals."""
    types = link.types
    schema = link.client.create_schema(auto_id=False)
    schema.add_field("key", types.INT64, is_primary=True)
    schema.add_field("batch", types.INT64)
    schema.add_field("name", types.VARCHAR, max_length=NAME_LENGTH)
    schema.add_field("n_items", types.INT64)
    schema.add_field("source", types.VARCHAR, max_length=TEXT_LENGTH)
    schema.add_field("metadata", types.JSON)
    schema.add_field("created", types.DOUBLE)
    schema.add_field("length", types.DOUBLE)
    schema.add_field("digest", types.VARCHAR, max_length=32)
    schema.add_field("embedding", types.FLOAT_VECTOR, dim=dim)
    index = link.client.prepare_index_params()
    index.add_index("embedding", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 100})
    link.call("create_collection", collection, schema=schema, index_params=index, consistency_level="Strong")


def packed(
    key: int, batch: int, name: str, n_items: int, source: str, metadata: Mapping[str, Any], vector: Embeddings,
    binding: Binding,
) -> dict[str, Any]:  # fmt: skip
    """One row. What is compared is stored; its `length` before that gives back what was enrolled."""
    length = 1.0
    if binding.normalise or binding.comparison == "cosine":
        length = max(float(np.linalg.norm(vector)), 1e-12)
    stored = (vector / np.float32(length)).astype(np.float32)
    try:
        text = json.dumps(dict(metadata), sort_keys=True, ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name}: its metadata cannot be stored ({error}). Next: use texts and numbers.") from error
    return {
        "key": key, "batch": batch, "name": name, "n_items": n_items, "source": source, "metadata": json.loads(text),
        "created": time.time(), "length": length, "embedding": stored.tolist(),
        "digest": digest(name, n_items, source, text, stored),
    }  # fmt: skip


def check_text(name: str, sources: Sequence[str]) -> None:
    """Raises ConfigError for texts that the server cannot keep."""
    try:
        long = len(name.encode()) > NAME_LENGTH or any(len(source.encode()) > TEXT_LENGTH for source in sources)
    except UnicodeEncodeError as error:
        raise ConfigError(f"{name!r}: its name or source is no valid text. Next: rename it.") from error
    if long:
        raise ConfigError(f"{name[:60]}: its name or source is too long for Milvus ({NAME_LENGTH} and {TEXT_LENGTH}).")


def digest(name: str, n_items: int, source: str, metadata: str, stored: Embeddings) -> str:
    """Eight bytes that tell a damaged row from a whole one."""
    made = hashlib.blake2b(digest_size=8)
    for part in (name.encode(), str(n_items).encode(), source.encode(), metadata.encode(), stored.tobytes()):
        made.update(len(part).to_bytes(8, "little") + part)
    return made.hexdigest()


def whole(row: Mapping[str, Any]) -> bool:
    """Whether a row with all its fields is as it was written."""
    text = json.dumps(row["metadata"], sort_keys=True, ensure_ascii=True)
    return bool(digest(row["name"], row["n_items"], row["source"], text, vector_of(row)) == row["digest"])


def vector_of(row: Mapping[str, Any]) -> Embeddings:
    """What is compared, `(D,)`."""
    return np.asarray(row["embedding"], np.float32)


def row_of(found: Mapping[str, Any]) -> Row:
    """One stored template, without its embedding."""
    return Row(
        int(found["key"]), found["name"], int(found["n_items"]), found["source"], found["metadata"], found["created"]
    )


def one_of(field: str, values: Iterable[int | str]) -> str:
    """A filter: the field has one of these values."""
    return f"{field} in [{', '.join(literal(value) for value in values)}]"


def all_of(*filters: str) -> str:
    """All filters that are not empty."""
    return " and ".join(f"({one})" for one in filters if one)


def seen(intents: Sequence[Intent]) -> str:
    """A filter that leaves out what `intents` hide."""
    hidden = [intent.batch for intent in intents if not intent.done]
    replaced = [key for intent in intents if intent.done for key in intent.keys]
    parts = [f"not ({one_of('batch', hidden)})"] if hidden else []
    parts += [f"not ({one_of('key', replaced)})"] if replaced else []
    gone = [intent for intent in intents if intent.done and intent.names]
    parts += [f"not (key < {intent.batch} and {one_of('name', intent.names)})" for intent in gone]
    return all_of(*parts)


def having(where: Mapping[str, Any]) -> str:
    """A filter: the metadata has all of these values. Raises ConfigError for values that cannot be asked for."""
    parts = []
    for name, value in where.items():
        odd = isinstance(value, float) and not isfinite(value)
        large = isinstance(value, int) and abs(value) >= 2**63
        if not isinstance(value, str | int | float | bool) or odd or large:
            raise ConfigError(f"metadata {name} can be asked for a text, a number, true or false, not {value!r}.")
        parts.append(f"metadata[{literal(name)}] == {literal(value)}")
    return all_of(*parts)


def literal(value: str | float | bool) -> str:
    """A value in Milvus's filter language, which writes texts, numbers and truth as JSON does."""
    return json.dumps(value, ensure_ascii=False)


def chunks(values: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    """Parts of at most `size`."""
    return itertools.takewhile(len, (values[i : i + size] for i in itertools.count(0, size)))
