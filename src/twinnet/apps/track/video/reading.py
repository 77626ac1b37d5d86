"""One way to frames, whatever they come from. What cannot be read is said; what can be read is used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from twinnet.core.errors import DataError, UnreadableItem
from twinnet.core.types import Image, Skipped
from twinnet.data.decode import SUFFIXES, decode


@dataclass
class Video:
    """Frames `(H, W, 1 or 3)`, in order, all of one size; None where one could not be read.

    `count` is what the source promises, or None. After the last frame `skipped` says what was passed over, and
    `broken` why the source ended too early, if it did.
    """

    name: str
    fps: float
    count: int | None
    skipped: list[Skipped] = field(default_factory=list)
    broken: str = ""

    def frames(self) -> Iterator[Image | None]:
        """One after the other, once."""
        raise NotImplementedError


def open_video(source: str | Path) -> Video:
    """A video file, a folder of pictures (by number or name), or the number of a camera.

    Raises DataError where there is nothing readable, MissingExtra where a file or camera needs `twinnet[video]`.
    """
    text = str(source)
    if text.isdigit() and not Path(text).exists():
        from twinnet.apps.track.video.camera import Camera

        return Camera.open(int(text))
    path = Path(source)
    if path.is_dir():
        return FolderVideo.open(path)
    if not path.exists():
        raise DataError(
            f"{path}: there is no such video. Next: give a video file, a folder of pictures, or a camera's number."
        )
    from twinnet.apps.track.video.files import FileVideo

    return FileVideo.open(path)


@final
@dataclass
class FolderVideo(Video):
    """Pictures of a folder, in the order of the numbers in their names."""

    files: list[Path] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path) -> FolderVideo:
        """Raises DataError for a folder without pictures."""
        files = sorted((f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and f.is_file()), key=_in_order)
        if not files:
            raise DataError(
                f"{folder}: holds no pictures. Next: give the folder that the frames lie in, such as 00001.jpg."
            )
        return cls(str(folder), 25.0, len(files), files=files)

    def frames(self) -> Iterator[Image | None]:
        """Alpha is laid on white; a picture that cannot be read is skipped, listed, and None."""
        same = SameSize()
        for file in self.files:
            try:
                frame = decode(file)
            except UnreadableItem as error:
                self.skipped.append(Skipped(file.name, error.reason))
                yield None
                continue
            yield same.checked(frame, file.name)


class SameSize:
    """Holds frames to the size of the first."""

    def __init__(self) -> None:
        self._first: tuple[int, ...] | None = None

    def checked(self, frame: Image, name: str) -> Image:
        """The frame. Raises DataError where its size is another."""
        size = frame.shape[:2]
        self._first = self._first or size
        if size != self._first:
            raise DataError(
                f"{name}: is {size[1]} × {size[0]} pixels, the frames before are {self._first[1]} × {self._first[0]}: "
                "a box would mean another place. Next: bring all frames to one size, or track the parts one by one."
            )
        return frame


def _in_order(file: Path) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", file.stem)], file.name
