"""How good a detector is on samples that are known: AUROC with its interval, false alarms, where the defects are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from twinnet.apps.anomalies.detector import Inspected
from twinnet.core.errors import DataError
from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, Interval
from twinnet.data.plane import Map
from twinnet.decide.intervals import clopper_pearson

_REPLICATES = 1000


def judge(
    good: Sequence[Inspected], bad: Sequence[Inspected], *, groups: Sequence[str] | None = None, seed: int = 0
) -> dict[str, Interval]:
    """`auroc`, `false_alarm_rate` and `found_rate` with 95 % intervals.

    `groups` of good, then bad samples: whole objects are resampled for the AUROC, and an object counts once for the
    rates, by whether any of its pictures raises an alarm. Raises DataError where either kind is missing.
    """
    if not good or not bad:
        raise DataError("judging takes good samples and bad ones. Next: give both folders.")
    d = np.array([one.distance for one in [*good, *bad]])
    is_bad = np.repeat([False, True], [len(good), len(bad)])
    names = np.asarray(groups) if groups is not None else np.arange(len(d)).astype(str)
    of_good = names[~is_bad]
    alarms, found = _any_alarm(good, of_good), _any_alarm(bad, names[is_bad])
    return {
        "auroc": auroc_interval(d, is_bad, names, seed=seed),
        "false_alarm_rate": clopper_pearson(sum(alarms.values()), len(alarms)),
        "found_rate": clopper_pearson(sum(found.values()), len(found)),
    }


def _any_alarm(some: Sequence[Inspected], names: npt.NDArray[np.str_]) -> dict[str, bool]:
    """Of each object, whether any of its pictures raised one."""
    raised: dict[str, bool] = {}
    for one, name in zip(some, names, strict=True):
        raised[str(name)] = raised.get(str(name), False) or one.alarm
    return raised


def auroc(distances: npt.ArrayLike, bad: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """How often a bad sample is farther than a good one, ties half (Mann & Whitney 1947); samples may have weights."""
    d, b = np.asarray(distances, np.float64), np.asarray(bad, bool)
    w = np.ones(len(d)) if weights is None else np.asarray(weights, np.float64)
    _, rank = np.unique(d, return_inverse=True)
    of_good = np.bincount(rank, w * ~b)
    below = np.cumsum(of_good) - of_good / 2
    total = (w * ~b).sum() * (w * b).sum()
    return float((w * b * below[rank]).sum() / total) if total else float("nan")


def auroc_interval(distances: FloatArray, bad: npt.ArrayLike, groups: npt.ArrayLike, *, seed: int = 0) -> Interval:
    """With its 95 % percentile interval over resampled groups."""
    _, of = np.unique(np.asarray(groups), return_inverse=True)
    rng, n = stream(seed, "bootstrap"), int(of.max()) + 1
    draws = [auroc(distances, bad, rng.multinomial(n, np.full(n, 1 / n))[of]) for _ in range(_REPLICATES)]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(float(low), auroc(distances, bad), float(high), 0.95, "bootstrap over objects")


def pixel_auroc(heats: Sequence[Map], masks: Sequence[npt.NDArray[np.bool_]]) -> float:
    """Whether defective pixels are farther than others: heat maps enlarged to their masks, all pixels together.

    Distances are counted in 4,096 steps, which changes nothing before the third digit.
    """
    top = max(float(heat.max()) for heat in heats)
    counts = np.zeros((2, 4096))
    for heat, mask in zip(heats, masks, strict=True):
        large = np.asarray(Pillow.fromarray(heat).resize(mask.shape[::-1], Pillow.Resampling.BILINEAR))
        # The square root spreads the many small distances over the steps.
        step = np.clip((np.sqrt(np.maximum(large, 0) / max(top, 1e-12)) * 4095).astype(np.int64), 0, 4095)
        for kind in (0, 1):
            counts[kind] += np.bincount(step[mask == bool(kind)], minlength=4096)
    below = np.cumsum(counts[0]) - counts[0] / 2
    total = counts[0].sum() * counts[1].sum()
    return float((counts[1] * below).sum() / total) if total else float("nan")
