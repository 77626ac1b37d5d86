"""Which items are the same picture: exactly, by their pixels, or nearly, as after recompressing or resizing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import BoolArray, IntArray
from twinnet.data.doctor.look import SIDE_PX, Look

LIKE = 0.97
"""Correlation of fine detail from which two pictures are nearly the same.

Pictures saved as JPEG of quality 40, resized by 0.5 to 1.6, or brightened by 15 % stay above 0.98 of themselves; of
all 186 million pairs of Omniglot's 19,280 drawings, three pairs reach it, each of one character.
"""
MOST_PAIRS = 1_000_000

_MAYBE = 0.92  # of the coarse detail: a wide net for the fine comparison
_MANY = 0.01
_WINDOW = 11  # of 32 pixels: what is larger is lighting and common shape, not detail
_BLOCK = 1024
_ASPECT = 0.1  # on the log scale: a picture does not change its shape by being saved anew

Floats = npt.NDArray[np.float32]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Duplicates:
    """Pairs of rows of the data set, `first < second`, each `(P,)`; `exact (P,)` where their pixels are equal.

    Of K exact copies, each is paired with the first. `complete` is False where more than `MOST_PAIRS` were found.
    """

    first: IntArray
    second: IntArray
    exact: BoolArray
    complete: bool = True

    def __len__(self) -> int:
        return len(self.first)


def duplicates(look: Look, progress: Progress = SILENT) -> Duplicates:
    """Exact copies by their pixels, then near ones among the rest, by comparing every pair of small grey pictures.

    Blank pictures have no detail, so they are never *nearly* the same. Time grows with the square of the number of
    items (N² × 256 multiplications).
    """
    places: dict[bytes, int] = {}
    original = np.array([places.setdefault(one, i) for i, one in enumerate(look.prints)], np.int64)  # (M,)
    copies = np.flatnonzero(original != np.arange(len(look)))
    distinct = np.flatnonzero((original == np.arange(len(look))) & ~look.blank)
    a, b, complete = _near(look, distinct, progress)
    return Duplicates(
        first=look.rows[np.concatenate([original[copies], a])],
        second=look.rows[np.concatenate([copies, b])],
        exact=np.arange(len(copies) + len(a)) < len(copies),
        complete=complete,
    )


def coarse(small: npt.NDArray[np.generic]) -> Floats:
    """`(M, 32, 32)` → `(M, 16, 16)`, the means of 2 × 2 pixels."""
    half = SIDE_PX // 2
    means: Floats = small.reshape(-1, half, 2, half, 2).mean((2, 4), dtype=np.float32)
    return means


def unit(pictures: npt.NDArray[np.generic]) -> Floats:
    """`(M, …)` → rows `(M, D)` of mean 0 and length 1, so that a product of two is their correlation."""
    rows: Floats = pictures.reshape(len(pictures), int(np.prod(pictures.shape[1:]))).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-6))
    return rows


def _near(look: Look, rows: IntArray, progress: Progress) -> tuple[IntArray, IntArray, bool]:
    fine, net = _detailed(look, rows)  # (M, 1024), (M, 256)
    aspect = np.log(look.width_px[rows] / look.height_px[rows])
    left, right, found = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    with progress.task("Comparing pictures", len(rows)) as task:
        for start in range(0, len(rows), _BLOCK):
            block = net[start : start + _BLOCK]
            maybe = block @ net[start:].T > _MAYBE  # (B, M − start)
            if maybe.mean() > _MANY:  # frames of one film: one product is faster than pair by pair
                maybe &= fine[start : start + _BLOCK] @ fine[start:].T > LIKE - 1e-4
            i, j = np.nonzero(maybe)
            i, j = i + start, j + start
            kept = (i < j) & (np.abs(aspect[i] - aspect[j]) < _ASPECT)
            i, j = _alike(fine, i[kept], j[kept], MOST_PAIRS + 1 - found)
            left.append(i)
            right.append(j)
            found += len(i)
            task.advance(len(block))
            if found > MOST_PAIRS:
                break
    a, b = np.concatenate(left)[:MOST_PAIRS], np.concatenate(right)[:MOST_PAIRS]
    return rows[a], rows[b], found <= MOST_PAIRS


def _detailed(look: Look, rows: IntArray) -> tuple[Floats, Floats]:
    fine = np.empty((len(rows), SIDE_PX**2), np.float32)
    net = np.empty((len(rows), SIDE_PX**2 // 4), np.float32)
    for start in range(0, len(rows), _BLOCK):
        here = slice(start, start + _BLOCK)
        detail = _detail(look.small[rows[here]])
        fine[here], net[here] = unit(detail), unit(coarse(detail))
    return fine, net


def _alike(fine: Floats, i: IntArray, j: IntArray, most: int) -> tuple[IntArray, IntArray]:
    """The first `most` of the pairs `(P,)` whose fine detail correlates."""
    alike, found = np.zeros(len(i), bool), 0
    for start in range(0, len(i), _BLOCK):
        here = slice(start, start + _BLOCK)
        alike[here] = np.einsum("pd,pd->p", fine[i[here]], fine[j[here]]) >= LIKE
        found += int(alike[here].sum())
        if found >= most:
            break
    return i[alike], j[alike]


def _detail(small: npt.NDArray[np.uint8]) -> Floats:
    """`(M, 32, 32)` less its local mean: lighting, and the shape that all pictures of a kind share, are gone."""
    from scipy.ndimage import uniform_filter  # slow to import

    pixels = small.astype(np.float32)
    pixels -= uniform_filter(pixels, size=(0, _WINDOW, _WINDOW), mode="nearest")
    return pixels
