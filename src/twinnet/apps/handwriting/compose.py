"""Sheets of characters whose places are known, to measure cutting by: drawn in lines, shaded, turned, noisy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow

from twinnet.core.errors import ConfigError
from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, Image, IntArray


@dataclass(frozen=True, slots=True)
class Paper:
    """How a sheet looks. `size_px` is a character's height, `spacing` the usual gap as a share of it, `jitter` how
    much sizes and places vary, `shade` how much darker the darkest corner is, `noise` the camera's, of 255.
    """

    columns: int = 6
    size_px: int = 48
    spacing: float = 0.7
    jitter: float = 0.12
    shade: float = 0.35
    noise: float = 4.0
    angle_deg: float = 0.0
    ruled: bool = False
    ink: float = 0.2  # brightness of the ink, as a share of the paper's

    def __post_init__(self) -> None:
        if self.columns < 1 or self.size_px < 8 or not 0 <= self.jitter < 0.5:
            raise ConfigError(f"a sheet needs a column, 8 pixels a character, jitter in [0, 0.5); got {self}.")


def compose(drawings: Sequence[Image], paper: Paper, *, seed: int = 0) -> tuple[Image, IntArray]:
    """Drawings `(h, w, 1)`, bright ink on black, in lines → a sheet `(H, W, 1)` and each one's box `(n, 4)` on it."""
    rng = stream(seed, "sheet")
    pitch = round(paper.size_px * (1 + paper.spacing))
    rows = -(-len(drawings) // paper.columns)
    height, width = (rows + 1) * pitch, (paper.columns + 1) * pitch
    dark = np.zeros((height, width), np.float64)
    spans: list[tuple[int, int, int, int]] = []
    for i, drawing in enumerate(drawings):
        row, column = divmod(i, paper.columns)
        small = _sized(drawing, paper.size_px * float(np.exp(rng.uniform(-paper.jitter, paper.jitter))))
        h, w = small.shape
        free = paper.spacing * paper.size_px * paper.jitter
        y = round((row + 1) * pitch - h / 2 + rng.uniform(-free, free))
        x = round((column + 1) * pitch - w / 2 + rng.uniform(-free, free))
        part = dark[y : y + h, x : x + w]
        np.maximum(part, small, out=part)
        spans.append((x, y, x + w, y + h))
    boxes = [_box(dark, span, paper.angle_deg) for span in spans]
    if paper.ruled:
        for k in range(rows + 1):
            at = round((k + 0.5) * pitch)
            dark[at : at + 2, pitch // 2 : -(pitch // 2)] = 0.8
        for k in range(paper.columns + 1):
            at = round((k + 0.5) * pitch)
            dark[pitch // 2 : -(pitch // 2), at : at + 2] = 0.8
    return _photographed(dark, paper, rng), np.array(boxes, np.int64)


def _sized(drawing: Image, longer_px: float) -> FloatArray:
    """The ink of a drawing, its longer side so many pixels; `(h, w)` in [0, 1]."""
    ink = drawing[:, :, 0]
    y, x = np.nonzero(ink > 64)
    if not len(y):
        raise ConfigError("a drawing has no ink. Next: give bright ink on black.")
    ink = np.ascontiguousarray(ink[y.min() : y.max() + 1, x.min() : x.max() + 1])
    scale = longer_px / max(ink.shape)
    size = max(2, round(ink.shape[1] * scale)), max(2, round(ink.shape[0] * scale))
    return np.asarray(Pillow.fromarray(ink).resize(size, Pillow.Resampling.BILINEAR), np.float64) / 255


def _box(dark: FloatArray, span: tuple[int, int, int, int], angle_deg: float) -> tuple[int, int, int, int]:
    left, top, right, bottom = span
    y, x = np.nonzero(dark[top:bottom, left:right] > 0.5)
    points = np.stack([x + left + 0.5, y + top + 0.5], 1) - np.array(dark.shape[::-1]) / 2
    t = math.radians(angle_deg)  # lines fall to the right by a positive angle
    there = points @ np.array([[math.cos(t), math.sin(t)], [-math.sin(t), math.cos(t)]])
    there += np.array(dark.shape[::-1]) / 2
    low, high = np.rint(there.min(0) - 0.5).astype(int), np.rint(there.max(0) + 0.5).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _photographed(dark: FloatArray, paper: Paper, rng: np.random.Generator) -> Image:
    picture = Pillow.fromarray((255 * dark).astype(np.uint8)).rotate(-paper.angle_deg, Pillow.Resampling.BICUBIC)
    ink = np.asarray(picture, np.float64) / 255
    y, x = np.mgrid[0 : 1 : dark.shape[0] * 1j, 0 : 1 : dark.shape[1] * 1j]
    corner = rng.uniform(0, 1, 2)
    light = 1 - paper.shade * np.hypot(y - corner[0], x - corner[1]) / math.sqrt(2)
    bright = 235 * light * (1 - (1 - paper.ink) * ink) + rng.normal(0, paper.noise, dark.shape)
    return np.asarray(np.clip(np.rint(bright), 0, 255), np.uint8)[:, :, None]
