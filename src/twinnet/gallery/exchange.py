"""A gallery as one Parquet table, and back: names, embeddings, how many items, metadata. Always in plain text."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.core.errors import GalleryError, WrongModel
from twinnet.core.progress import SILENT, Progress
from twinnet.gallery.store import Store
from twinnet.gallery.types import Binding, Entry

_KEY = b"twinnet.gallery"


def export(store: Store, out: str | Path, *, progress: Progress = SILENT) -> int:
    """Write all templates; gives their number. The file is whole or not there. Raises GalleryError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(out)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    dim, n = store.binding.dim, 0
    facts = {_KEY: json.dumps(store.binding.to_dict()).encode()}
    schema = pa.schema(
        {
            "identity": pa.string(), "n_items": pa.int64(), "source": pa.string(), "metadata": pa.string(),
            "created": pa.float64(), "embedding": pa.list_(pa.float32(), dim), "originals": pa.list_(pa.binary()),
        },
        metadata=facts,
    )  # fmt: skip
    try:
        with pq.ParquetWriter(str(partial), schema) as writer, progress.task("exporting", store.n_templates) as task:
            for batch in store.scan():
                columns: list[Any] = [
                    [row.name for row in batch.rows], [row.n_items for row in batch.rows],
                    [row.source for row in batch.rows],
                    [json.dumps(dict(row.metadata), ensure_ascii=False) for row in batch.rows],
                    [row.created for row in batch.rows],
                    pa.FixedSizeListArray.from_arrays(pa.array(batch.embeddings.ravel()), dim), batch.originals,
                ]  # fmt: skip
                arrays = [
                    pa.array(c, f.type) if isinstance(c, list) else c for c, f in zip(columns, schema, strict=True)
                ]
                writer.write_batch(pa.record_batch(arrays, schema=schema))
                n += len(batch.rows)
                task.advance(len(batch.rows))
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise GalleryError(f"{path}: the export cannot be written ({error.strerror or error}).") from error
    return n


def binding_of(file: str | Path) -> Binding:
    """What an export was bound to. Raises GalleryError for another file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return Binding(**json.loads((pq.read_schema(str(file)).metadata or {})[_KEY]))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise GalleryError(
            f"{file}: this is no export of a gallery. Next: twinnet gallery export makes one."
        ) from error


def import_(store: Store, file: str | Path, *, progress: Progress = SILENT) -> int:
    """Enrol all of an export, in one step; gives the number of templates.

    Raises WrongModel where another model made it, GalleryError where an identity is already enrolled.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    bound = binding_of(file)
    if bound.fingerprint != store.binding.fingerprint:
        raise WrongModel(
            f"{file}: these embeddings are of model {bound.fingerprint}, and the gallery is of "
            f"{store.binding.fingerprint}. Next: import into a gallery of that model, or enrol the items anew."
        )
    there, entries = {one.name for one in store.enrolled()}, []
    try:
        table = pq.read_table(str(file))
        with progress.task("importing", table.num_rows) as task:
            for batch in table.to_batches(max_chunksize=4096):
                rows = batch.to_pydict()
                flat = batch.column("embedding").flatten().to_numpy(zero_copy_only=False).astype(np.float32)
                for i, vector in enumerate(flat.reshape(-1, bound.dim)):
                    entries.append(
                        Entry(
                            rows["identity"][i],
                            vector[None],
                            "all",
                            json.loads(rows["metadata"][i]),
                            (rows["source"][i],),
                            tuple(rows["originals"][i] or ()),
                            rows["n_items"][i],
                        )
                    )
                task.advance(len(flat) // bound.dim)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise GalleryError(f"{file}: the export cannot be read ({error}).") from error
    both = sorted(there & {entry.name for entry in entries})
    if both:
        raise GalleryError(
            f"{len(both)} identities of {file} are enrolled already, such as {both[0]}. "
            "Next: forget them, or import into a new gallery."
        )
    return len(store.add(entries))
