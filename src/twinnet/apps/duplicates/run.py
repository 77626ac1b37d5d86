"""A folder → groups of copies, in memory that does not grow with the square of the folder."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twinnet.apps.duplicates import overlay
from twinnet.apps.duplicates.groups import Group, groups
from twinnet.apps.duplicates.search import candidates_within
from twinnet.apps.duplicates.sketch import Sketches, sketch_all
from twinnet.apps.duplicates.threshold import Threshold, learn
from twinnet.core.errors import ConfigError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, IntArray, Skipped
from twinnet.data import Dataset, open_dataset

_NET = 0.55  # of agreement, where the threshold is given and no net was learned
MOST_PAIRS = 5_000_000


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found. `groups` number the pictures by their place in `data`; `exact` are equal pixel by pixel.

    `threshold` is None where it was given; `limit` is the distance in use. `complete` is False where more pairs than
    `MOST_PAIRS` were found and the rest was left.
    """

    data: Dataset
    groups: tuple[Group, ...]
    pairs: int
    exact: int
    limit: float
    threshold: Threshold | None
    n_pictures: int
    compared: int
    skipped: tuple[Skipped, ...]
    complete: bool


def find_duplicates(
    data: Dataset | str | Path,
    *,
    far: float | None = None,
    threshold: float | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Duplicates:
    """Groups of copies among all pictures under a folder or in a zip; nothing is changed or moved.

    The threshold is learned for the asked FAR (see `threshold.learn`), or given. What is kept of each picture lies in
    memory maps in a temporary folder, about 6 kB each. Raises DataError, ConfigError, or CalibrationError where so few
    pictures cannot support the FAR.
    """
    if threshold is not None and (far is not None or not 0 < threshold < 1):
        raise ConfigError("give a FAR, or a threshold between 0 and 1, not both.")
    if far is not None and not 0 < far < 1:
        raise ConfigError(f"the FAR must be between 0 and 1; got {far}.")
    data = data if isinstance(data, Dataset) else open_dataset(data, kind="loose")
    with tempfile.TemporaryDirectory(prefix="twinnet-") as folder:
        known = sketch_all(data, Path(folder), progress)
        learned = learn(data, known, far=far, seed=seed, progress=progress) if threshold is None else None
        limit, net = (learned.value, learned.net) if learned else (float(threshold or 0), _NET)
        firsts = _first_of_equals(known)
        first, second, distance, complete = _linked(known, firsts, limit, net, progress)
        b = np.flatnonzero(firsts != np.arange(len(known)))
        a, exact = firsts[b], len(b)
        links = np.concatenate([a, first]), np.concatenate([b, second]), np.concatenate([np.zeros(len(a)), distance])

        def between(i: IntArray, j: IntArray) -> FloatArray:
            return np.where(firsts[i] == firsts[j], 0.0, overlay.between(known, i, j))  # equal blanks have no detail

        found = groups(*links, between, limit)
        named = tuple(
            Group(tuple(int(known.rows[row]) for row in group.rows), group.farthest, group.weakest) for group in found
        )
        n = len(known)
        return Duplicates(
            data, named, len(links[0]), exact, limit, learned, n, n * (n - 1) // 2, known.skipped, complete
        )


def _linked(
    known: Sketches, firsts: IntArray, limit: float, net: float, progress: Progress
) -> tuple[IntArray, IntArray, FloatArray, bool]:
    """All pairs below the limit, of pictures that are not equal to an earlier one."""
    rows = np.flatnonzero((firsts == np.arange(len(known))) & ~known.blank)
    vectors = known.vectors if len(rows) == len(known) else known.vectors[rows]
    first, second, distance, found = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)], 0
    with progress.task("comparing", len(rows)) as task:
        for behind, i, j in candidates_within(vectors, net):
            task.advance(behind)
            if not len(i):
                continue
            d = overlay.between(known, rows[i], rows[j])
            near = d < limit
            first.append(rows[i][near])
            second.append(rows[j][near])
            distance.append(d[near])
            found += int(near.sum())
            if found > MOST_PAIRS:
                break
    return np.concatenate(first), np.concatenate(second), np.concatenate(distance), found <= MOST_PAIRS


def _first_of_equals(known: Sketches) -> IntArray:
    places: dict[bytes, int] = {}
    return np.array([places.setdefault(one, i) for i, one in enumerate(known.prints)], np.int64)
