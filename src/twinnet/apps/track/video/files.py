"""Video files, read with PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from twinnet.apps.track.video.reading import SameSize, Video
from twinnet.core.errors import DataError
from twinnet.core.extras import require
from twinnet.core.types import Image


@final
@dataclass
class FileVideo(Video):
    """The first video stream of a file."""

    path: Path = Path()

    @classmethod
    def open(cls, path: Path) -> FileVideo:
        """Raises DataError for what is no video, has no picture in it, or is of a codec that nothing here reads."""
        av = require("av", "video")
        with _opened(av, path) as container:
            if not container.streams.video:
                raise DataError(f"{path}: has no pictures in it, only {_kinds(container)}. Next: give a video.")
            stream = container.streams.video[0]
            rate = float(stream.average_rate or 0) or 25.0
            if stream.codec_context is None:
                raise DataError(f"{path}: {_UNKNOWN}")
            return cls(str(path), rate, stream.frames or None, path=path)

    def frames(self) -> Iterator[Image | None]:
        """Until the end, or until the file breaks off, which `broken` then says."""
        av, same, n = require("av", "video"), SameSize(), 0
        with _opened(av, self.path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            decoded = container.decode(stream)
            while True:
                try:
                    frame = next(decoded, None)
                except (av.FFmpegError, ValueError) as error:
                    if n == 0:
                        raise DataError(f"{self.path}: no frame of it can be decoded ({error}). {_CONVERT}") from error
                    self.broken = f"the file cannot be read beyond frame {n:,} ({error})"
                    return
                if frame is None:
                    break
                n += 1
                yield same.checked(_pixels(frame), f"{self.path.name}, frame {n:,}")
        if n == 0:
            raise DataError(f"{self.path}: holds no frame. {_CONVERT}")
        if self.count and n < self.count:
            self.broken = f"the file promises {self.count:,} frames and ends after {n:,}: it may be cut off"


_CONVERT = "Next: convert it, such as ffmpeg -i IN -c:v libx264 OUT.mp4, or copy it again."
_UNKNOWN = f"its codec is not known here. {_CONVERT}"


def _pixels(frame: Any) -> Image:
    grey = frame.format.name in ("gray", "gray10le", "gray12le", "gray16le")
    found: Image = frame.to_ndarray(format="gray" if grey else "rgb24")
    return found[:, :, None] if grey else found


def _opened(av: Any, path: Path) -> Any:
    try:
        return av.open(str(path))
    except (av.FFmpegError, ValueError, OSError) as error:
        raise DataError(
            f"{path}: cannot be opened as a video; it may be no video, cut off, or damaged ({error}). {_CONVERT}"
        ) from error


def _kinds(container: Any) -> str:
    return ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
