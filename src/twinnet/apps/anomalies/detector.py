"""What `fit` gives: distances from good, p-values, verdicts at a promised rate of false alarms, heat maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from twinnet.apps.anomalies import file
from twinnet.apps.anomalies.scorers import Scorer
from twinnet.core.errors import UnreadableItem
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, IntArray, Item, Skipped
from twinnet.data.decode import decode
from twinnet.data.plane import Map, enlarged
from twinnet.decide.conformal import alarm_threshold, cross_p_values, p_values, smallest_rate
from twinnet.decide.drift import DriftAlarm


@dataclass(frozen=True, slots=True)
class Inspected:
    """One image. `p` is how likely a good one is at least as far; `alarm` is p ≤ the asked rate.

    `heat (I, J)` says where: distances from good, on the scale of `distance`. `first` is the distance by the first
    scorer alone, which is what a stream is watched by: `distance` is the mean over all.
    """

    item: str
    distance: float
    p: float
    alarm: bool
    heat: Map
    first: float


@final
@dataclass(frozen=True)
class Detector:
    """`good (N,)` are distances of good samples (or objects) from detectors that did not learn from them.

    With one scorer they were held out from it (split); with K, each by the scorer `held_by (N,)` says (cross).
    """

    scorers: tuple[Scorer, ...]
    good: FloatArray
    held_by: IntArray
    rate: float
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def cross(self) -> bool:
        """Whether all good samples taught and calibrated in turn, with the weaker guarantee."""
        return len(self.scorers) > 1

    @property
    def threshold(self) -> float | None:
        """Above it is an alarm; None for cross-conformal detectors, which compare one scorer at a time."""
        return None if self.cross else alarm_threshold(self.good, self.rate)

    @property
    def smallest_rate(self) -> float:
        """The smallest rate of false alarms that these good samples can promise."""
        return smallest_rate(len(self.good))

    def inspect(self, item: Item, name: str = "") -> Inspected:
        """Raises UnreadableItem."""
        image = decode(item)
        maps = [scorer.map(image) for scorer in self.scorers]
        d = np.array([scorer.distance(image, at) for scorer, at in zip(self.scorers, maps, strict=True)])
        p = float(self._p(d[None])[0])
        heat = np.mean(np.stack([enlarged(at, maps[0].shape) for at in maps]), 0)
        return Inspected(name or str(item)[:200], float(d.mean()), p, p <= self.rate + 1e-9, heat, float(d[0]))

    def inspect_all(
        self, items: Sequence[Item], names: Sequence[str], *, progress: Progress = SILENT
    ) -> Iterator[Inspected | Skipped]:
        """One after the other; an image that cannot be read is passed over and said so."""
        with progress.task("inspecting", len(items)) as task:
            for item, name in zip(items, names, strict=True):
                try:
                    yield self.inspect(item, name)
                except UnreadableItem as error:
                    yield Skipped(name, error.reason)
                task.advance(1)

    def watch(self, rate: float = 0.01, seed: int = 0) -> DriftAlarm:
        """An alarm for streams: give it `first` of what comes, in order; with groups, each object's largest.

        Those good samples begin it that the first scorer did not learn from: only they are exchangeable with new ones.
        """
        return DriftAlarm(self.good[self.held_by == 0], rate, seed=seed)

    def save(self, path: str | Path) -> None:
        """One file, safetensors and JSON; no pickle."""
        file.write(Path(path), self.scorers, self.good, self.held_by, self.rate, self.facts)

    @classmethod
    def load(cls, path: str | Path) -> Detector:
        """Raises ModelFileError for a missing, damaged or foreign file."""
        return cls(*file.read(Path(path)))

    def _p(self, distances: FloatArray) -> FloatArray:
        if self.cross:
            return cross_p_values(self.good, distances[:, self.held_by])
        return p_values(self.good, distances[:, 0])
