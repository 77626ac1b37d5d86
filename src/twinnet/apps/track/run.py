"""Follow targets through a video and say, for each frame, where they are, or that they are lost."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image as Pillow

from twinnet.apps.track.file import Tracker, load_tracker
from twinnet.apps.track.follow import Follower, Step
from twinnet.apps.track.target import State
from twinnet.apps.track.video import Drawn, Video, VideoWriter, draw_boxes, open_video
from twinnet.core.errors import DataError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, Image, Skipped


@dataclass(frozen=True, slots=True)
class Row:
    """One target in a frame, counted from 1. An unreadable frame has the box of the one before, and state *unread*."""

    frame: int
    target: int
    box: FloatArray
    state: State | str
    distance: float | None


@dataclass(frozen=True)
class Tracked:
    """What came of it. `broken` says why the video ended too early, if it did."""

    rows: list[Row]
    frames: int
    fps: float
    skipped: list[Skipped]
    broken: str = ""
    written: list[Path] = field(default_factory=list)

    def lost(self, target: int) -> list[tuple[int, int]]:
        """Intervals of frames, first and last, in which a target was lost."""
        spans: list[tuple[int, int]] = []
        for row in self.rows:
            if row.target == target and row.state == "lost":
                if spans and spans[-1][1] == row.frame - 1:
                    spans[-1] = (spans[-1][0], row.frame)
                else:
                    spans.append((row.frame, row.frame))
        return spans


def track(
    source: str | Path, boxes: Sequence[FloatArray], tracker: Tracker | None = None, *, out: Path | None = None,
    table: Path | None = None, preview: Path | None = None, every: int = 25, progress: Progress = SILENT,
) -> Tracked:  # fmt: skip
    """Follow each of `boxes (4,)`, x, y, width, height in the first frame, to the end of the video.

    `out`: a video with the boxes drawn; `table`: a CSV; `preview`: a folder for every `every`-th frame. Interrupted, it
    leaves what was followed so far. Raises DataError for a box or a video that cannot be used.
    """
    tracker, video = tracker or load_tracker(), open_video(source)
    rows: list[Row] = []
    with ExitStack() as stack:
        written = [path for path in (out, table, preview) if path is not None]
        writer = stack.enter_context(VideoWriter(out, video.fps)) if out else None
        lines = _table(stack, table) if table else None
        task = stack.enter_context(progress.task("tracking", video.count))
        n = 0
        for n, (frame, steps) in enumerate(_steps(video, boxes, tracker), 1):
            new = [Row(n, k, step.box, step.state, step.distance) if step else _unread(rows, n, k, boxes[k])
                   for k, step in enumerate(steps)]  # fmt: skip
            rows += new
            if lines:
                lines.writerows(_line(row) for row in new)
            if frame is not None and (writer or (preview and n % every == 1 % every)):
                drawn = draw_boxes(frame, [_drawn(row, len(boxes)) for row in new])
                if writer:
                    writer.write(drawn)
                if preview and n % every == 1 % every:
                    preview.mkdir(parents=True, exist_ok=True)
                    Pillow.fromarray(drawn).save(preview / f"{n:06d}.png")
            lost = sum(row.state == "lost" for row in new)
            task.note(f"{lost} lost" if lost else "")
            task.advance(1)
    if n == 1:
        raise DataError(f"{video.name}: has one frame only, so there is nothing to follow. Next: give a video.")
    return Tracked(rows, n, video.fps, video.skipped, video.broken, written)


def _steps(
    video: Video, boxes: Sequence[FloatArray], tracker: Tracker
) -> Iterator[tuple[Image | None, list[Step | None]]]:
    follower: Follower | None = None
    for frame in video.frames():
        if frame is None:
            yield None, [None] * len(boxes)
        elif follower is None:
            follower = Follower(tracker.embed, frame, boxes, tracker.settings, tracker.rule)
            yield frame, [Step(target.box, "found", 0.0) for target in follower.targets]
        else:
            yield frame, [*follower.step(frame)]


def _unread(rows: Sequence[Row], frame: int, target: int, first: FloatArray) -> Row:
    before = next((row.box for row in reversed(rows) if row.target == target), first)
    return Row(frame, target, before, "unread", None)


def _drawn(row: Row, n: int) -> Drawn:
    return Drawn(row.box, str(row.target) if n > 1 else "", row.state == "lost")


def _table(stack: ExitStack, path: Path) -> csv._writer:  # type: ignore[name-defined]
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = csv.writer(stack.enter_context(path.open("w", newline="", encoding="utf-8", buffering=1)))
    writer.writerow(["frame", "target", "x", "y", "width", "height", "state", "distance"])
    return writer


def _line(row: Row) -> list[str | int]:
    distance = "" if row.distance is None else f"{row.distance:.4f}"
    return [row.frame, row.target, *(f"{value:.2f}" for value in row.box), row.state, distance]
