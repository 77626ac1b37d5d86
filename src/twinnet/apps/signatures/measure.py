"""What is measured of two signatures: how well one can be laid over the other, and how alike their lines turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt
from torch import Tensor

from twinnet.apps.signatures import laying
from twinnet.apps.signatures.line import outlines
from twinnet.apps.signatures.turning import turning
from twinnet.core.errors import UnreadableItem
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, IntArray, Item
from twinnet.data import Dataset, Preprocess, load
from twinnet.data.decode import decode
from twinnet.data.geometry import Fit, fit
from twinnet.data.ink import levelled

Pictures = npt.NDArray[np.uint8]  # (N, H, W, 1): bright ink on 0, as `PREPROCESS` makes it

PREPROCESS = Preprocess(256, 512, 1, fit="pad", ink="level")
"""Paper removed, cut to the ink, every pen equally dark, at a size at which a line's bends can be seen."""
FRAMINGS: tuple[Fit, ...] = ("moments", "stretch")
"""The ink's spread made equal, or its box: a long flourish changes the second, a heavy one the first."""
INPUTS = (*(f"{framing}_{measure}" for framing in FRAMINGS for measure in laying.MEASURES), "turns")
"""Logarithms of what is measured of a pair, in this order; all fall where two signatures are more alike."""
DARKNESS = "darkness"
"""One more input where the pen may count: how much darker one is than the other."""

_FRAME_PX = (64, 128)
_TINY = 1e-3  # of nothing there is no logarithm


@final
@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the measurements need of N signatures; each is looked at once, whatever it is compared with.

    `maps` are those of `laying`, `placed (N, 768)` and `fine (N, 1200)` those of `turning`, `dark (N,)` is the
    logarithm of the ink's level.
    """

    maps: tuple[Tensor, ...]
    placed: FloatArray
    fine: FloatArray
    dark: FloatArray

    def inputs(self, first: IntArray, second: IntArray, names: Sequence[str] = INPUTS) -> FloatArray:
        """`names` of pairs of rows, `(P,), (P,)` → `(P, K)`; the order of two signatures does not matter."""
        columns = [laying.compare(maps, first, second) for maps in self.maps]
        columns.append(1 - np.einsum("pf,pf->p", self.placed[first], self.placed[second])[:, None])
        if DARKNESS in names:
            columns.append(np.abs(self.dark[first] - self.dark[second])[:, None])
        return np.log(np.maximum(np.concatenate(columns, axis=1), 0) + _TINY)


def pictures_of(data: Dataset, preprocess: Preprocess, progress: Progress = SILENT) -> tuple[Pictures, Dataset]:
    """All readable pictures of a data set, and the data without what could not be read."""
    store = load(data, preprocess, progress=progress)
    return store.images(np.arange(len(store))), store.dataset


def pictures(items: Sequence[Item], preprocess: Preprocess) -> Pictures:
    """A few paths, encoded bytes or arrays. Raises UnreadableItem for one that is no picture, or has no ink."""
    found = np.stack([preprocess.apply(decode(item)) for item in items])
    for item, picture in zip(items, found, strict=True):
        if not picture.any():
            name = str(item) if not isinstance(item, bytes | np.ndarray) else "picture"
            raise UnreadableItem(name, "no ink was found on it. Next: look at it with signatures clean")
    return found


def look(shown: Pictures, progress: Progress = SILENT) -> Seen:
    """Lay out each signature in every framing, and follow its line."""
    framed = np.empty((len(FRAMINGS), len(shown), *_FRAME_PX, 1), np.uint8)
    placed, fine, dark = [], [], np.zeros(len(shown))
    with progress.task("following lines", len(shown)) as task:
        for i, picture in enumerate(shown):
            ink = _cut(picture)
            for k, framing in enumerate(FRAMINGS):
                framed[k, i] = levelled(fit(ink, *_FRAME_PX, framing, np.zeros(1, np.uint8)))
            turns = turning(outlines(ink[:, :, 0]))
            placed.append(turns[0])
            fine.append(turns[1])
            values = ink.astype(np.float64)
            dark[i] = np.log((values**2).sum() / max(values.sum(), 1e-9) + 1e-6)
            task.advance()
    return Seen(tuple(laying.maps(part) for part in framed), np.array(placed), np.array(fine), dark)


def _cut(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Without the rows and columns that padding left empty."""
    rows, columns = np.flatnonzero(picture.any(axis=(1, 2))), np.flatnonzero(picture.any(axis=(0, 2)))
    if not len(rows):
        return picture
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
