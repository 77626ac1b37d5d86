"""A gallery as one Parquet table, and back: names, embeddings, how many items, metadata. Always in plain text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.core.errors import GalleryError, WrongModel
from twinnet.core.progress import SILENT, Progress
from twinnet.core.whole import whole
from twinnet.gallery.store import Store
from twinnet.gallery.types import Binding, Entry

_KEY = b"twinnet.gallery"


def export(store: Store, out: str | Path, *, progress: Progress = SILENT) -> int:
    """Write all templates; gives their number. The file is whole or not there. Raises GalleryError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(out)
    dim, n = store.binding.dim, 0
    facts = {_KEY: json.dumps(store.binding.to_dict()).encode()}
    table = schema(dim).with_metadata(facts)
    try:
        with (
            whole(path) as partial,
            pq.ParquetWriter(str(partial), table) as writer,
            progress.task("exporting", store.n_templates) as task,
        ):
            for batch in store.scan():
                columns: list[Any] = [
                    [row.name for row in batch.rows], [row.n_items for row in batch.rows],
                    [row.source for row in batch.rows],
                    [json.dumps(dict(row.metadata), ensure_ascii=False) for row in batch.rows],
                    [row.created for row in batch.rows],
                    pa.FixedSizeListArray.from_arrays(pa.array(batch.embeddings.ravel()), dim), batch.originals,
                ]  # fmt: skip
                arrays = [
                    pa.array(c, f.type) if isinstance(c, list) else c for c, f in zip(columns, table, strict=True)
                ]
                writer.write_batch(pa.record_batch(arrays, schema=table))
                n += len(batch.rows)
                task.advance(len(batch.rows))
    except OSError as error:
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
    """Enrol all of an export, in one transaction: all or nothing. Gives the number of templates.

    Raises WrongModel where another model made it, GalleryError where an identity is already enrolled, or the file is
    not as `export` writes it.
    """
    bound = binding_of(file)
    if bound.fingerprint != store.binding.fingerprint:
        raise WrongModel(
            f"{file}: these embeddings are of model {bound.fingerprint}, and the gallery is of "
            f"{store.binding.fingerprint}. Next: import into a gallery of that model, or enrol the items anew."
        )
    return import_entries(store, entries_of(file, progress=progress), file)


def import_entries(store: Store, entries: Sequence[Entry], file: str | Path) -> int:
    """The second half of `import_`, for a store of the model that made the entries."""
    there = {one.name for one in store.enrolled()}
    both = sorted(there & {entry.name for entry in entries})
    if both:
        raise GalleryError(
            f"{len(both)} identities of {file} are enrolled already, such as {both[0]}. "
            "Next: forget them, or import into a new gallery."
        )
    return len(store.add(entries))


def entries_of(file: str | Path, *, progress: Progress = SILENT) -> list[Entry]:
    """All rows of an export, each checked. Raises GalleryError that names the column or the row that is wrong."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    dim, entries = binding_of(file).dim, list[Entry]()
    try:
        there = pq.read_schema(str(file))
        for column in schema(dim):
            found = there.field(column.name).type if column.name in there.names else None
            if found != column.type:
                had = "is missing" if found is None else f"is of type {found}"
                raise _spoilt(file, f"its column {column.name!r} {had}, and {column.type} is needed")
        with pq.ParquetFile(str(file)) as parquet, progress.task("importing", parquet.metadata.num_rows) as task:
            for batch in parquet.iter_batches(4096, columns=schema(dim).names):
                entries += _entries(file, batch, dim, len(entries))
                task.advance(batch.num_rows)
    except (OSError, pa.ArrowException) as error:
        raise _spoilt(file, f"it cannot be read ({error})") from error
    return entries


def schema(dim: int) -> Any:
    """The columns of an export, for pyarrow."""
    import pyarrow as pa

    return pa.schema(
        {
            "identity": pa.string(), "n_items": pa.int64(), "source": pa.string(), "metadata": pa.string(),
            "created": pa.float64(), "embedding": pa.list_(pa.float32(), dim), "originals": pa.list_(pa.binary()),
        }
    )  # fmt: skip


def _entries(file: str | Path, batch: Any, dim: int, before: int) -> list[Entry]:
    for name in batch.schema.names:
        if name != "originals" and batch.column(name).null_count:
            row = batch.column(name).is_null().to_pylist().index(True)
            raise _spoilt(file, f"row {before + row + 1} has nothing in {name!r}")
    vectors = batch.column("embedding").flatten().to_numpy(zero_copy_only=False).reshape(-1, dim)
    whole = np.isfinite(vectors).all(1)
    if not whole.all():
        raise _spoilt(file, f"the embedding of row {before + int(whole.argmin()) + 1} has values that are not finite")
    made = []
    for i, row in enumerate(batch.drop_columns(["embedding"]).to_pylist()):
        originals = tuple(row["originals"] or ())
        try:
            metadata = json.loads(row["metadata"])
        except ValueError:
            metadata = None
        if not isinstance(metadata, dict):
            raise _spoilt(file, f"the metadata of row {before + i + 1} are no JSON object")
        if row["n_items"] < 1 or (originals and len(originals) != row["n_items"]):
            raise _spoilt(
                file, f"row {before + i + 1} counts {row['n_items']} items, and has {len(originals)} originals"
            )
        if not row["identity"].strip() or "\0" in row["identity"]:
            raise _spoilt(file, f"row {before + i + 1} names no identity")
        vector = vectors[i : i + 1].astype(np.float32)
        made.append(Entry(row["identity"], vector, "all", metadata, (row["source"],), originals, row["n_items"]))
    return made


def _spoilt(file: str | Path, what: str) -> GalleryError:
    return GalleryError(f"{file}: {what}; nothing was imported. Next: export it again from its gallery.")
