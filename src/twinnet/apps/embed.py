"""A data set → a table of embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from twinnet.core.errors import DataError, TwinnetError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Skipped
from twinnet.core.whole import whole
from twinnet.data import Dataset, load, open_dataset
from twinnet.model import Model


@dataclass(frozen=True, slots=True)
class Embedded:
    """How many embeddings were written, and what was passed over."""

    n: int
    skipped: tuple[Skipped, ...]


def embed(model: Model, data: str | Path, out: str | Path, *, progress: Progress = SILENT) -> Embedded:
    """Write `key, identity, group, embedding` as Parquet; the file's metadata names the model that made it.

    Images that lie loose, without identities, are embedded too. Raises DataError for unusable data, TwinnetError where
    `out` cannot be written; it is whole or not there.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    known = _opened(data)
    store = load(known, model.preprocess, progress=progress)
    embeddings = model.embed(store, progress=progress)
    columns = {
        "key": pa.array(store.dataset.keys, pa.string()),
        "identity": pa.array(_names(store.dataset.identities, store.dataset.identity_names, len(store)), pa.string()),
        "group": pa.array(_names(store.dataset.groups, store.dataset.group_names, len(store)), pa.string()),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(embeddings.ravel()), model.spec.dim),
    }
    table = pa.table(columns).replace_schema_metadata({"twinnet.fingerprint": model.fingerprint})
    path = Path(out)
    try:
        with whole(path) as partial:
            pq.write_table(table, str(partial))
    except OSError as error:
        raise TwinnetError(f"{path}: the embeddings cannot be written ({error.strerror or error}).") from error
    return Embedded(len(store), store.skipped)


def _opened(data: str | Path) -> Dataset:
    try:
        return open_dataset(data)
    except DataError as error:
        try:
            return open_dataset(data, kind="loose")  # images without identities have embeddings too
        except DataError:
            raise error from None  # what is wrong with it as a data set is the better advice


def _names(numbers: object, names: tuple[str, ...], n: int) -> list[str | None]:
    if numbers is None:
        return [None] * n
    return [names[i] for i in numbers]  # type: ignore[attr-defined]
