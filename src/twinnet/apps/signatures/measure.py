"""What is measured of two signatures: the network's distance, and how well their strokes match in two framings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import numpy.typing as npt

from twinnet.apps.signatures import matching
from twinnet.core.errors import UnreadableItem
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, IntArray, Item
from twinnet.data import Dataset, Preprocess, load
from twinnet.data.decode import decode
from twinnet.data.geometry import Fit
from twinnet.model import Embeddings, Model

Pixels = npt.NDArray[np.uint8]

FRAMINGS: tuple[Fit, ...] = ("moments", "stretch")
"""The ink's spread made equal, or its box: a long flourish changes the second, a heavy one the first."""
INPUTS = ("network", *(f"{framing}_{measure}" for framing in FRAMINGS for measure in matching.MEASURES))
"""Logarithms of what is measured of a pair, in this order; all fall where two signatures are more alike."""

_TINY = 1e-3  # of nothing there is no logarithm


@final
@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """N signatures: what the network sees, `(N, H, W, 1)` uint8, and the same for each of `FRAMINGS`."""

    canvas: Pixels
    framed: tuple[Pixels, ...]

    def rows(self, rows: IntArray) -> Pictures:
        """Some of them, in that order."""
        return Pictures(self.canvas[rows], tuple(pixels[rows] for pixels in self.framed))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the measurements need of N signatures; each is embedded once, whatever it is compared with."""

    model: Model
    embeddings: Embeddings
    maps: tuple[matching.Maps, ...]

    def inputs(self, first: IntArray, second: IntArray, progress: Progress = SILENT) -> FloatArray:
        """`INPUTS` of pairs of rows, `(P,), (P,)` → `(P, 5)`."""
        out = np.empty((len(first), len(INPUTS)))
        with progress.task("comparing", len(first)) as task:
            for start in range(0, len(first), 256):
                a, b = first[start : start + 256], second[start : start + 256]
                parts = [self.model.pair_distances(self.embeddings, a, b)[:, None]]
                parts += [matching.match(maps, a, b) for maps in self.maps]
                out[start : start + 256] = np.log(np.maximum(np.concatenate(parts, axis=1), 0) + _TINY)
                task.advance(len(a))
        return out


def framings(preprocess: Preprocess) -> tuple[Preprocess, ...]:
    """The model's own preprocessing, and the same with each of `FRAMINGS`."""
    return preprocess, *(replace(preprocess, fit=framing, mean=(), std=()) for framing in FRAMINGS)


def pictures_of(data: Dataset, preprocess: Preprocess, progress: Progress = SILENT) -> tuple[Pictures, Dataset]:
    """All readable pictures of a data set in each framing, and the data without what could not be read."""
    stores = [load(data, framed, progress=progress) for framed in framings(preprocess)]
    known = stores[0].dataset
    canvas, *framed = (store.images(np.arange(len(known))) for store in stores)
    return Pictures(canvas, tuple(framed)), known


def pictures(items: Sequence[Item], preprocess: Preprocess) -> Pictures:
    """A few paths, encoded bytes or arrays. Raises UnreadableItem for one that is no picture, or has no ink."""
    images = [decode(item) for item in items]
    canvas, *framed = (np.stack([each.apply(image) for image in images]) for each in framings(preprocess))
    for item, picture in zip(items, canvas, strict=True):
        if not picture.any():
            name = str(item) if not isinstance(item, bytes | np.ndarray) else "picture"
            raise UnreadableItem(name, "no ink was found on it. Next: look at it with signatures clean")
    return Pictures(canvas, tuple(framed))


def look(model: Model, shown: Pictures) -> Seen:
    """Embed each signature, and make its maps."""
    parts = [model.embed_images(shown.canvas[i : i + 256]) for i in range(0, len(shown.canvas), 256)]
    return Seen(model, np.concatenate(parts), tuple(matching.maps(pixels) for pixels in shown.framed))
