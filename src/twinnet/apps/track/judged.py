"""How good a tracker is on labelled sequences: one pass from the first box, and starts anew after failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from twinnet.apps.track.file import Tracker
from twinnet.apps.track.follow import Follower
from twinnet.apps.track.sequences import Sequence as Labelled
from twinnet.apps.track.video import open_video
from twinnet.core.errors import DataError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, Image, Skipped
from twinnet.evaluation.tracking import Followed, Restarts, one_pass, success, with_restarts

Step = Callable[[Image], tuple[FloatArray, str]]
"""The next frame → a box `(4,)` and the state."""

Starts = Callable[[Image, FloatArray], Step]
"""A tracker, ours or another: given a frame and the box in it."""


@dataclass(frozen=True)
class Judged:
    """One sequence. `boxes (T, 4)`, `states` one per frame, `fps` over the frames after the first."""

    name: str
    boxes: FloatArray
    states: list[str]
    figures: Followed
    restarts: Restarts | None
    fps: float

    @property
    def lost(self) -> int:
        """Frames in which the tracker said so."""
        return sum(state == "lost" for state in self.states)

    @property
    def strict_auc(self) -> float:
        """The AUC with an overlap of 0 where the tracker said *lost* though the thing was there."""
        said = np.array([state == "lost" for state in self.states])
        overlaps = self.figures.overlaps
        return float(success(np.where(said & np.isfinite(overlaps), 0, overlaps)).mean())


@dataclass(frozen=True)
class Evaluated:
    """All sequences, and those that were passed over."""

    judged: list[Judged]
    skipped: list[Skipped] = field(default_factory=list)

    def mean(self, figure: str) -> float:
        """Of a figure of `Followed`, each sequence counting once."""
        return float(np.mean([getattr(one.figures, figure) for one in self.judged]))


def ours(tracker: Tracker) -> Starts:
    """Our tracker as an evaluation sees it."""

    def start(frame: Image, box: FloatArray) -> Step:
        follower = Follower(tracker.embed, frame, [box], tracker.settings, tracker.rule)

        def step(frame: Image) -> tuple[FloatArray, str]:
            done = follower.step(frame)[0]
            return done.box, done.state

        return step

    return start


def evaluate(
    sequences: Sequence[Labelled], start: Starts, *, restarts: bool = True, skipped: Sequence[Skipped] = (),
    progress: Progress = SILENT,
) -> Evaluated:  # fmt: skip
    """Each sequence, one after the other; one that cannot be read is skipped and listed."""
    judged, left = [], list(skipped)
    with progress.task("evaluating", sum(len(s.boxes) for s in sequences)) as task:
        for sequence in sequences:
            try:
                judged.append(judge(sequence, start, restarts=restarts))
            except DataError as error:
                left.append(Skipped(sequence.name, str(error)))
            task.advance(len(sequence.boxes))
    if not judged:
        raise DataError(f"no sequence could be followed; {left[0].item}: {left[0].reason}")
    return Evaluated(judged, left)


def judge(sequence: Labelled, start: Starts, *, restarts: bool = True) -> Judged:
    """One sequence. Raises DataError where a frame cannot be read or the first has no box."""
    frames = read_frames(sequence)
    if not np.isfinite(sequence.boxes[0]).all():
        raise DataError(f"{sequence.name}: its first frame has no box to start from.")
    boxes, states = [sequence.boxes[0]], ["found"]
    step = start(frames[0], sequence.boxes[0])
    begun = time.perf_counter()
    for frame in frames[1:]:
        box, state = step(frame)
        boxes.append(box)
        states.append(state)
    spent = time.perf_counter() - begun
    again = with_restarts(lambda n: _from(frames, sequence.boxes, n, start), sequence.boxes) if restarts else None
    made = np.array(boxes, np.float64)
    return Judged(
        sequence.name, made, states, one_pass(made, sequence.boxes), again, (len(frames) - 1) / max(spent, 1e-9)
    )


def read_frames(sequence: Labelled) -> list[Image]:
    """All frames, before the clock runs. Raises DataError for one that cannot be read."""
    video = open_video(sequence.frames)
    frames = [frame for frame in video.frames() if frame is not None]
    if video.skipped:
        raise DataError(f"{video.skipped[0].item}: {video.skipped[0].reason}")
    return frames


def _from(frames: Sequence[Image], truth: FloatArray, n: int, start: Starts) -> Callable[[int], FloatArray]:
    step = start(frames[n], truth[n])
    return lambda at: step(frames[at])[0]
