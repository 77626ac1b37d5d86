"""Labelled video: frames and one box per line, as VOT and OTB lay them out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twinnet.core.errors import DataError, EmptyDataset
from twinnet.core.types import FloatArray, Skipped

TRUTHS = ("groundtruth.txt", "groundtruth_rect.txt")
"""VOT's name, and OTB's."""
_FOLDERS = ("frames", "img", "color", "imgs", ".")


@dataclass(frozen=True)
class Sequence:
    """`frames` is a folder of pictures; `boxes (T, 4)` x, y, width, height, NaN where the thing is not there."""

    name: str
    frames: Path
    boxes: FloatArray


def read_sequence(folder: Path) -> Sequence:
    """Of `groundtruth.txt` or `groundtruth_rect.txt`, and pictures in `frames/`, `img/`, `color/` or beside it.

    A line is x, y, width, height, or the corners of a polygon as x1, y1, x2, y2, … (its upright box is used), parted by
    commas, tabs or spaces. Raises DataError where the two do not fit together.
    """
    from twinnet.apps.track.video import open_video

    truth = next((folder / name for name in TRUTHS if (folder / name).is_file()), None)
    if truth is None:
        raise DataError(f"{folder}: has no {' or '.join(TRUTHS)}. Next: put one box per frame there, x,y,width,height.")
    boxes = read_boxes(truth)
    inside = next((folder / name for name in _FOLDERS if (folder / name).is_dir() and _pictures(folder / name)), None)
    if inside is None:
        raise DataError(f"{folder}: has boxes but no pictures in {', '.join(_FOLDERS[:-1])} or beside them.")
    count = open_video(inside).count
    if count != len(boxes):
        raise DataError(
            f"{folder}: {count:,} frames and {len(boxes):,} boxes in {truth.name}. Next: one line per frame."
        )
    return Sequence(folder.name, inside, boxes)


def read_boxes(file: Path) -> FloatArray:
    """`(T, 4)`. Raises DataError naming the line that is no box."""
    rows = []
    for n, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = [float(part) for part in re.split(r"[,;\s]+", line.strip().strip(","))]
        except ValueError:
            values = []
        if len(values) == 4:
            rows.append(values)
        elif len(values) >= 6 and len(values) % 2 == 0:
            x, y = values[::2], values[1::2]
            rows.append([min(x), min(y), max(x) - min(x), max(y) - min(y)])
        else:
            raise DataError(f"{file}, line {n}: {line.strip()[:60]!r} is neither x,y,width,height nor a polygon.")
    if not rows:
        raise DataError(f"{file}: holds no box.")
    boxes = np.array(rows, np.float64)
    boxes[~(np.isfinite(boxes).all(1) & (boxes[:, 2:] > 0).all(1))] = np.nan
    return boxes


def find_sequences(data: Path) -> tuple[list[Sequence], list[Skipped]]:
    """The sequence that a folder is, or those in its subfolders. A broken one is skipped and listed."""
    if not data.is_dir():
        raise DataError(f"{data}: there is no such folder.")
    folders = (
        [data] if any((data / name).is_file() for name in TRUTHS) else sorted(f for f in data.iterdir() if f.is_dir())
    )
    found: list[Sequence] = []
    skipped: list[Skipped] = []
    for folder in folders:
        try:
            found.append(read_sequence(folder))
        except DataError as error:
            skipped.append(Skipped(str(folder), str(error)))
    if not found:
        raise EmptyDataset(f"{data}: holds no labelled sequence" + (f"; {skipped[0].reason}" if skipped else "."))
    return found, skipped


def _pictures(folder: Path) -> bool:
    from twinnet.data.decode import SUFFIXES

    return any(file.suffix.lower() in SUFFIXES for file in folder.iterdir())
