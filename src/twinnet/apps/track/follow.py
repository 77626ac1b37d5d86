"""Following: one embedding a frame for all targets, one correlation, then each target judges what it found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from twinnet.apps.track.boxes import check_box
from twinnet.apps.track.correlate import correlate, peaks
from twinnet.apps.track.judge import Rule
from twinnet.apps.track.settings import Settings
from twinnet.apps.track.target import Guess, State, Target
from twinnet.apps.track.views import Embed, Seen, look, resampled
from twinnet.core.types import FloatArray, Image
from twinnet.encoders.places import STRIDE

_MOST_PIXELS = 260_000  # of a whole frame that are embedded at once to find a lost target
_OVERLAP = 8 * STRIDE  # pixels that parts of a large frame share
_TRIES = 3  # places of the whole frame that are looked at closely


@dataclass(frozen=True, slots=True)
class Step:
    """One target in one frame: `box (4,)` x, y, width, height (of a lost one: where it was last); −log p(same)."""

    box: FloatArray
    state: State
    distance: float


@dataclass(frozen=True)
class Found:
    """A guess, and the embedding that it was made in."""

    guess: Guess
    seen: Seen


def anywhere(embed: Embed, frame: Image, target: Target, turn: int = 0) -> Found | None:
    """The least distant of a few promising places of the whole frame; of a large frame, of its part number `turn`."""
    size, ratio = np.array(frame.shape[1::-1], np.float64), target.ratio
    parts = np.maximum(1, np.ceil(size * ratio / math.sqrt(_MOST_PIXELS))).astype(int)
    over = 0 if parts.prod() == 1 else _OVERLAP
    side = np.ceil(size * ratio / parts / STRIDE).astype(int) * STRIDE + over
    turn %= int(parts.prod())
    centre = (np.array([turn % parts[0], turn // parts[0]]) + 0.5) * size / parts
    seen = look(embed, frame, centre, ratio, (int(side[1]), int(side[0])))
    answers = correlate(target.less_mean(seen.map), [target.filter])[0]
    middle = (np.array(answers.shape[::-1]) - 1) / 2
    best: Guess | None = None
    for at in peaks(answers, _TRIES, (target.filter.shape[1] // 2, target.filter.shape[2] // 2)):
        guess = target.examine(seen, seen.origin + at * seen.pitch, answers, at - middle)
        if best is None or guess.distance < best.distance:
            best = guess
    return Found(best, seen) if best is not None else None


class Follower:
    """Targets in a video, from the first frame and the boxes in it."""

    def __init__(self, embed: Embed, frame: Image, boxes: Sequence[FloatArray], settings: Settings, rule: Rule) -> None:
        """Raises DataError for a box without area or outside the frame."""
        height, width = frame.shape[:2]
        checked = [check_box(box, width, height) for box in boxes]
        self._embed, self._settings, self._size = embed, settings, np.array([width, height], np.float64)
        with torch.inference_mode():
            self.targets = [Target(embed, frame, box, settings, rule) for box in checked]
        self._frame = 0

    def step(self, frame: Image) -> list[Step]:
        """The next frame."""
        self._frame += 1
        with torch.inference_mode():
            seen = self._look(frame)
            windows = torch.cat([target.window(one) for target, one in zip(self.targets, seen, strict=True)])
            answers = correlate(windows, [target.filter for target in self.targets])
            return [self._judged(frame, *each) for each in zip(self.targets, seen, answers, strict=True)]

    def _judged(self, frame: Image, target: Target, seen: Seen, answers: Tensor) -> Step:
        guess = target.guess(seen, answers)
        inside = bool(((guess.centre >= 0) & (guess.centre < self._size)).all())
        if inside and target.verdict(guess):
            target.accept(guess, seen)
        elif target.state == "lost":
            guess = self._anywhere(frame, target) or guess
        else:
            target.doubt(guess if inside else None)
        return Step(target.box, target.state, guess.distance)

    def _anywhere(self, frame: Image, target: Target) -> Guess | None:
        """A lost target looked for in the whole frame, or in a part of a large one, another part each time."""
        best = anywhere(self._embed, frame, target, self._frame)
        if best is not None and target.verdict(best.guess):
            target.accept(best.guess, best.seen)
        return best.guess if best else None

    def _look(self, frame: Image) -> list[Seen]:
        """Each target's surroundings, in one pass of the encoder."""
        side = STRIDE * self._settings.cells
        if len(self.targets) == 1:
            target = self.targets[0]
            return [look(self._embed, frame, target.centre, target.ratio, (side, side))]
        shared = self._shared(frame, side)
        if shared is not None:
            return [shared] * len(self.targets)
        cuts = torch.cat([resampled(frame, t.centre, t.ratio, (side, side)) for t in self.targets])
        maps = self._embed(cuts)
        first = STRIDE / 2 - side / 2
        return [
            Seen(m[None], t.centre + first / t.ratio, STRIDE / t.ratio) for t, m in zip(self.targets, maps, strict=True)
        ]

    def _shared(self, frame: Image, side: int) -> Seen | None:
        """One region that holds all search windows, where that is less to embed than each on its own."""
        ratios = np.array([target.ratio for target in self.targets])
        if ratios.max() > 1.5 * ratios.min():
            return None
        ratio = float(np.exp(np.log(ratios).mean()))
        half = side / 2 / ratios[:, None]
        centres = np.stack([target.centre for target in self.targets])
        low, high = (
            np.maximum((centres - half).min(0), -half.max()),
            np.minimum((centres + half).max(0), self._size + half.max()),
        )
        size = np.ceil((high - low) * ratio / STRIDE).astype(int) * STRIDE
        if size.prod() > len(self.targets) * side * side:
            return None
        return look(self._embed, frame, (low + high) / 2, ratio, (int(size[1]), int(size[0])))
