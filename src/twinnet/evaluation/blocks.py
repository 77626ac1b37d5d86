"""Work in blocks: how large they may be, and threads that never hold more of them than they work on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from twinnet.core.errors import CalibrationError, DataError
from twinnet.core.types import IntArray
from twinnet.evaluation.crosses import Cross, Vectors

Block = npt.NDArray[np.floating]
A = TypeVar("A")
B = TypeVar("B")

PER_DISTANCE = 40
"""Bytes that one distance of a block may need, with the temporaries of a comparison in float64."""


def workers() -> int:
    """How many threads there is a core for."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(work: Callable[[A], B], parts: Sequence[A], threads: int) -> Iterator[B]:
    """Results in the order of `parts`; no more are begun than there are threads, as each holds a block of memory."""
    # One thread for each block, not several inside each: sorting and comparing have only one.
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        left = iter(parts)
        waiting = [pool.submit(work, part) for part in islice(left, threads)]
        try:
            while waiting:
                done = waiting.pop(0).result()
                waiting += [pool.submit(work, part) for part in islice(left, 1)]
                yield done
        finally:
            for future in waiting:
                future.cancel()


def distances(cross: Cross, a: Vectors, b: Vectors) -> Block:
    """`cross(a, b)`, checked, as float32 or float64. Raises DataError for its shape, CalibrationError for NaN."""
    d = np.asarray(cross(a, b))
    if d.shape != (len(a), len(b)):
        raise DataError(f"a comparison of {len(a)} by {len(b)} vectors gave distances {d.shape}.")
    if d.dtype not in (np.float32, np.float64):
        d = d.astype(np.float64)
    if d.size and not (np.isfinite(d.max()) and np.isfinite(d.min())):  # both pass NaN on
        raise CalibrationError("a distance is NaN or infinite. Next: find the items whose embedding is not finite.")
    return d


def numbered(embeddings: Vectors, identities: npt.ArrayLike) -> tuple[Vectors, IntArray, IntArray]:
    """Embeddings `(N, D)` as they are, the number of each item's identity `(N,)`, and the items of each identity.

    Raises DataError where the lengths differ.
    """
    x, names = np.asarray(embeddings), np.asarray(identities)
    if x.ndim != 2 or names.shape != (len(x),):
        raise DataError(f"embeddings (N, D) and identities (N,) do not match: {x.shape} and {names.shape}.")
    _, who, sizes = np.unique(names, return_inverse=True, return_counts=True)
    return x, who, sizes
