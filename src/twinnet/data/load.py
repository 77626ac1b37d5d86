"""Read a whole data set once, by threads, in memory where it fits. A bad item never stops it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import ConfigError, EmptyDataset, UnreadableItem
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import IntArray, Skipped
from twinnet.data.dataset import Dataset
from twinnet.data.parallel import each
from twinnet.data.preprocess import Preprocess

MEMORY_LIMIT = 2 * 2**30

Pixels = npt.NDArray[np.uint8]


@final
@dataclass(frozen=True, slots=True, eq=False)
class ImageStore:
    """The readable items of a data set, at one size. `skipped` holds the reader's skips, then those met here.

    `images(indices)` gives the same pixels whether they are kept in memory or decoded anew.
    """

    dataset: Dataset
    preprocess: Preprocess
    skipped: tuple[Skipped, ...]
    pixels: Pixels | None  # (N, height, width, channels), or None where they do not fit
    workers: int | None = None

    def __len__(self) -> int:
        return len(self.dataset)

    def images(self, indices: IntArray | Sequence[int]) -> Pixels:
        """`(B,)` indices to `(B, height, width, channels)` uint8. Raises `UnreadableItem` if a file went away."""
        rows = np.asarray(indices, dtype=np.int64)
        if self.pixels is not None:
            taken: Pixels = self.pixels[rows]
            return taken
        out = np.empty((len(rows), *self.preprocess.shape), np.uint8)
        failures = _decode_all(self.dataset, self.preprocess, rows, out, self.workers, SILENT)
        if failures:
            raise next(iter(failures.values()))
        return out


def load(
    dataset: Dataset,
    preprocess: Preprocess,
    *,
    workers: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
    progress: Progress = SILENT,
) -> ImageStore:
    """Decode and preprocess every item, with `workers` threads (by default as many as pay).

    Where N × height × width × channels exceeds `memory_limit` bytes, each item is only tried once and decoded again
    when asked for. Items that cannot be read are skipped, counted and listed; explicit pairs and triplets lose those
    that need them. Raises `EmptyDataset` where nothing is left.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"load: workers must be at least 1, not {workers}")
    if not len(dataset):
        raise EmptyDataset(f"{dataset.source} has no items")
    n = len(dataset)
    fits = n * int(np.prod(preprocess.shape)) <= memory_limit
    pixels = np.empty((n, *preprocess.shape), np.uint8) if fits else None
    failures = _decode_all(dataset, preprocess, np.arange(n), pixels, workers, progress)
    if len(failures) == n:
        first = "; ".join(str(error) for error in list(failures.values())[:3])
        raise EmptyDataset(f"{dataset.source}: none of its {n:,} items could be read. First: {first}")
    if failures:
        kept = np.array([i for i in range(n) if i not in failures], dtype=np.int64)
        dataset = dataset.subset(kept)
        if pixels is not None:
            for new, old in enumerate(kept):  # moved down in place: a copy would double the memory
                pixels[new] = pixels[old]
            pixels = pixels[: len(kept)]
    skipped = dataset.skipped + tuple(Skipped(error.item, error.reason) for error in failures.values())
    return ImageStore(dataset, preprocess, skipped, pixels, workers)


def _decode_all(
    dataset: Dataset,
    preprocess: Preprocess,
    rows: IntArray,
    out: Pixels | None,
    workers: int | None,
    progress: Progress,
) -> dict[int, UnreadableItem]:
    """Fill `out (B, …)` with the items `rows (B,)`; give back what failed, by place in `rows`, in order."""

    def one(b: int) -> UnreadableItem | None:
        try:
            image = preprocess.apply(dataset.read(int(rows[b])))
        except UnreadableItem as error:
            return UnreadableItem(error.item, error.reason)  # without its traceback, which holds the bytes
        if out is not None:
            out[b] = image
        return None

    failures: dict[int, UnreadableItem] = {}
    done = 0
    with progress.task("Reading images", len(rows)) as task:
        for errors in each(len(rows), one, workers):
            failures |= {done + b: error for b, error in enumerate(errors) if error is not None}
            done += len(errors)
            task.advance(len(errors))
            if failures:
                task.note(f"{len(failures):,} skipped")
    return failures
