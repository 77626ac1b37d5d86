"""Data sets whose identities are folders: one per identity, or one per group with one per identity inside."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from twinnet.core.errors import DataError, TooFewIdentities
from twinnet.data.dataset import Dataset
from twinnet.data.listing import list_images, number

_DRAWER = re.compile(r"\d+_(\d+)\.png")


def folder(source: str | Path, *, least_identities: int = 2) -> Dataset:
    """`<identity>/*.png`, or `<group>/<identity>/*.png`, under a folder or in a zip; the image names do not matter.

    Of deeper trees the last folder is the identity and the first the group. An identity is called by its path below
    the root. This reader knows nothing of what folders mean: signatures kept as `<writer>/genuine` and
    `<writer>/forged` are read as groups that are writers, of two identities each.
    """
    listing = list_images(Path(source))
    loose = [name for name in listing.images if "/" not in name]
    if loose:
        raise DataError(
            f"{source}: {len(loose):,} images lie in the root, outside any identity's folder (first: {loose[0]}). "
            "Next: make one folder per identity, or name identities in a CSV path,label"
        )
    names = list(listing.images)
    depths = [name.count("/") for name in names]
    if min(depths) != max(depths):
        shallow, deep = names[int(np.argmin(depths))], names[int(np.argmax(depths))]
        raise DataError(
            f"{source}: images lie at different depths ({shallow}, {deep}), so it is unclear which folder is an "
            "identity. Next: keep all at one depth, or name identities in a CSV path,label"
        )
    identities, identity_names = number(name.rsplit("/", 1)[0] for name in names)
    groups, group_names = number(name.split("/")[0] for name in names)
    return several_identities(
        Dataset(
            items=tuple(listing.images.values()),
            keys=tuple(names),
            identities=identities,
            identity_names=identity_names,
            groups=groups if depths[0] > 1 else None,
            group_names=group_names if depths[0] > 1 else (),
            source=str(source),
            skipped=listing.skipped,
            ignored=listing.ignored,
        ),
        least_identities,
    )


def loose_images(source: str | Path) -> Dataset:
    """Every image under a folder or in a zip, without identities: for embedding and for finding duplicates."""
    listing = list_images(Path(source))
    return Dataset(
        items=tuple(listing.images.values()),
        keys=tuple(listing.images),
        identities=None,
        source=str(source),
        skipped=listing.skipped,
        ignored=listing.ignored,
    )


def omniglot(path: str | Path) -> Dataset:
    """Omniglot's `images_background`, as a folder or a zip: groups are alphabets, identities `<alphabet>/<character>`.

    `sessions` holds the drawer's number, from the file name `<id>_<drawer>.png`. Raises `DataError` where the layout
    is another one.
    """
    dataset = folder(path)
    drawers = [_DRAWER.fullmatch(key.rsplit("/", 1)[1]) for key in dataset.keys]
    if dataset.groups is None or None in drawers:
        raise DataError(f"{path} is not laid out as Omniglot is: <alphabet>/<character>/<id>_<drawer>.png")
    return replace(dataset, sessions=np.array([int(d[1]) for d in drawers if d], dtype=np.int64))


def several_identities(dataset: Dataset, least: int = 2) -> Dataset:
    """Give the data set back, or raise `TooFewIdentities` where there is nobody to be different from."""
    if dataset.n_identities == 1 < least:
        name = dataset.identity_names[dataset.labels()[0]]
        raise TooFewIdentities(
            f"{dataset.source} has one identity only ({name}), so nothing in it is different. Next: add another, "
            "each in a folder of its own"
        )
    return dataset
