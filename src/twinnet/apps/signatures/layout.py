"""Whose signatures, and which are forged: `<writer>/genuine/*` and `<writer>/forged/*`, or `<writer>/*` alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np

from twinnet.core.errors import DataError, TooFewIdentities
from twinnet.core.types import BoolArray, IntArray
from twinnet.data import Dataset, open_dataset

GENUINE = ("genuine", "original", "real")
FORGED = ("forged", "forgery", "forgeries", "fake")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Signatures:
    """N pictures, the writer that each claims `(N,)`, by number in `data.group_names`, and which are his own."""

    data: Dataset
    genuine: BoolArray

    @property
    def writers(self) -> IntArray:
        """The claimed writer `(N,)` of each picture."""
        assert self.data.groups is not None  # noqa: S101  (`signatures` made it)
        return self.data.groups

    @property
    def names(self) -> list[str]:
        """The names of the writers present, in order of their numbers."""
        return [self.data.group_names[w] for w in np.unique(self.writers)]

    @property
    def has_forgeries(self) -> bool:
        """Whether any picture is a skilled forgery."""
        return not bool(self.genuine.all())

    def of(self, writers: IntArray) -> Signatures:
        """Only the signatures that claim one of these writers."""
        rows = np.flatnonzero(np.isin(self.writers, writers))
        return Signatures(self.data.subset(rows), self.genuine[rows])

    def among(self, data: Dataset) -> Signatures:
        """Only those that are in `data`, which was made of this one's by leaving some out."""
        own = {key for key, genuine in zip(self.data.keys, self.genuine, strict=True) if genuine}
        return Signatures(data, np.array([key in own for key in data.keys]))


def signatures(source: Dataset | str | Path) -> Signatures:
    """Read a folder or zip of `<writer>/genuine/*` with or without `<writer>/forged/*`, or of `<writer>/*`.

    Raises DataError for a third kind of folder, TooFewIdentities where there are fewer than two writers.
    """
    data = source if isinstance(source, Dataset) else open_dataset(source)
    labels = data.labels()
    if data.groups is None:
        return Signatures(replace(data, groups=labels, group_names=data.identity_names), np.ones(len(data), bool))
    kinds = [name.rsplit("/", 1)[-1].lower() for name in data.identity_names]
    if odd := sorted({kind for kind in kinds if kind not in (*GENUINE, *FORGED)}):
        raise DataError(
            f"{data.source}: a writer's folder may hold genuine/ and forged/, but here is also {odd[0]}/. "
            "Next: lay it out as WRITER/genuine/*.png and WRITER/forged/*.png"
        )
    if len(np.unique(data.groups)) < 2:
        raise TooFewIdentities(f"{data.source} has one writer only. Next: add the signatures of others")
    return Signatures(data, np.isin(labels, [i for i, kind in enumerate(kinds) if kind in GENUINE]))
