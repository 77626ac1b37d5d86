"""One look at every item: the plain numbers, the digest and the small grey picture that all findings are made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Any, final

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from twinnet.core.errors import UnreadableItem
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import BoolArray, FloatArray, Image, IntArray, Skipped
from twinnet.data.dataset import Dataset
from twinnet.data.decode import decode
from twinnet.data.geometry import INK, border_median, grey
from twinnet.data.parallel import each

SIDE_PX = 32
"""Side of the small grey picture: fine enough to tell drawings apart, small enough to keep 100,000 in memory."""

_BLANK = 8  # grey levels between the darkest and the brightest pixel: less is a scanner's or JPEG's noise
_COLOUR = 8  # levels between channels; JPEG gives grey pictures a little colour


@final
@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What was seen of the M readable items. `rows (M,)` are their places in the data set, ascending.

    `small (M, 32, 32)` uint8 is the grey picture, stretched; `prints` are digests of the pixels. `brightness` is the
    mean grey and `ink` the share of pixels that differ from the border's median, and `ink_grey` the mean
    grey of those, 0 where there are none; all in [0, 1].
    """

    rows: IntArray
    small: npt.NDArray[np.uint8]
    brightness: FloatArray
    ink: FloatArray
    ink_grey: FloatArray
    height_px: IntArray
    width_px: IntArray
    n_bytes: IntArray
    coloured: BoolArray
    blank: BoolArray
    bright_ground: BoolArray
    prints: tuple[bytes, ...]
    unreadable: tuple[Skipped, ...]

    def __len__(self) -> int:
        return len(self.rows)


def together(a: Look, b: Look, n: int) -> Look:
    """Two looks as one: rows of `b` follow the `n` items of the data set of `a`."""
    parts = {field.name: (getattr(a, field.name), getattr(b, field.name)) for field in fields(Look)}
    parts["rows"] = a.rows, b.rows + n
    joined: dict[str, Any] = {
        name: x + y if isinstance(x, tuple) else np.concatenate([x, y]) for name, (x, y) in parts.items()
    }
    return Look(**joined)


@dataclass(frozen=True, slots=True)
class _Seen:
    small: npt.NDArray[np.uint8]
    numbers: tuple[float, float, float, int, int, int, bool, bool, bool]
    print_: bytes


def look(dataset: Dataset, progress: Progress = SILENT) -> Look:
    """Decode every item once. What cannot be read is listed, and never stops it."""
    seen: list[_Seen | Skipped] = []
    with progress.task("Looking at the data", len(dataset)) as task:
        for some in each(len(dataset), lambda i: _see(dataset, i)):
            seen += some
            task.advance(len(some))
    found = [one for one in seen if isinstance(one, _Seen)]
    numbers = np.array([one.numbers for one in found], np.float64).reshape(-1, 9).T  # (M, 9) -> (9, M)
    brightness, ink, ink_grey, height, width, n_bytes, coloured, blank, bright = numbers
    return Look(
        rows=np.array([i for i, one in enumerate(seen) if isinstance(one, _Seen)], np.int64),
        small=np.array([one.small for one in found], np.uint8).reshape(-1, SIDE_PX, SIDE_PX),
        brightness=brightness,
        ink=ink,
        ink_grey=ink_grey,
        height_px=height.astype(np.int64),
        width_px=width.astype(np.int64),
        n_bytes=n_bytes.astype(np.int64),
        coloured=coloured > 0,
        blank=blank > 0,
        bright_ground=bright > 0,
        prints=tuple(one.print_ for one in found),
        unreadable=tuple(one for one in seen if isinstance(one, Skipped)),
    )


def _see(dataset: Dataset, i: int) -> _Seen | Skipped:
    try:
        raw = dataset.raw(i)
        stored = isinstance(dataset.items[i], np.ndarray)
        image = dataset.read(i) if stored else decode(raw, name=dataset.keys[i])  # (H, W, C); a file is read once
    except UnreadableItem as error:
        return Skipped(error.item, error.reason)
    plain = grey(image)  # (H, W, 1)
    border = border_median(plain)
    ground = int(border[0])
    reach = INK * 255
    inked = plain[(plain < ground - reach) | (plain > ground + reach)]
    height, width = image.shape[:2]
    ink_grey = float(inked.mean()) / 255 if inked.size else 0.0
    numbers = (
        float(plain.mean()) / 255, inked.size / plain.size, ink_grey, height, width, len(raw), _coloured(image),
        int(plain.max()) - int(plain.min()) < _BLANK, ground > 127,
    )  # fmt: skip
    return _Seen(_small(plain), numbers, _print(image))


def _small(plain: Image) -> npt.NDArray[np.uint8]:
    # A triangle, not a box: the box's result depends on where pixels begin, and moves when a picture is resized.
    shrunk = Pillow.fromarray(plain[:, :, 0]).resize((SIDE_PX, SIDE_PX), Pillow.Resampling.BILINEAR)
    return np.asarray(shrunk)


def _coloured(image: Image) -> bool:
    if image.shape[2] == 1:
        return False
    spread = image.max(axis=2) - image.min(axis=2)
    return bool(np.mean(spread > _COLOUR) > 0.01)


def _print(image: Image) -> bytes:
    if image.shape[2] == 3 and (image == image[:, :, :1]).all():
        image = image[:, :, :1]  # grey stored as colour is grey
    shape = b"%d,%d,%d" % image.shape
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16, key=shape).digest()
