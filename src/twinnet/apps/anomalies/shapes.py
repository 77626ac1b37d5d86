"""Where an invented defect lies in a crop: spots, scratches, cracks, and seams between two surfaces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Pillow
from PIL import ImageDraw
from torch.nn import functional

Mask = npt.NDArray[np.float32]  # (S, S), 0 … 1


def spot(side: int, rng: np.random.Generator) -> Mask:
    """A ragged ellipse, from a few pixels to a third of the crop."""
    x, y = _axes(side)
    centre, turn = rng.uniform(-0.85, 0.85, 2), rng.uniform(0, np.pi)
    long = np.exp(rng.uniform(np.log(0.025), np.log(0.3)))
    short = long * np.exp(rng.uniform(-1, 0))
    u = (x - centre[0]) * np.cos(turn) + (y - centre[1]) * np.sin(turn)
    v = -(x - centre[0]) * np.sin(turn) + (y - centre[1]) * np.cos(turn)
    coarse = torch.from_numpy(rng.random((1, 1, 9, 9)).astype(np.float32))
    ragged = functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=True)[0, 0].numpy()
    return np.asarray((u / long) ** 2 + (v / short) ** 2 < 0.5 + ragged, np.float32)


def scratch(side: int, rng: np.random.Generator) -> Mask:
    """A thin bent line."""
    x, y = _axes(side)
    centre, turn, bend = rng.uniform(-0.7, 0.7, 2), rng.uniform(0, np.pi), rng.uniform(-1.5, 1.5)
    length, width = rng.uniform(0.08, 0.6), rng.uniform(0.7, 2.5) * 2 / side
    u = (x - centre[0]) * np.cos(turn) + (y - centre[1]) * np.sin(turn)
    v = -(x - centre[0]) * np.sin(turn) + (y - centre[1]) * np.cos(turn) - bend * u * u
    v += 0.03 * np.sin(u * rng.uniform(5, 30) + rng.uniform(0, 6))
    return np.asarray((np.abs(v) < width) & (np.abs(u) < length), np.float32)


def crack(side: int, rng: np.random.Generator) -> Mask:
    """A line that wanders, 1 to 4 pixels wide and thinner towards its end."""
    n, stride = int(np.exp(rng.uniform(np.log(4), np.log(40)))), rng.uniform(2, 4)  # points, pixels between them
    turn = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, rng.uniform(0.05, 0.5), n))
    at = rng.uniform(0, side, (2, 1)) + stride * np.cumsum([np.cos(turn), np.sin(turn)], 1)  # (2, n)
    at -= (at.mean(1, keepdims=True) - at[:, :1]) * rng.random()  # or most would lie at one side of where they begin
    large = Pillow.new("L", (2 * side, 2 * side))  # drawn at twice the size: half pixels count
    draw, width, thinner = ImageDraw.Draw(large), int(rng.integers(2, 8)), rng.random()
    for k in range(n - 1):
        ends = [(float(2 * x), float(2 * y)) for x, y in at[:, k : k + 2].T]
        draw.line(ends, fill=255, width=max(1, round(width * (1 - thinner * (k / n) ** 2))))
    return np.asarray(large.resize((side, side), Pillow.Resampling.BOX), np.float32) / np.float32(255)


def seam(side: int, rng: np.random.Generator) -> tuple[Mask, Mask]:
    """One side of a wavy line, and the places along the line: of two surfaces neither is strange, their seam is."""
    x, y = _axes(side)
    turn, wave = rng.uniform(0, 2 * np.pi), 0.05 * rng.random()
    along = x * np.sin(turn) - y * np.cos(turn)
    across = x * np.cos(turn) + y * np.sin(turn) - rng.uniform(-0.6, 0.6)
    across += wave * np.sin(along * rng.uniform(2, 12) + rng.uniform(0, 6))
    return np.asarray(across > 0, np.float32), np.asarray(np.abs(across) < 12 / side, np.float32)


def _axes(side: int) -> tuple[Mask, Mask]:
    line = np.linspace(-1, 1, side, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    return x, y
