"""How sure a rate is: Clopper–Pearson for counts, the bootstrap over identities for everything made of pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, logit
from scipy.stats import beta
from scipy.stats import t as student

from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, IntArray, Interval

DAMPING = 0.5
"""How far a bootstrap weight goes from 1 towards the number of times that an identity was drawn."""

SKEW = 6.0
"""An AUC reaches 1 + SKEW / (effective number of identities) times as far down; chosen by simulation."""


def clopper_pearson(k: int, n: int, level: float = 0.95) -> Interval:
    """The exact interval of a rate seen as k of n (Clopper & Pearson 1934). With k = 0 the upper end is near 3.7/n."""
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return Interval(low, k / n if n else float("nan"), high if n else 1.0, level, "Clopper-Pearson")


def over_identities(
    statistic: Callable[[FloatArray], npt.ArrayLike],
    first: IntArray,
    second: IntArray,
    *,
    pairs: Sequence[int],
    skewed: Sequence[int] = (),
    replicates: int = 400,
    level: float = 0.95,
    seed: int = 0,
) -> list[Interval]:
    """Intervals of rates, `statistic(weights (P,)) -> (S,)` in [0, 1], by resampling identities, not pairs.

    Pairs that share a person are not independent, so people are drawn with replacement, and a pair weighs the product
    of its two people's weights (the pigeonhole bootstrap: Owen 2007); a genuine pair has one person only. `first` and
    `second (P,)` are the identities of each pair's two items, `pairs (S,)` the number of pairs behind each rate, and
    `skewed` the positions of figures like the AUC (`WeightedRates.skewed`).

    Four things bring 95 % intervals near 95 % with few identities, where plain percentiles fall short of it.
    `benchmarks/coverage.py` measures how near; docs/deciding.md has its table.

    * The weight of a person drawn m times is 1 + (m − 1)/2, and deviations are doubled again. The product of two whole
      multiplicities triples the variance that belongs to the pair alone; halfway there it is little more than doubled,
      no kind of pair ever loses all its weight, and what people contribute is kept in full.
    * Deviations are measured on the log-odds scale, where errors near 0 are skewed no more.
    * Student's t with the effective number of identities, (Σ g)² / Σ g² for g genuine pairs each (Kish 1965), less one:
      a few people with many pairs are few people.
    * An AUC reaches further down than up, by `SKEW`: rare people pull it down, and are often not among so few. The
      error is then on one side, and no resampling shows people who are not there.

    A rate of exactly 0 or 1 does not vary under resampling: it gets the Clopper–Pearson interval of its pairs. Where
    all genuine pairs are of one identity there is no interval, and `method` is empty.
    """
    names, where = np.unique(np.concatenate([first, second]), return_inverse=True)
    a, b, n = where[: len(first)], where[len(first) :], len(names)
    own = a == b
    effective = _effective(np.bincount(a[own], minlength=n) if own.any() else np.bincount(where))
    point = np.asarray(statistic(np.ones(len(first))), np.float64)
    if effective < 1 + 1e-9:  # genuine pairs of one person only: what varies between people cannot be seen
        return [Interval(float(p), float(p), float(p), level) for p in point]
    half = 0.5 / np.asarray(pairs)  # half a pair: keeps the log-odds finite
    rng = stream(seed, "bootstrap")
    squares = np.zeros(len(point))
    for _ in range(replicates):
        times = rng.multinomial(n, np.full(n, 1 / n))
        weight = 1 + DAMPING * (times - 1.0)
        found = np.asarray(statistic(np.where(own, weight[a], weight[a] * weight[b])))
        squares += (_log_odds(found, half) - _log_odds(point, half)) ** 2
    error = np.sqrt(squares / replicates * effective / (effective - 1)) / DAMPING
    reach = student.ppf((1 + level) / 2, max(1.0, effective - 1)) * error
    down = reach.copy()
    down[list(skewed)] *= 1 + SKEW / effective
    ends = [expit(_log_odds(point, half) + step) * (1 + 2 * half) - half for step in (-down, reach)]
    method = f"bootstrap over {n} identities"
    return [
        _unvarying(p, size, level)
        if p in (0.0, 1.0)
        else Interval(
            max(0.0, min(float(low), float(p))), float(p), min(1.0, max(float(high), float(p))), level, method
        )
        for p, low, high, size in zip(point, *ends, pairs, strict=True)
    ]


def joined(first: IntArray, second: IntArray, same: npt.NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Identities of items that are known by pairs only: items that genuine pairs join, near or far, are one identity.

    `first`, `second (P,)` item numbers → identity numbers, each `(P,)`.
    """
    items, where = np.unique(np.concatenate([first, second]), return_inverse=True)
    a, b = where[: len(first)], where[len(first) :]
    graph = coo_array((np.ones(int(same.sum())), (a[same], b[same])), shape=(len(items), len(items)))
    identity = connected_components(graph, directed=False)[1].astype(np.int64)
    return identity[a], identity[b]


def _effective(genuine: IntArray) -> float:
    g = genuine.astype(np.float64)
    return float(g.sum() ** 2 / (g**2).sum())


def _log_odds(rate: FloatArray, half: FloatArray) -> FloatArray:
    return np.asarray(logit((np.clip(rate, 0, 1) + half) / (1 + 2 * half)))


def _unvarying(point: float, n: int, level: float) -> Interval:
    exact = clopper_pearson(round(point) * n, n, level)
    return Interval(exact.low, float(point), exact.high, level, "Clopper-Pearson, pairs taken as independent")
