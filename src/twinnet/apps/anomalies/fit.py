"""Learn what good looks like, from good samples alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypedDict

import numpy as np

from twinnet.apps.anomalies.detector import Detector
from twinnet.apps.anomalies.frozen import build as build_frozen
from twinnet.apps.anomalies.learn import settled
from twinnet.apps.anomalies.patches import bank_of
from twinnet.apps.anomalies.scorers import Compared, Scorer, Twin
from twinnet.apps.anomalies.teach import teach, teach_frozen
from twinnet.core.errors import CalibrationError, ConfigError, EmptyDataset, UnreadableItem
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import derive, stream
from twinnet.core.types import IntArray, Item
from twinnet.data.decode import decode
from twinnet.data.plane import LEAST_PX, MOST_PX, plane
from twinnet.decide.conformal import by_group, needed, smallest_rate
from twinnet.model import Model
from twinnet.training.facts import versions

_HELD_OUT = 1 / 3  # of the good samples, where they are many
_FOLDS = 3  # where they are few
_MOST_TAUGHT = 1000  # images that one twin learns from: some 700 MB, and more than its crops ever visit


class Limits(TypedDict):
    """What both ways of teaching are told."""

    seconds: float
    steps: int
    turns: bool


@dataclass(frozen=True, slots=True)
class FitConfig:
    """What `fit` is told. `minutes` are for all that is taught together; `steps` of each twin instead of them.

    `way` is "split" (a third of the good samples is kept back; the full guarantee), "cross" (each is kept back from one
    of three twins in turn; for few samples, with the weaker guarantee of CV+), or "auto": split where the third
    suffices for the asked rate. `turns`: the thing may lie in any of four directions. `by`, with a trained model: its
    "patches", or the "whole" image's embedding. `eyes`: without a model, a twin is taught to see ("own"), or sees with
    a network pre-trained on ImageNet ("lite0"), of which only the judgement is taught; `steps` are then batches, 40 at
    most unless you say otherwise.
    """

    rate: float = 0.05
    minutes: float = 6.0
    steps: int = 0
    way: Literal["auto", "split", "cross"] = "auto"
    by: Literal["patches", "whole"] = "patches"
    eyes: Literal["own", "lite0"] = "own"
    turns: bool = False
    size_px: int = 384
    width: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise ConfigError(f"the false-alarm rate must be between 0 and 1, not {self.rate}.")
        if self.minutes <= 0 and self.steps <= 0:
            raise ConfigError("say how long to learn: minutes or steps above 0.")
        if not LEAST_PX <= self.size_px <= MOST_PX or not 1 <= self.width <= 512:
            raise ConfigError(
                f"size_px must be {LEAST_PX} to {MOST_PX} and width 1 to 512, not {self.size_px} and {self.width}."
            )


def fit(
    good: Sequence[Item],
    config: FitConfig | None = None,
    *,
    groups: Sequence[str] | None = None,
    model: Model | None = None,
    progress: Progress = SILENT,
) -> Detector:
    """A detector from good images; `groups (N,)` says which are pictures of one object.

    Unreadable images are passed over and counted in `facts["skipped"]`. Raises EmptyDataset for none that can be read,
    CalibrationError where so few cannot promise the rate.
    """
    config = config or FitConfig()
    kept = _readable(good, progress)
    known = [good[i] for i in kept]
    names = None if groups is None else np.asarray(groups)[kept]
    units = np.arange(len(known)) if names is None else np.unique(names, return_inverse=True)[1].astype(np.int64)
    n = int(units.max()) + 1
    what = "good samples" if names is None else "good objects"
    if smallest_rate(n) > config.rate + 1e-9 or n < 4:
        raise CalibrationError(
            f"{n} {what} can promise false alarms in {smallest_rate(n):.1%} at best, and {config.rate:.1%} is asked "
            f"for: that takes {max(4, needed(config.rate))}. Next: give more, or ask for "
            f"{smallest_rate(n) + 0.0005:.1%}."
        )
    split = config.way == "split" or (config.way == "auto" and int(n * _HELD_OUT) >= needed(config.rate))
    if split and smallest_rate(max(1, int(n * _HELD_OUT))) > config.rate + 1e-9:
        raise CalibrationError(
            f"a third of {n} {what} cannot promise {config.rate:.1%}; it takes {3 * needed(config.rate)} in all. "
            "Next: give more, or way = cross."
        )
    fold = _folds(n, split, config.seed)[units]  # (N,), −1: always teaches
    scorers: list[Scorer] = []
    distances, held_by = np.full(len(known), np.nan), np.zeros(len(known), np.int64)
    n_folds = 1 if split else _FOLDS
    for f in range(n_folds):
        scorer = _taught(known, np.flatnonzero(fold != f), config, n_folds, f, model, progress)
        with progress.task("measuring good samples held out", int((fold == f).sum())) as task:
            for i in np.flatnonzero(fold == f):
                image = decode(known[i])
                distances[i], held_by[i] = scorer.distance(image, scorer.map(image)), f
                task.advance(1)
        scorers.append(scorer)
    out = fold >= 0
    calibrated = by_group(distances[out], units[out])
    first = np.array([np.flatnonzero(units == unit)[0] for unit in np.unique(units[out])])
    facts = {
        "settings": asdict(config), "good_samples": len(known), "held_out": len(calibrated),
        "way": "split" if split else "cross", "groups": names is not None, "skipped": len(good) - len(known),
        "model": model.fingerprint if model else "",
        "versions": versions(),
    }  # fmt: skip
    return Detector(tuple(scorers), calibrated, held_by[first], config.rate, facts)


def _taught(
    good: Sequence[Item],
    rows: IntArray,
    config: FitConfig,
    n_folds: int,
    f: int,
    model: Model | None,
    progress: Progress,
) -> Scorer:
    seed = derive(config.seed, "anomalies", f)
    if len(rows) > _MOST_TAUGHT:
        rows = stream(seed, "taught").choice(rows, _MOST_TAUGHT, replace=False)
    chosen = (decode(good[i]) for i in rows)
    if model is None:
        planes = [plane(image, config.size_px) for image in chosen]
        limits: Limits = {"seconds": 60 * config.minutes / n_folds, "steps": config.steps, "turns": config.turns}
        net: Twin
        if config.eyes == "lite0":
            net = teach_frozen(planes, build_frozen(seed), **limits, seed=seed, progress=progress)
        else:
            net = teach(planes, **limits, width=config.width, seed=seed, progress=progress)
        return settled(net, planes, config.size_px, seed, progress)
    if config.by == "whole":
        return Compared(model, model.embed([good[i] for i in rows]), True)
    return Compared(model, bank_of(model, chosen, seed), False)


def _folds(n: int, split: bool, seed: int) -> IntArray:
    order = stream(seed, "held out").permutation(n)
    fold = np.full(n, -1, np.int64)
    if split:
        fold[order[: max(1, int(n * _HELD_OUT))]] = 0
    else:
        fold[order] = np.arange(n) % _FOLDS
    return fold


def _readable(good: Sequence[Item], progress: Progress) -> IntArray:
    """Which can be read. Their pixels are not kept: thousands of large pictures would not fit into memory."""
    kept = []
    with progress.task("reading", len(good)) as task:
        for i, item in enumerate(good):
            try:
                decode(item)
                kept.append(i)
            except UnreadableItem:
                pass
            task.advance(1)
    if not kept:
        raise EmptyDataset(f"none of {len(good)} good samples could be read. Next: check the folder.")
    return np.array(kept, np.int64)
