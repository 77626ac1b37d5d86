"""Frames with boxes on them, as pictures or as a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from twinnet.core.errors import ConfigError
from twinnet.core.extras import require
from twinnet.core.types import FloatArray, Image

COLOURS = ("#22c55e", "#f97316", "#3b82f6", "#e11d48", "#eab308", "#8b5cf6")
_GREY = "#9ca3af"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One box to draw; a lost target's is grey and dashed in words only: it says *lost*."""

    box: FloatArray
    label: str
    lost: bool


def draw_boxes(frame: Image, drawn: Sequence[Drawn]) -> Image:
    """A copy `(H, W, 3)` with the boxes."""
    picture = Pillow.fromarray(np.repeat(frame, 3, 2) if frame.shape[2] == 1 else frame)
    pen = ImageDraw.Draw(picture)
    for i, one in enumerate(drawn):
        colour = _GREY if one.lost else COLOURS[i % len(COLOURS)]
        x, y, w, h = (float(value) for value in one.box)
        pen.rectangle([x, y, max(x, x + w - 1), max(y, y + h - 1)], outline=colour, width=1 if one.lost else 2)
        pen.text((x, max(0.0, y - 12)), f"{one.label} lost".strip() if one.lost else one.label, fill=colour)
    return np.asarray(picture)


class VideoWriter:
    """H.264 in whatever container the file's suffix says; even sizes only, so a last odd row or column is left out."""

    def __init__(self, path: Path, fps: float) -> None:
        """Raises MissingExtra, ConfigError for a suffix that no container is known for."""
        self._av, self._path, self._fps = require("av", "video"), path, fps
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._container: Any = self._av.open(str(path), mode="w")
        except (self._av.FFmpegError, ValueError) as error:
            raise ConfigError(
                f"{path}: no video can be written there ({error}). Next: a name ending in .mp4."
            ) from error
        self._stream: Any = None

    def write(self, frame: Image) -> None:
        """One frame `(H, W, 3)`."""
        height, width = (size - size % 2 for size in frame.shape[:2])
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=Fraction(self._fps).limit_denominator(1001))
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        cut = np.ascontiguousarray(frame[:height, :width])
        for packet in self._stream.encode(self._av.VideoFrame.from_ndarray(cut, format="rgb24")):
            self._container.mux(packet)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Also after an interrupt what was written so far can be played."""
        if self._stream is not None:
            for packet in self._stream.encode():
                self._container.mux(packet)
        self._container.close()
