"""What is kept of each picture: a small grey copy, its coarse colours, and short vectors of its parts. All on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from twinnet.core.errors import EmptyDataset, UnreadableItem
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Image, IntArray, Skipped
from twinnet.data import Dataset
from twinnet.data.geometry import grey
from twinnet.data.parallel import each

SIDE_PX = 48
"""Side of the small grey copy: a part of 80 % of it still has the 32 pixels by which two are laid over each other."""
_CELLS = 12
DIM = _CELLS * _CELLS
_WINDOW = 15  # of 48 pixels: what is larger is no detail
SHARES = (1.0, 0.9, 0.8)
"""Sides of the parts, as shares of the picture's: a copy that was cropped by up to a fifth is near to one of them."""
_FAINT = 0.5
_BLANK = 3.0  # grey levels of standard deviation: less is noise

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


def parts() -> list[tuple[float, float, float]]:
    """`(x, y, share)` of each part, from the top left corner, as shares of the sides; the whole comes first."""
    found = []
    for n, share in enumerate(SHARES, 1):
        steps = np.linspace(0, 1 - share, n) if n > 1 else np.zeros(1)
        found += [(float(x), float(y), share) for y in steps for x in steps]
    return found


PARTS = parts()


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sketches:
    """M readable pictures of a data set: their `rows (M,)` in it, `small (M, 48, 48)`, `colour (M, 4, 4, 2)` uint8,
    `vectors (M, parts, 144)` float16 of length 1, `blank (M,)` and `prints (M,)`, digests of the pixels.

    The three large ones are memory maps: what is in memory is what is looked at.
    """

    rows: IntArray
    small: Bytes
    colour: Bytes
    vectors: npt.NDArray[np.float16]
    blank: npt.NDArray[np.bool_]
    prints: list[bytes]
    skipped: tuple[Skipped, ...]

    def __len__(self) -> int:
        return len(self.rows)


def sketch_all(data: Dataset, folder: Path, progress: Progress = SILENT) -> Sketches:
    """Decode every picture once; maps are made in `folder`. Unreadable ones are listed. Raises EmptyDataset."""
    n = len(data)
    small = np.lib.format.open_memmap(folder / "small.npy", "w+", np.uint8, (n, SIDE_PX, SIDE_PX))
    colour = np.lib.format.open_memmap(folder / "colour.npy", "w+", np.uint8, (n, 4, 4, 2))
    vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float16, (n, len(PARTS), DIM))
    rows: list[int] = []
    prints: list[bytes] = []
    skipped = list(data.skipped)
    with progress.task("reading", n) as task:
        for i, one in enumerate(_each_sketch(data)):
            task.advance(1)
            if isinstance(one, Skipped):
                skipped.append(one)
                task.note(f"{len(skipped):,} skipped")
                continue
            at = len(rows)
            small[at], colour[at] = one[:2]
            prints.append(one[2])
            rows.append(i)
    if not rows:
        raise EmptyDataset(f"{data.source}: none of its {n:,} pictures could be read. First: {skipped[0].reason}.")
    m = len(rows)
    blank = np.zeros(m, np.bool_)
    for start in range(0, m, 1024):
        some = slice(start, min(start + 1024, m))
        blank[some] = small[some].std((1, 2)) < _BLANK
        vectors[some] = vectors_of(small[some])
    return Sketches(np.array(rows, np.int64), small[:m], colour[:m], vectors[:m], blank, prints, tuple(skipped))


def sketch(image: Image) -> tuple[Bytes, Bytes, bytes]:
    """Of `(H, W, C)`: the small grey copy `(48, 48)`, coarse colours `(4, 4, 2)`, and a digest of the pixels."""
    flat = Pillow.fromarray(np.ascontiguousarray(grey(image)[:, :, 0]))
    small = np.asarray(flat.resize((SIDE_PX, SIDE_PX), Pillow.Resampling.BILINEAR, reducing_gap=3.0))
    colour = np.full((4, 4, 2), 128, np.uint8)
    if image.shape[2] == 3:
        tiny = Pillow.fromarray(np.ascontiguousarray(image)).resize((4, 4), Pillow.Resampling.BOX, reducing_gap=3.0)
        colour = np.asarray(tiny.convert("YCbCr"))[:, :, 1:]
        if (image == image[:, :, :1]).all():
            image = image[:, :, :1]  # grey stored as colour is grey
    shape = b"%d,%d,%d" % image.shape
    return small, colour, hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16, key=shape).digest()


def vectors_of(small: Bytes) -> Floats:
    """`(B, 48, 48)` → `(B, parts, 144)`: the detail of each part at 12 × 12, of length 1; 0 where there is none."""
    out = np.empty((len(small), len(PARTS), DIM), np.float32)
    # Sums over rectangles from the corner: each part is averaged over its cells from one table, at any fraction.
    table = np.zeros((len(small), SIDE_PX + 1, SIDE_PX + 1))
    table[:, 1:, 1:] = detail(small).cumsum(1, dtype=np.float64).cumsum(2)
    for p, (x, y, share) in enumerate(PARTS):
        rows = _between(table, y, share, 1)
        cells = np.diff(np.diff(_between(rows, x, share, 2), axis=1), axis=2).reshape(len(small), DIM)
        cells -= cells.mean(1, keepdims=True)
        length = np.linalg.norm(cells, axis=1, keepdims=True)
        out[:, p] = np.where(length > _FAINT, cells / np.maximum(length, 1e-9), 0)
    return out


def detail(small: Bytes) -> Floats:
    """`(B, 48, 48)` less its local mean, saturated, so that neither lighting nor one line of bold text decides."""
    from scipy.ndimage import uniform_filter  # slow to import

    pixels: Floats = small.astype(np.float32)
    pixels -= uniform_filter(pixels, (0, _WINDOW, _WINDOW), mode="nearest")
    usual = np.sqrt((pixels**2).mean((1, 2), keepdims=True))
    np.tanh(pixels / np.maximum(usual, _BLANK), out=pixels)
    return pixels


def _between(table: npt.NDArray[np.float64], start: float, share: float, axis: int) -> npt.NDArray[np.float64]:
    """The table at the edges of the cells, which may fall between two pixels."""
    edge = (start + share * np.linspace(0, 1, _CELLS + 1)) * SIDE_PX
    below = np.minimum(edge.astype(int), SIDE_PX - 1)
    beyond = (edge - below).reshape((-1, 1) if axis == 1 else (-1,))
    low, high = np.take(table, below, axis), np.take(table, below + 1, axis)
    edges: npt.NDArray[np.float64] = low * (1 - beyond) + high * beyond
    return edges


def _each_sketch(data: Dataset) -> Iterator[Any]:
    def one(i: int) -> Any:
        try:
            return sketch(data.read(i))
        except UnreadableItem as error:
            return Skipped(error.item, error.reason)

    for chunk in each(len(data), one):
        yield from chunk
