"""A sheet of characters → its characters, each a clean picture of its own, in reading order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from scipy import ndimage

from twinnet.apps.handwriting.grid import in_cells
from twinnet.apps.handwriting.group import grouped
from twinnet.apps.handwriting.ink import Ink, find_ink
from twinnet.apps.handwriting.order import Direction, lines_of, reading_order
from twinnet.apps.handwriting.skew import back, skew_deg, turned
from twinnet.core.errors import ConfigError, DataError
from twinnet.core.types import FloatArray, Image, IntArray, Item
from twinnet.data import decode
from twinnet.data.geometry import grey

_MOST_PX = 2400  # longer side that is worked on: a pen's stroke is still several pixels wide
_MARGIN = 1 / 8  # of the longer side of its box: paper left around a character


@dataclass(frozen=True, slots=True)
class Cut:
    """One character: its place on the sheet in pixels (left, top, right, bottom), and a clean picture of it.

    `row` and `column` count from 0; in a grid they are the cell's, else the line and the place in it.
    `image (H, W, 1)` uint8 is dark ink on white, levelled, with nothing of its neighbours.
    """

    box: tuple[int, int, int, int]
    row: int
    column: int
    image: Image


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was cut of a sheet, in reading order; `angle_deg` is how far its lines fell to the right."""

    cuts: tuple[Cut, ...]
    angle_deg: float
    dropped: int  # pieces of ink that were too small, or the edge of the paper
    picture: Image

    @property
    def boxes(self) -> IntArray:
        """Left, top, right, bottom `(n, 4)`, in pixels of the sheet."""
        return np.array([cut.box for cut in self.cuts], np.int64).reshape(-1, 4)


def cut(
    sheet: Item,
    *,
    direction: Direction = "ltr",
    grid: tuple[int, int] | None = None,
    min_size: float = 0.2,
    gap: float | None = None,
) -> Sheet:
    """Cut a sheet into its characters.

    `grid=(columns, rows)` is for one character in a cell, ruled or not; without it strokes are grouped by the gaps
    between them, and `gap`, as a share of the usual size of strokes, sets the largest inside a character. What is
    smaller than `min_size` of the usual character is dropped. Raises DataError where there is no ink, UnreadableItem.
    """
    if grid is not None and min(grid) < 1:
        raise ConfigError(f"a grid has at least 1 column and 1 row; got {grid[0]} × {grid[1]}.")
    if not 0 <= min_size < 1 or (gap is not None and gap <= 0):
        raise ConfigError(f"min_size must be in [0, 1) and gap above 0; got {min_size} and {gap}.")
    picture = grey(decode(sheet))
    reduced, scale = _reduced(picture)
    ink, angle = _level_ink(reduced)
    if ink is None:
        name = str(sheet) if isinstance(sheet, str | Path) else "the sheet"
        raise DataError(
            f"{name}: no ink was found: nothing stands out of the paper. "
            "Next: photograph it closer, in more even light, or with a darker pen."
        )
    if grid is not None:
        labels, dropped = in_cells(ink.mask, grid[1], grid[0], ink.pen_px), 0
    else:
        labels, dropped = _without_small(grouped(ink.mask, gap), min_size)
    return Sheet(tuple(_cuts(labels, ink, direction, grid, angle, scale, picture)), angle, dropped, picture)


def write_cuts(sheet: Sheet, out: str | Path) -> list[Path]:
    """Write `001.png …`, `boxes.json` and the sheet with its boxes drawn, `boxes.png`; gives the pictures' paths.

    Raises ConfigError for a folder that holds something already.
    """
    from twinnet.apps.handwriting.contact import drawn

    out = Path(out)
    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty. Next: name another folder.")
    out.mkdir(parents=True, exist_ok=True)
    paths, rows = [], []
    digits = max(3, len(str(len(sheet.cuts))))
    for number, one in enumerate(sheet.cuts, 1):
        paths.append(out / f"{number:0{digits}d}.png")
        Pillow.fromarray(one.image[:, :, 0]).save(paths[-1])
        rows.append({"file": paths[-1].name, "box": list(one.box), "row": one.row, "column": one.column})
    height, width = sheet.picture.shape[:2]
    facts = {"width": width, "height": height, "angle_deg": round(sheet.angle_deg, 2), "dropped": sheet.dropped}
    (out / "boxes.json").write_text(json.dumps({**facts, "items": rows}, indent=1) + "\n", encoding="utf-8")
    Pillow.fromarray(drawn(sheet)).save(out / "boxes.png")
    return paths


def _reduced(picture: Image) -> tuple[Image, float]:
    height, width = picture.shape[:2]
    scale = min(1.0, _MOST_PX / max(height, width))
    if scale == 1.0:
        return picture, scale
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Pillow.fromarray(picture[:, :, 0]).resize(size, Pillow.Resampling.BOX))[:, :, None], scale


def _level_ink(picture: Image) -> tuple[Ink | None, float]:
    ink = find_ink(picture)
    angle = skew_deg(ink.mask) if ink else 0.0
    return (find_ink(turned(picture, angle)) if angle else ink), angle


def _without_small(labels: IntArray, min_size: float) -> tuple[IntArray, int]:
    """Renumbered labels without what is too small, or is the edge of the paper, and how many were left out."""
    spans = ndimage.find_objects(labels)
    sides = np.array([[r.stop - r.start, c.stop - c.start] for r, c in spans], np.float64)
    longer = sides.max(1)
    usual = float(np.median(longer[longer >= 0.5 * np.quantile(longer, 0.75)]))
    edge = [
        r.start == 0 or c.start == 0 or r.stop == labels.shape[0] or c.stop == labels.shape[1] for r, c in spans
    ]  # fmt: skip
    keep = (longer >= min_size * usual) & ~(np.array(edge) & (longer > 2 * usual))
    number = np.concatenate([[0], np.where(keep, np.cumsum(keep), 0)])
    return np.asarray(number[labels], np.int64), int((~keep).sum())


def _cuts(
    labels: IntArray,
    ink: Ink,
    direction: Direction,
    grid: tuple[int, int] | None,
    angle: float,
    scale: float,
    picture: Image,
) -> list[Cut]:
    spans = {k: span for k, span in enumerate(ndimage.find_objects(labels), 1) if span is not None}
    numbers = np.array(list(spans))
    if not len(numbers):
        return []
    boxes = np.array([[c.start, r.start, c.stop, r.stop] for r, c in spans.values()], np.float64)
    if grid is not None:
        row, column = np.divmod(numbers - 1, grid[0])
        order = np.lexsort((-column if direction == "rtl" else column, row))
    else:
        row = lines_of(boxes)
        order = reading_order(boxes, row, direction)
        column = np.empty(len(order), np.int64)
        column[order] = np.concatenate([np.arange((row == k).sum()) for k in range(row.max() + 1)])
    depth, nearest = _nearest(labels)
    own = [_clean(ink, k, nearest, depth, box) for k, box in zip(numbers, boxes, strict=True)]
    return [
        Cut(_on_sheet(labels, numbers[i], boxes[i], angle, scale, picture), int(row[i]), int(column[i]), own[i])
        for i in order
    ]


def _nearest(labels: IntArray) -> tuple[FloatArray, IntArray]:
    """How far each pixel is from writing, and whose that is."""
    depth, (y, x) = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    return depth, labels[y, x]


def _clean(ink: Ink, number: int, nearest: IntArray, depth: FloatArray, box: FloatArray) -> Image:
    """The character alone, dark on white, with a margin."""
    left, top, right, bottom = box.astype(int)
    part = np.s_[top:bottom, left:right]
    # The soft edge of a stroke reaches about half its width beyond the mask.
    own = (nearest[part] == number) & (depth[part] <= max(1.5, ink.pen_px / 2))
    inked = np.where(own, ink.darkness[part], 0)
    margin = max(2, round(_MARGIN * max(inked.shape)))
    white = np.pad(inked, margin)
    return np.asarray(np.rint(255 * (1 - white)), np.uint8)[:, :, None]


def _on_sheet(
    labels: IntArray, number: int, box: FloatArray, angle: float, scale: float, picture: Image
) -> tuple[int, int, int, int]:
    """The box of the same ink on the sheet as it was given: not levelled, not reduced."""
    left, top, right, bottom = box.astype(int)
    y, x = np.nonzero(labels[top:bottom, left:right] == number)
    points = np.stack([x + left, y + top], 1) + 0.5
    there = back(points, angle, labels.shape) if angle else points
    half = 0.5
    low, high = (there.min(0) - half) / scale, (there.max(0) + half) / scale
    height, width = picture.shape[:2]
    x0, y0 = np.clip(np.rint(low), 0, [width - 1, height - 1]).astype(int)
    x1, y1 = np.clip(np.rint(high), 1, [width, height]).astype(int)
    return int(x0), int(y0), int(x1), int(y1)
