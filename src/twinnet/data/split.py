"""Splits that cannot leak: by identity, by group, or, where only pairs are known, by what the pairs connect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import ConfigError, DataError, TooFewIdentities
from twinnet.core.seeds import stream
from twinnet.core.types import IntArray
from twinnet.data.dataset import Dataset


def split_identities(dataset: Dataset, parts: Sequence[float], seed: int) -> tuple[Dataset, ...]:
    """Seeded data sets that share no identity. `parts` are fractions (`[0.8, 0.2]`) or whole counts of identities.

    What the parts do not add up to is left out. Data of explicit pairs or triplets without identities is split by
    connected components, as `split_components` does, and then takes fractions only. Raises `ConfigError` for parts
    that cannot be, `TooFewIdentities` where a part would have fewer than two identities, with nothing to tell apart.
    """
    if dataset.identities is None:
        return split_components(dataset, parts, seed)
    present = np.unique(dataset.identities)
    counts = _counts(parts, len(present))
    if min(counts) < 2:
        raise TooFewIdentities(
            f"{dataset.source}: {len(present)} identities split as {_show(parts)} leaves a part with {min(counts)}; "
            "each needs two, or nothing in it is different. Next: ask for larger parts, or add identities"
        )
    shuffled = stream(seed, "split").permutation(present)
    ends = np.cumsum(counts)
    return tuple(
        dataset.subset(np.flatnonzero(np.isin(dataset.identities, shuffled[end - n : end])))
        for n, end in zip(counts, ends, strict=True)
    )


def hold_out(dataset: Dataset, groups: Iterable[str]) -> tuple[Dataset, Dataset]:
    """`(rest, held)`, where `held` are the items of the named groups, such as whole alphabets.

    Raises `DataError` where the data has no groups, lacks one of these, or would have nothing left on a side.
    """
    if dataset.groups is None:
        raise DataError(f"{dataset.source} has no groups to hold out. Next: lay it out as <group>/<identity>/*.png")
    wanted = [groups] if isinstance(groups, str) else list(groups)
    present = [dataset.group_names[g] for g in np.unique(dataset.groups)]
    for name in wanted:
        if name not in present:
            near = get_close_matches(name, present, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise DataError(f"{dataset.source} has no group {name!r}.{hint} Known: {', '.join(present)}")
    held = np.isin(dataset.groups, [dataset.group_names.index(name) for name in wanted])
    if held.all() or not held.any():
        raise DataError(f"{dataset.source}: holding out {len(wanted)} of {len(present)} groups leaves one side empty")
    return dataset.subset(np.flatnonzero(~held)), dataset.subset(np.flatnonzero(held))


def with_items(dataset: Dataset, least: int) -> Dataset:
    """Only the identities that have `least` items or more. Raises `TooFewIdentities` where fewer than two have."""
    if least <= 1 or dataset.identities is None:
        return dataset
    rows = [rows for rows in dataset.by_identity().values() if len(rows) >= least]
    if len(rows) < 2:
        raise TooFewIdentities(
            f"{dataset.source}: {len(rows)} of {dataset.n_identities} identities have {least} items or more, and two "
            "are needed. Next: lower least_items, or add items"
        )
    return dataset.subset(np.sort(np.concatenate(rows)))


def split_components(dataset: Dataset, fractions: Sequence[float], seed: int) -> tuple[Dataset, ...]:
    """Split explicit pairs or triplets so that no item is on both sides: what a tuple connects stays together.

    `fractions` are of the items, met as nearly as the components allow. Raises `DataError` where the data has no
    pairs or triplets, or everything hangs together.
    """
    component = _components(dataset)  # (N,)
    sizes = np.bincount(component)
    if any(isinstance(part, (int, np.integer)) for part in fractions):
        raise ConfigError(f"a split by connected components takes fractions such as [0.8, 0.2], not {_show(fractions)}")
    room = np.array(_counts(fractions, len(dataset)), dtype=np.float64)
    order = stream(seed, "split").permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]  # the large first, while there is room to even out
    part_of = np.full(len(sizes), -1)
    for c in order:
        part = int(np.argmax(room))
        if room[part] > 0:
            part_of[c] = part
            room[part] -= sizes[c]
    parts = tuple(dataset.subset(np.flatnonzero(part_of[component] == p)) for p in range(len(fractions)))
    if any(len(part) == 0 for part in parts):
        raise DataError(
            f"{dataset.source}: its pairs connect the {len(dataset):,} items into {len(sizes):,} component(s), the "
            f"largest of {sizes.max():,}; that cannot be split as {_show(fractions)}. Next: give two files"
        )
    return parts


def _counts(parts: Sequence[float], n: int) -> list[int]:
    if not parts or min(parts) <= 0:
        raise ConfigError(f"a split needs parts above 0, not {_show(parts)}")
    if all(isinstance(part, (int, np.integer)) for part in parts):
        counts = [int(part) for part in parts]
        if sum(counts) > n:
            raise TooFewIdentities(f"a split of {_show(parts)} identities was asked of {n}")
        return counts
    if sum(parts) > 1 + 1e-9:
        raise ConfigError(f"the fractions of a split add up to at most 1; {_show(parts)} is {sum(parts):g}")
    ends = np.rint(np.cumsum(parts) * n).astype(int)
    return [int(count) for count in np.diff(ends, prepend=0)]


def _components(dataset: Dataset) -> npt.NDArray[np.int32]:
    from scipy.sparse import coo_array  # slow to import, and few need it
    from scipy.sparse.csgraph import connected_components

    edges: list[tuple[IntArray, IntArray]] = []
    if dataset.pairs is not None:
        edges.append((dataset.pairs.first, dataset.pairs.second))
    if (t := dataset.triplets) is not None:
        edges += [(t.anchor, t.positive), (t.anchor, t.negative)]
    if not edges:
        raise DataError(
            f"{dataset.source} has neither identities, pairs nor triplets, so nothing says what to split by"
        )
    rows, columns = (np.concatenate(side) for side in zip(*edges, strict=True))
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(dataset), len(dataset)))
    labels: npt.NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return labels


def _show(parts: Sequence[float]) -> str:
    return ", ".join(f"{part:g}" for part in parts)
