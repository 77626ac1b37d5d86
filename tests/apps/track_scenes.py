"""Small sequences with known truth, for the tests of tracking."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from twinnet.apps.track.textures import invented_picture
from twinnet.core.types import FloatArray, Image


@cache
def _ground(seed: int) -> Image:
    return invented_picture(np.random.default_rng(seed), 256)


def moving_patch(
    frames: int = 12, *, size: tuple[int, int] = (120, 160), step: tuple[float, float] = (3, 1), seed: int = 0
) -> tuple[list[Image], FloatArray]:
    """A patch of 30 × 24 pixels that moves by `step` a frame over an invented ground: frames, and boxes `(T, 4)`."""
    rng = np.random.default_rng(seed)
    ground = _ground(seed)[: size[0], : size[1]]
    patch = np.kron(rng.integers(0, 255, (8, 10, 3)), np.ones((3, 3, 1))).astype(np.uint8)  # (24, 30, 3)
    pictures, boxes = [], []
    for n in range(frames):
        x, y = round(20 + step[0] * n), round(30 + step[1] * n)
        frame = ground.copy()
        if x < size[1] and y < size[0]:
            part = frame[y : y + 24, x : x + 30]
            part[:] = patch[: part.shape[0], : part.shape[1]]
        pictures.append(frame)
        boxes.append([x, y, 30, 24])
    return pictures, np.array(boxes, np.float64)


def write_frames(folder: Path, pictures: list[Image], boxes: FloatArray | None = None) -> Path:
    """As `frames/00001.png …`, with `groundtruth.txt` where boxes are given."""
    (folder / "frames").mkdir(parents=True)
    for n, picture in enumerate(pictures, 1):
        Pillow.fromarray(picture.squeeze()).save(folder / "frames" / f"{n:05d}.png")
    if boxes is not None:
        np.savetxt(folder / "groundtruth.txt", boxes, "%g", ",")
    return folder
