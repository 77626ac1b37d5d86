"""One door to every kind of data: `open_dataset` recognises it; arrays and the demo's digits have their own."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import ConfigError, DataError
from twinnet.data.dataset import Dataset
from twinnet.data.folders import folder, loose_images, omniglot
from twinnet.data.listing import must_exist, number
from twinnet.data.runs import omniglot_runs
from twinnet.data.tables import COLUMNS, table

_FOLDERS = {"folder": folder, "loose": loose_images, "omniglot": omniglot, "omniglot-runs": omniglot_runs}
KINDS = (*_FOLDERS, *COLUMNS, "digits")


def open_dataset(
    source: str | Path, *, kind: str | None = None, root: str | Path | None = None, least_identities: int = 2
) -> Dataset:
    """Open a folder, a zip or a CSV; nothing is decoded yet.

    A folder or zip has one folder per identity, or group/identity (see `folder`). A CSV has the header `path,label`
    with or without `group`, `left,right,label` or `anchor,positive,negative` (see `table`), with paths relative to
    `root`, by default the CSV's own folder. `kind` overrides what is recognised: one of `KINDS`, where "loose" is
    images without identities, "omniglot-runs" the published one-shot runs, and "signature-pairs" a CSV without header
    where 1 means forged; "digits" alone, where nothing is so called, is the demo's digits. Where nothing is to be told
    apart, as in enrolment, folders and tables may hold `least_identities` = 1. Raises `DataError`
    (`EmptyDataset`, `TooFewIdentities`) for what is missing, empty or laid out otherwise, `ConfigError` for the kind.
    """
    path = Path(source)
    if kind is not None and kind not in KINDS:
        raise ConfigError(f"unknown kind of data {kind!r}. Known: {', '.join(KINDS)}")
    if kind == "digits" or (kind is None and str(source) == "digits" and not path.exists()):
        return digits()
    must_exist(path)
    kind = kind or _recognise(path)
    if kind is None or kind in COLUMNS:
        return table(path, kind=kind, root=root, least_identities=least_identities)
    if root is not None:
        raise ConfigError(f"root is for the paths in a CSV; {path} is read as {kind}")
    if kind == "folder":
        return folder(path, least_identities=least_identities)
    return _FOLDERS[kind](path)


def from_arrays(
    images: npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    labels: Sequence[str | int] | npt.NDArray[Any],
    groups: Sequence[str | int] | npt.NDArray[Any] | None = None,
    *,
    source: str = "arrays",
) -> Dataset:
    """Images `(N, H, W)`, `(N, H, W, C)`, or N arrays of any sizes, with a label each. Raises `DataError` by length.

    Each is uint8, bool or float in [0, 1]; one that is not is met, and skipped, when it is read.
    """
    for what, given in (("labels", labels), ("groups", groups)):
        if given is not None and len(given) != len(images):
            raise DataError(f"{source}: {len(given):,} {what} for {len(images):,} images; there must be one for each")
    identities, identity_names = number(map(str, labels))
    group_numbers, group_names = number(map(str, groups if groups is not None else ()))
    return Dataset(
        items=tuple(np.asarray(image) for image in images),
        keys=tuple(f"row {i}" for i in range(len(images))),
        identities=identities,
        identity_names=identity_names,
        groups=group_numbers if groups is not None else None,
        group_names=group_names,
        source=source,
    )


def digits() -> Dataset:
    """1,797 handwritten digits of 43 people, `(8, 8, 1)`, from scikit-learn: the demo's data, with nothing to fetch."""
    from sklearn.datasets import load_digits  # half a second to import, and only the demo needs it

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)  # (1797, 8, 8), 0 … 16 -> 0 … 255
    return from_arrays(images, bunch.target, source="digits")


def _recognise(path: Path) -> str | None:
    if path.is_dir() or path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        return "folder"
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return None  # the header tells
    raise DataError(f"{path} is neither a folder, a zip nor a CSV. Next: put the images into one folder per identity")
