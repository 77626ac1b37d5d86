"""A region of a frame, embedded once; every target and every scale takes its window from that one embedding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from twinnet.core.types import FloatArray, Image
from twinnet.encoders.places import STRIDE

Embed = Callable[[Tensor], Tensor]
"""`(B, 3, H, W)` in [0, 1] → `(B, D, H/4, W/4)`."""


@dataclass(frozen=True)
class Seen:
    """The embedding `(1, D, I, J)` of a region. `origin (2,)` x, y: where in the frame the centre of its first place
    is; `pitch`: pixels of the frame from one place to the next.
    """

    map: Tensor
    origin: FloatArray
    pitch: float

    def window(self, centre: FloatArray, pitch: FloatArray, rows: int, columns: int) -> Tensor:
        """`(1, D, rows, columns)` places around `centre (2,)`, `pitch (2,)` pixels apart in x and y."""
        xs = (centre[0] + (np.arange(columns) - (columns - 1) / 2) * pitch[0] - self.origin[0]) / self.pitch
        ys = (centre[1] + (np.arange(rows) - (rows - 1) / 2) * pitch[1] - self.origin[1]) / self.pitch
        height, width = self.map.shape[-2:]
        x = torch.from_numpy((xs * 2 / (width - 1) - 1).astype(np.float32))
        y = torch.from_numpy((ys * 2 / (height - 1) - 1).astype(np.float32))
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]
        return functional.grid_sample(self.map, grid, padding_mode="border", align_corners=True)


def look(embed: Embed, frame: Image, centre: FloatArray, ratio: float, side: tuple[int, int]) -> Seen:
    """Embed `side` (height, width) pixels, multiples of 4, around `centre`, the frame resized by `ratio`."""
    cut = resampled(frame, centre, ratio, side)
    first = centre + (np.array([STRIDE / 2, STRIDE / 2]) - np.array(side[::-1]) / 2) / ratio
    return Seen(embed(cut), first, STRIDE / ratio)


def resampled(frame: Image, centre: FloatArray, ratio: float, side: tuple[int, int]) -> Tensor:
    """Pixels `(1, 3, *side)` around `centre` of a frame resized by `ratio`; beyond the frame its border goes on."""
    height, width = frame.shape[:2]
    half = np.array(side[::-1]) / 2 / ratio
    margin = 2 / ratio + 2
    left, top = np.clip(np.floor(centre - half - margin), 0, [width - 2, height - 2]).astype(int)
    right, below = np.clip(np.ceil(centre + half + margin), [left + 2, top + 2], [width, height]).astype(int)
    part = torch.from_numpy(np.array(frame[top:below, left:right])).permute(2, 0, 1)[None].float() / 255
    if part.shape[1] == 1:
        part = part.expand(-1, 3, -1, -1)
    shrink = max(1, int(1 / ratio + 0.25))
    if shrink > 1:  # average before taking every k-th pixel, or fine patterns turn into coarse ones
        part = functional.avg_pool2d(part, shrink, ceil_mode=True)
    xs = (np.arange(side[1]) + 0.5) / ratio - half[0] + centre[0] - left
    ys = (np.arange(side[0]) + 0.5) / ratio - half[1] + centre[1] - top
    x = torch.from_numpy((xs / shrink / part.shape[3] * 2 - 1).astype(np.float32))
    y = torch.from_numpy((ys / shrink / part.shape[2] * 2 - 1).astype(np.float32))
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]
    return functional.grid_sample(part, grid, padding_mode="border", align_corners=False)
