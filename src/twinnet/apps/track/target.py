"""One target: its templates, where it was last seen, and whether what was found now is it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from twinnet.apps.track.align import agreement, align, take
from twinnet.apps.track.correlate import fade, peak, runner_up
from twinnet.apps.track.judge import Rule
from twinnet.apps.track.ridge import Ridge
from twinnet.apps.track.settings import Settings
from twinnet.apps.track.views import Embed, Seen, look
from twinnet.core.types import FloatArray, Image
from twinnet.encoders.places import STRIDE

State = Literal["found", "unsure", "lost"]
_FIRST_SIZES = (1.0, 0.94, 1.06)  # the first frame is looked at in three sizes
_SMALLEST, _LARGEST = 0.2, 5.0  # of the first size
_FARTHEST = 2.0  # cells: alignment refines, it does not search


@dataclass(frozen=True)
class Guess:
    """What could be the target. `measures (4,)` as in `judge`; `alike (rows, columns)`: how well each place agrees."""

    centre: FloatArray
    size: FloatArray
    measures: FloatArray
    distance: float
    places: Tensor
    alike: Tensor

    @property
    def box(self) -> FloatArray:
        """`(4,)` x, y, width, height."""
        return np.concatenate([self.centre - self.size / 2, self.size])


class Target:
    """Made from the first frame and the box in it."""

    def __init__(self, embed: Embed, frame: Image, box: FloatArray, settings: Settings, rule: Rule) -> None:
        self._settings, self._rule = settings, rule
        self.centre, self.size = box[:2] + box[2:] / 2, box[2:].astype(np.float64)
        self._first_size, self._doubts, self._updates = self.size.copy(), 0, 0
        self._last: tuple[FloatArray, FloatArray] | None = None  # where it was lost, while something may be it
        self.state: State = "found"
        side = (STRIDE * settings.cells,) * 2
        views = [look(embed, frame, self.centre, self.ratio * k, side) for k in _FIRST_SIZES]
        cells = self.size * self.ratio / STRIDE
        rows, columns = (max(3, round(float(c))) for c in cells[::-1])
        self._ridge = Ridge(
            torch.cat([view.map for view in views]),
            (_odd(rows * settings.rim, settings.cells), _odd(columns * settings.rim, settings.cells)),
            ridge=settings.ridge, bump=settings.bump, rate=settings.view_rate, keep=settings.first_keeps,
            memory=settings.memory,
        )  # fmt: skip
        self._first = take(views[0], self.centre, self.size, (rows, columns))
        self._recent, self._steady = self._first.clone(), torch.ones(rows, columns)
        y, x = torch.linspace(-1, 1, rows)[:, None], torch.linspace(-1, 1, columns)[None, :]
        self._middle = torch.exp(-0.5 * (x**2 + y**2) / settings.centre_weight**2)
        self._fade = fade(settings.cells, settings.window)

    @property
    def ratio(self) -> float:
        """By how much the frame is resized to see the target in its usual size."""
        return min(self._settings.most_enlarged, self._settings.size_px / math.sqrt(float(self.size.prod())))

    @property
    def box(self) -> FloatArray:
        """`(4,)` x, y, width, height."""
        return np.concatenate([self.centre - self.size / 2, self.size])

    @property
    def lost(self) -> bool:
        """After some frames of doubt, until it is found again."""
        return self.state == "lost"

    @property
    def filter(self) -> Tensor:
        """What a window is correlated with, `(D, rows, columns)`."""
        return self._ridge.filter

    def window(self, seen: Seen) -> Tensor:
        """The search window `(1, D, N, N)`, less the mean of the first one."""
        n, pitch = self._settings.cells, STRIDE / self.ratio
        return seen.window(self.centre, np.array([pitch, pitch]), n, n) - self._ridge.mean

    def less_mean(self, found: Tensor) -> Tensor:
        """An embedding as the filter wants it."""
        return found - self._ridge.mean

    def guess(self, seen: Seen, answers: Tensor) -> Guess:
        """The best place of its window, given the filter's answers `(N, N)`."""
        at = peak(answers * self._fade)
        return self.examine(seen, self.centre + at * STRIDE / self.ratio, answers, at)

    def examine(
        self, seen: Seen, centre: FloatArray, answers: Tensor, at: FloatArray, size: FloatArray | None = None
    ) -> Guess:
        """What is at `centre`, `at` cells from the middle of `answers`: aligned, measured and judged.

        It has about the `size (2,)` given, or that of the target.
        """
        s = self._settings
        weight = self._middle * self._steady
        start = self.size if size is None else size
        moved, size, _ = align(
            self._recent, weight, seen, centre, start, damping=s.damping, stiffness=s.stiffness, steps=s.align_steps
        )
        if np.abs((moved - centre) * self.ratio / STRIDE).max() > _FARTHEST:
            moved, size = centre, start
        size = np.clip(size, self._first_size * _SMALLEST, self._first_size * _LARGEST)
        grid = self._first.shape[-2], self._first.shape[-1]
        places = take(seen, moved, size, grid)
        alike = (self._recent * places).sum(0)
        best = float(answers.max())
        second = runner_up(answers, at, (grid[0] // 2 + 1, grid[1] // 2 + 1))
        measures = np.array([
            1 - agreement(self._first, places, weight), 1 - float((alike * weight).sum() / weight.sum()),
            best, second / max(best, 1e-3),
        ])  # fmt: skip
        return Guess(moved, size, measures, self._rule.distance(measures), places, alike)

    def accept(self, guess: Guess, seen: Seen) -> None:
        """This is it: move there, and learn how it looks now."""
        s = self._settings
        self.state, self._doubts, self._last = "found", 0, None
        self.centre, self.size = guess.centre, guess.size
        self._recent = functional.normalize(
            (1 - s.template_rate) * self._recent + s.template_rate * guess.places, dim=0
        )
        alike = guess.alike.clamp(0, 1)
        self._steady = (1 - s.template_rate) * self._steady + s.template_rate * alike / alike.max().clamp_min(1e-3)
        n, pitch = s.cells, STRIDE / self.ratio
        self._ridge.remember(seen.window(self.centre, np.array([pitch, pitch]), n, n)[0])
        self._updates += 1
        if self._updates % s.every == 0:
            self._ridge.solve(s.cg_steps)

    def doubt(self, guess: Guess | None) -> None:
        """It may be this, or not: follow for a few frames, learn nothing, then call it lost."""
        self._doubts += 1
        self.state = "lost" if self._doubts >= self._settings.patience else "unsure"
        if not self.lost and guess is not None:
            self.centre = guess.centre
        if self._last is not None:
            (self.centre, self.size), self._last = self._last, None

    def reappear(self, guess: Guess) -> None:
        """What is lost may be this: looked at closely in the next frame, and only then found, or lost as before."""
        self.state, self._doubts, self._last = "unsure", self._settings.patience, (self.centre, self.size)
        self.centre, self.size = guess.centre, guess.size

    def verdict(self, guess: Guess) -> bool:
        """Same means distance < threshold."""
        returning = self.lost or self._last is not None
        return guess.distance < (self._rule.back if returning else self._rule.threshold)


def _odd(cells: float, most: int) -> int:
    return int(min(most - 2, max(5, 2 * round(cells / 2) + 1)))
