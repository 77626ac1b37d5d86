"""Entries into rows, and which older rows they replace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from twinnet.core.errors import ConfigError
from twinnet.gallery.milvus import schema
from twinnet.gallery.types import Binding, Entry, Receipt


class Made(NamedTuple):
    """Rows to send, what to say of them, and the keys of the templates that they replace."""

    rows: list[dict[str, Any]]
    receipts: list[Receipt]
    replaced: list[int]


def made(entries: Sequence[Entry], old: Sequence[Mapping[str, Any]], batch: int, binding: Binding) -> Made:
    """`old` are the present rows of these names, `batch` a key with enough free ones above it. Raises ConfigError."""
    out = Made([], [], [])
    for entry in entries:
        first, sources = batch + 1 + len(out.rows), entry.sources or ("",) * len(entry.embeddings)
        if entry.keep == "all":
            for i, (vector, source) in enumerate(zip(entry.embeddings, sources, strict=True)):
                out.rows.append(
                    schema.packed(first + i, batch, entry.name, entry.n_items, source, entry.metadata, vector, binding)
                )
            keys = tuple(range(first, first + len(sources)))
            out.receipts.append(Receipt(entry.name, keys, len(sources) * entry.n_items))
            continue
        if any(row["name"] == entry.name for row in out.rows):
            raise ConfigError(f"{entry.name}: stands twice in one call. Next: give all its items together.")
        before = [row for row in old if row["name"] == entry.name]
        n = len(entry.embeddings) + sum(int(row["n_items"]) for row in before)
        total, metadata = entry.embeddings.astype(np.float64).sum(0), dict[str, Any]()
        for row in before:  # the mean of means, weighted, is the mean of all items
            total += int(row["n_items"]) * float(row["length"]) * schema.vector_of(row).astype(np.float64)
            metadata |= row["metadata"]
        mean = (total / n).astype(np.float32)
        metadata |= dict(entry.metadata)
        out.rows.append(schema.packed(first, batch, entry.name, n, sources[0], metadata, mean, binding))
        out.receipts.append(Receipt(entry.name, (first,), len(entry.embeddings)))
        out.replaced.extend(int(row["key"]) for row in before)
    return out
