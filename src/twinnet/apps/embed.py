"""A data set → a table of embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from twinnet.core.errors import DataError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Skipped
from twinnet.data import load, open_dataset
from twinnet.model import Model


@dataclass(frozen=True, slots=True)
class Embedded:
    """How many embeddings were written, and what was passed over."""

    n: int
    skipped: tuple[Skipped, ...]


def embed(model: Model, data: str | Path, out: str | Path, *, progress: Progress = SILENT) -> Embedded:
    """Write `key, identity, group, embedding` as Parquet; the file's metadata names the model that made it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        known = open_dataset(data)
    except DataError:
        known = open_dataset(data, kind="loose")  # images without identities have embeddings too
    store = load(known, model.preprocess, progress=progress)
    embeddings = model.embed(store, progress=progress)
    columns = {
        "key": pa.array(store.dataset.keys),
        "identity": pa.array(_names(store.dataset.identities, store.dataset.identity_names, len(store))),
        "group": pa.array(_names(store.dataset.groups, store.dataset.group_names, len(store))),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(embeddings.ravel()), model.spec.dim),
    }
    table = pa.table(columns).replace_schema_metadata({"twinnet.fingerprint": model.fingerprint})
    pq.write_table(table, str(out))
    return Embedded(len(store), store.skipped)


def _names(numbers: object, names: tuple[str, ...], n: int) -> list[str | None]:
    if numbers is None:
        return [None] * n
    return [names[i] for i in numbers]  # type: ignore[attr-defined]
