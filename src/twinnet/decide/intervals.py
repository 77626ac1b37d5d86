"""How sure a rate is: Clopper–Pearson for counts, the bootstrap over identities for everything made of pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, IntArray, Interval
from twinnet.decide.checks import checked

Weighted = Callable[[FloatArray], float]


def clopper_pearson(k: int, n: int, level: float = 0.95) -> Interval:
    """The exact interval of a rate seen as k of n (Clopper & Pearson 1934). With k = 0 the upper end is near 3.7/n."""
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return Interval(low, k / n if n else float("nan"), high if n else 1.0, level, "Clopper-Pearson")


class WeightedRates:
    """EER, AUC and accuracy of weighted pairs; sorted once, so that each of a thousand replicates is a few sums."""

    def __init__(self, distances: npt.ArrayLike, same: npt.ArrayLike, threshold: float | None = None) -> None:
        d, s = checked(distances, same)
        self.order = np.argsort(d, kind="stable")
        d, self._same = d[self.order], s[self.order]
        self._last = np.append(np.flatnonzero(np.diff(d)), len(d) - 1)  # the last pair of each distinct distance
        self._accepted = int(np.searchsorted(d, threshold, side="left")) if threshold is not None else 0

    def __call__(self, weights: FloatArray) -> tuple[float, float, float, float, float]:
        """EER, AUC, and accuracy, FAR, FRR at the threshold, for weights `(P,)` in the pairs' original order."""
        w = weights[self.order]
        genuine = np.concatenate([[0.0], np.cumsum(w * self._same)])
        impostor = np.concatenate([[0.0], np.cumsum(w * ~self._same)])
        if not genuine[-1] or not impostor[-1]:
            return (float("nan"),) * 5
        at = np.concatenate([[0], self._last + 1])
        tar, far = genuine[at] / genuine[-1], impostor[at] / impostor[-1]
        gap = far - (1 - tar)
        right = int(np.argmax(gap >= 0))
        left = max(right - 1, 0)
        t = -gap[left] / (gap[right] - gap[left]) if right else 0.0
        accepted_far = impostor[self._accepted] / impostor[-1]
        rejected = 1 - genuine[self._accepted] / genuine[-1]
        right_answers = genuine[self._accepted] + impostor[-1] - impostor[self._accepted]
        return (
            float(far[left] + t * (far[right] - far[left])),
            float(np.trapezoid(tar, far)),
            float(right_answers / (genuine[-1] + impostor[-1])),
            float(accepted_far),
            float(rejected),
        )


def over_identities(
    statistic: Callable[[FloatArray], Sequence[float]],
    first: IntArray,
    second: IntArray,
    *,
    replicates: int = 400,
    level: float = 0.95,
    seed: int = 0,
) -> list[Interval]:
    """Percentile intervals of `statistic(weights (P,)) -> (S,)` by resampling identities, not pairs.

    Pairs that share a person are not independent, so people are drawn with replacement and a pair weighs the product
    of how often its two people were drawn (Owen 2007, the pigeonhole bootstrap); a genuine pair has one person only.
    `first` and `second` `(P,)` are the identities of each pair's two items.
    """
    names, where = np.unique(np.concatenate([first, second]), return_inverse=True)
    a, b = where[: len(first)], where[len(first) :]
    own = a == b
    point = statistic(np.ones(len(first)))
    rng = stream(seed, "bootstrap")
    draws = []
    for _ in range(replicates):
        times = rng.multinomial(len(names), np.full(len(names), 1 / len(names))).astype(np.float64)
        draws.append(statistic(np.where(own, times[a], times[a] * times[b])))
    ends = np.nanquantile(np.array(draws), [(1 - level) / 2, (1 + level) / 2], axis=0)
    method = f"bootstrap over {len(names)} identities"
    return [
        Interval(float(low), float(p), float(high), level, method) for p, low, high in zip(point, *ends, strict=True)
    ]
