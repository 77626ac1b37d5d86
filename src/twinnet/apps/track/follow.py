"""Following: one embedding a frame for all targets, one correlation, then each target judges what it found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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
_SIZES = (1.0, 1.3, 1.0, 1 / 1.3)  # that a lost target is looked for in, of its last one: another in each frame


@dataclass(frozen=True, slots=True)
class Step:
    """One target in one frame: `box (4,)` x, y, width, height (of a lost one: what is most like it); −log p(same)."""

    box: FloatArray
    state: State
    distance: float


@dataclass(frozen=True)
class Found:
    """A guess, and the embedding that it was made in."""

    guess: Guess
    seen: Seen


def parts(frame: Image, ratio: float) -> npt.NDArray[np.int64]:
    """Into how many columns and rows `(2,)` a frame resized by `ratio` is divided to be searched."""
    size = np.array(frame.shape[1::-1]) * ratio
    return np.maximum(1, np.ceil(size / math.sqrt(_MOST_PIXELS))).astype(np.int64)


def anywhere(embed: Embed, frame: Image, target: Target, turn: int = 0) -> Found | None:
    """The least distant of a few promising places of the whole frame, or of a part of a large one.

    Parts and sizes that the target may have by now take turns: `turn` counts the frames.
    """
    grown = _SIZES[turn // int(parts(frame, target.ratio).prod()) % len(_SIZES)]
    size, ratio = np.array(frame.shape[1::-1], np.float64), target.ratio / grown
    n = parts(frame, ratio)
    over = 0 if n.prod() == 1 else _OVERLAP
    side = np.ceil(size * ratio / n / STRIDE).astype(int) * STRIDE + over
    turn %= int(n.prod())
    centre = (np.array([turn % n[0], turn // n[0]]) + 0.5) * size / n
    seen = look(embed, frame, centre, ratio, (int(side[1]), int(side[0])))
    answers = correlate(target.less_mean(seen.map), [target.filter])[0]
    middle = (np.array(answers.shape[::-1]) - 1) / 2
    best: Guess | None = None
    for at in peaks(answers, _TRIES, (target.filter.shape[1] // 2, target.filter.shape[2] // 2)):
        guess = target.examine(seen, seen.origin + at * seen.pitch, answers, at - middle, target.size * grown)
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
        # What is lost is looked for everywhere: where that is one look, it takes in the place where it was last.
        near = [target for target in self.targets if not target.lost or parts(frame, target.ratio).prod() > 1]
        with torch.inference_mode():
            seen = self._look(frame, near) if near else []
            windows = [target.window(one) for target, one in zip(near, seen, strict=True)]
            answers = correlate(torch.cat(windows), [target.filter for target in near]) if near else ()
            looks = {id(target): look for target, *look in zip(near, seen, answers, strict=True)}
            return [self._judged(frame, target, *looks.get(id(target), ())) for target in self.targets]

    def _judged(self, frame: Image, target: Target, seen: Seen | None = None, answers: Tensor | None = None) -> Step:
        guess = None
        if seen is not None and answers is not None:
            guess = target.guess(seen, answers)
            inside = bool(((guess.centre >= 0) & (guess.centre < self._size)).all())
            if inside and target.verdict(guess):
                target.accept(guess, seen)
                return Step(target.box, target.state, guess.distance)
            if not target.lost:
                target.doubt(guess if inside else None)
                return Step(guess.box if target.lost else target.box, target.state, guess.distance)
        found = anywhere(self._embed, frame, target, self._frame)
        if found is not None and target.verdict(found.guess):
            target.reappear(found.guess)
        if found is not None and (guess is None or found.guess.distance < guess.distance):
            guess = found.guess
        return Step(guess.box, target.state, guess.distance) if guess else Step(target.box, target.state, math.inf)

    def _look(self, frame: Image, targets: Sequence[Target]) -> list[Seen]:
        """The surroundings of each, in one pass of the encoder."""
        side = STRIDE * self._settings.cells
        if len(targets) == 1:
            target = targets[0]
            return [look(self._embed, frame, target.centre, target.ratio, (side, side))]
        shared = self._shared(frame, targets, side)
        if shared is not None:
            return [shared] * len(targets)
        cuts = torch.cat([resampled(frame, t.centre, t.ratio, (side, side)) for t in targets])
        maps = self._embed(cuts)
        first = STRIDE / 2 - side / 2
        return [Seen(m[None], t.centre + first / t.ratio, STRIDE / t.ratio) for t, m in zip(targets, maps, strict=True)]

    def _shared(self, frame: Image, targets: Sequence[Target], side: int) -> Seen | None:
        """One region that holds all search windows, where that is less to embed than each on its own."""
        ratios = np.array([target.ratio for target in targets])
        if ratios.max() > 1.5 * ratios.min():
            return None
        ratio = float(np.exp(np.log(ratios).mean()))
        half = side / 2 / ratios[:, None]
        centres = np.stack([target.centre for target in targets])
        low, high = (
            np.maximum((centres - half).min(0), -half.max()),
            np.minimum((centres + half).max(0), self._size + half.max()),
        )
        size = np.ceil((high - low) * ratio / STRIDE).astype(int) * STRIDE
        if size.prod() > len(targets) * side * side:
            return None
        return look(self._embed, frame, (low + high) / 2, ratio, (int(size[1]), int(size[0])))
