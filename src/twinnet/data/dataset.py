"""What there is: items, whose they are, and how to read one. Nothing is decoded until it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import DataError
from twinnet.core.types import Image, IntArray, Pairs, Skipped, Triplets
from twinnet.data.decode import decode
from twinnet.data.sources import Source, read_bytes


@final
@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """N items and what is known of them. Readers make it (`open_dataset`, `from_arrays` …); `subset` narrows it.

    `keys` is what to call item i in messages: its relative path, or its row. `identities (N,)` are numbers into
    `identity_names`, `groups (N,)` into `group_names`; a subset keeps both numberings, so numbers may have gaps.
    `sessions (N,)` says who or what made an item, such as Omniglot's drawer. Data that comes as explicit `pairs` or
    `triplets` may have no identities. `skipped` are the items the reader passed over; `ignored` counts other files.
    """

    items: tuple[Source, ...]
    keys: tuple[str, ...]
    identities: IntArray | None
    identity_names: tuple[str, ...] = ()
    groups: IntArray | None = None
    group_names: tuple[str, ...] = ()
    sessions: IntArray | None = None
    pairs: Pairs | None = None
    triplets: Triplets | None = None
    source: str = ""
    skipped: tuple[Skipped, ...] = ()
    ignored: int = 0

    def __post_init__(self) -> None:
        n = len(self.items)
        for field, values in (("keys", self.keys), ("identities", self.identities), ("groups", self.groups)):
            if values is not None and len(values) != n:
                raise DataError(f"{self.source}: {len(values)} {field} for {n} items; there must be one for each")
        if self.sessions is not None and len(self.sessions) != n:
            raise DataError(f"{self.source}: {len(self.sessions)} sessions for {n} items; there must be one for each")
        _check_range(self.identities, len(self.identity_names), "identities")
        _check_range(self.groups, len(self.group_names), "groups")
        for index in self._tuples():
            _check_range(index, n, "members of pairs or triplets")

    def __len__(self) -> int:
        return len(self.items)

    @property
    def n_identities(self) -> int:
        """How many identities have at least one item here; 0 where the data has none."""
        return 0 if self.identities is None else len(np.unique(self.identities))

    def labels(self) -> IntArray:
        """The identities `(N,)`. Raises `DataError` where the data has none, only explicit pairs or triplets."""
        if self.identities is None:
            raise DataError(f"{self.source} has no identities. Next: give a folder per identity, or a CSV path,label")
        return self.identities

    def read(self, i: int) -> Image:
        """Decode item i to `(H, W, C)` uint8, C = 1 or 3. Raises `UnreadableItem`."""
        return decode(self._content(i), name=self.keys[i])

    def raw(self, i: int) -> bytes:
        """The encoded bytes of item i; of an array, its dtype, shape and values. Raises `UnreadableItem`."""
        content = self._content(i)
        if isinstance(content, np.ndarray):
            return f"{content.dtype.str}{content.shape}".encode() + content.tobytes()
        return content

    def subset(self, indices: IntArray | Sequence[int]) -> Dataset:
        """The items at `indices`, in that order; pairs and triplets stay where all their members do.

        Raises `DataError` for an index out of range or named twice.
        """
        chosen = np.asarray(indices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
        _check_range(chosen, len(self), "indices")
        place = np.full(len(self), -1, dtype=np.int64)  # old number -> new number
        place[chosen] = np.arange(len(chosen))
        if np.count_nonzero(place >= 0) != len(chosen):
            raise DataError("a subset names an item twice. Next: pass each index once")
        return replace(
            self,
            items=tuple(self.items[i] for i in chosen),
            keys=tuple(self.keys[i] for i in chosen),
            identities=None if self.identities is None else self.identities[chosen],
            groups=None if self.groups is None else self.groups[chosen],
            sessions=None if self.sessions is None else self.sessions[chosen],
            pairs=_narrow_pairs(self.pairs, place),
            triplets=_narrow_triplets(self.triplets, place),
        )

    def by_identity(self) -> dict[int, IntArray]:
        """For each identity present, in order of its number, the indices of its items."""
        labels = self.labels()
        order = np.argsort(labels, kind="stable")
        numbers, starts = np.unique(labels[order], return_index=True)
        return dict(zip(numbers.tolist(), np.split(order, starts[1:]), strict=True)) if len(numbers) else {}

    def summary(self) -> str:
        """One line: how many of what, and what was passed over."""
        counts = [f"{len(self):,} items"]
        if self.identities is not None:
            counts.append(f"{self.n_identities:,} identities")
        if self.groups is not None:
            counts.append(f"{len(np.unique(self.groups)):,} groups")
        if self.pairs is not None:
            counts.append(f"{len(self.pairs):,} pairs ({int(self.pairs.same.sum()):,} genuine)")
        if self.triplets is not None:
            counts.append(f"{len(self.triplets):,} triplets")
        if self.skipped:
            counts.append(f"{len(self.skipped):,} skipped (first: {self.skipped[0].item}: {self.skipped[0].reason})")
        if self.ignored:
            counts.append(f"{self.ignored:,} other files ignored")
        return f"{self.source}: " + ", ".join(counts)

    def _content(self, i: int) -> bytes | npt.NDArray[Any]:
        source = self.items[i]
        return source if isinstance(source, np.ndarray) else read_bytes(source, self.keys[i])

    def _tuples(self) -> list[IntArray]:
        pairs = [] if self.pairs is None else [self.pairs.first, self.pairs.second]
        t = self.triplets
        return pairs if t is None else [*pairs, t.anchor, t.positive, t.negative]


def _check_range(values: IntArray | None, n: int, what: str) -> None:
    if values is not None and len(values) and not (values.min() >= 0 and values.max() < n):
        raise DataError(f"{what} must lie in 0 … {n - 1}; found {values.min()} … {values.max()}")


def _narrow_pairs(pairs: Pairs | None, place: IntArray) -> Pairs | None:
    if pairs is None:
        return None
    first, second = place[pairs.first], place[pairs.second]
    stays = (first >= 0) & (second >= 0)
    return Pairs(first[stays], second[stays], pairs.same[stays])


def _narrow_triplets(triplets: Triplets | None, place: IntArray) -> Triplets | None:
    if triplets is None:
        return None
    anchor, positive, negative = place[triplets.anchor], place[triplets.positive], place[triplets.negative]
    stays = (anchor >= 0) & (positive >= 0) & (negative >= 0)
    return Triplets(anchor[stays], positive[stays], negative[stays])
