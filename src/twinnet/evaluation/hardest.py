"""The nearest of very many pairs, found while they pass by."""

from __future__ import annotations

from threading import Lock

import numpy as np

from twinnet.core.types import FloatArray, IntArray
from twinnet.evaluation.blocks import Block


class Hardest:
    """Keeps the nearest `most` pairs of all that it is offered; threads may offer at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bound = np.inf if most else -np.inf  # once there are so many, only nearer pairs matter
        self._parts: list[tuple[Block, IntArray, IntArray]] = []
        self._held = 0
        self._lock = Lock()

    def offer(self, d: Block, row: int, column: int, ends: IntArray) -> None:
        """A block of distances `(n, m)` from these places on; row i's pairs are those from column `ends[i]` on."""
        first, second = np.divmod(np.flatnonzero(d < self._bound), d.shape[1])
        mine = second + column >= ends[first]
        first, second = first[mine], second[mine]
        if len(first):
            with self._lock:
                self._parts.append((d[first, second], first + row, second + column))
                self._held += len(first)
                if self._held > 2 * self._most:
                    self._trim()

    def found(self) -> tuple[FloatArray, IntArray, IntArray]:
        """Distances, first and second places of all pairs nearer than the last of the kept, in order of place.

        That last one is left out, since others may be just as far. All pairs, where no more were offered than are kept.
        """
        if not self._parts:
            return np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64)
        if self._held > self._most:
            self._trim()
        d, first, second = self._joined()
        keep = np.flatnonzero(d < self._bound)
        keep = keep[np.lexsort((second[keep], first[keep]))]  # not the order in which threads came by
        return d[keep].astype(np.float64), first[keep], second[keep]

    def _joined(self) -> tuple[Block, IntArray, IntArray]:
        d, first, second = zip(*self._parts, strict=True)
        return np.concatenate(d), np.concatenate(first), np.concatenate(second)

    def _trim(self) -> None:
        d, first, second = self._joined()
        nearest = np.argpartition(d, self._most - 1)[: self._most]
        self._parts = [(d[nearest], first[nearest], second[nearest])]
        self._held, self._bound = self._most, d[nearest].max()
