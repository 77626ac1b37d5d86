"""Protocol `verification` over every pair there is, within a bound of memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, logit

from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import IntArray, Interval, Pairs
from twinnet.decide import DecisionRule, WeightedRates, clopper_pearson, impostors_needed, over_identities
from twinnet.evaluation.counted import AllPairs, thinned
from twinnet.evaluation.counting import all_pairs
from twinnet.evaluation.crosses import Cross, Vectors, as_cross
from twinnet.evaluation.pairing import MAX_PAIRS, pairs_to_compare
from twinnet.evaluation.result import Result, bare

_HARDEST = 100_000
_FARS = (0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6)


def verification_exact(
    embeddings: Vectors,
    identities: IntArray,
    cross: Cross | str,
    *,
    rule: DecisionRule | None = None,
    max_memory: int = 1 << 30,
    replicates: int = 400,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Result:
    """The figures of `verification` over all pairs of `embeddings (N, D)` with `identities (N,)`, none left out.

    `cross` gives distances `(n, D), (m, D) → (n, m)` and is called by several threads at once; "euclidean" and "cosine"
    name fast ones. Figures are exact. Their intervals are of the bootstrap over identities, with the 100,000 nearest
    impostor pairs and a sample of all others, moved in log-odds to the exact figure. `replicates` 0 leaves them out.

    `arrays` has the sample (`distances`, `same`, `first`, `second`) and `rates`, the exact ROC at some of its points.
    Raises what `counting.all_pairs` raises.
    """
    who = np.unique(identities, return_inverse=True)[1]
    pairs = pairs_to_compare(who, max_pairs=MAX_PAIRS, seed=seed) if replicates else None
    sampled = pairs is not None and len(pairs) < len(who) * (len(who) - 1) // 2
    found = all_pairs(
        embeddings, who, as_cross(cross), threshold=rule.threshold if rule else None, sample=pairs,
        hardest=_HARDEST if sampled else 0, max_memory=max_memory, progress=progress,
    )  # fmt: skip
    fars = [far for far in _FARS if impostors_needed(far) <= found.n_impostor]
    names = ["eer", "auc", "accuracy", "far", "frr", *(f"tar_at_far_1e-{k}" for k in range(1, len(fars) + 1))]
    figures = [found.eer(), found.auc(), *found.at_threshold(), *(found.tar_at(far)[0] for far in fars)]
    metrics = {name: bare(figure) for name, figure in zip(names, figures, strict=True)}
    arrays: dict[str, object] = {"rates": thinned(found.rates())}
    if pairs is not None:
        metrics = _with_intervals(metrics, found, pairs, who, rule, fars, replicates, seed)
        arrays |= {"distances": found.sample, "same": pairs.same, "first": pairs.first, "second": pairs.second}
    if rule is None:
        metrics = {name: i for name, i in metrics.items() if name not in ("accuracy", "far", "frr")}
    counts = {
        "genuine_pairs": found.n_genuine,
        "impostor_pairs": found.n_impostor,
        "identities": int(who.max()) + 1,
    }
    return Result("verification", metrics, counts, seed=seed, arrays=arrays)


def _with_intervals(
    metrics: dict[str, Interval],
    found: AllPairs,
    pairs: Pairs,
    who: IntArray,
    rule: DecisionRule | None,
    fars: Sequence[float],
    replicates: int,
    seed: int,
) -> dict[str, Interval]:
    d, same, items = found.sample, pairs.same, (pairs.first, pairs.second)
    stands_for = np.ones(len(d))  # how many of all pairs each is
    sampled = len(pairs) < found.n_genuine + found.n_impostor
    if sampled:
        # All the nearest impostors, which decide small false-accept rates, and of the others a sample (stratified).
        near, hard = found.hardest_distance, found.hardest
        rest = same | (d > near.max(initial=-np.inf))
        d, same = np.append(d[rest], near), np.append(same[rest], hard.same)
        items = (np.append(pairs.first[rest], hard.first), np.append(pairs.second[rest], hard.second))
        others = int((~same).sum()) - len(near)
        stands_for = np.where(same, found.n_genuine / same.sum(), (found.n_impostor - len(near)) / max(1, others))
        stands_for[len(stands_for) - len(near) :] = 1
    rates = WeightedRates(d, same, rule.threshold if rule else None, fars)
    total = found.n_genuine + found.n_impostor
    sizes = [found.n_genuine, found.n_genuine, total, found.n_impostor] + [found.n_genuine] * (len(metrics) - 4)
    intervals = over_identities(
        lambda weights: rates(weights * stands_for), who[items[0]], who[items[1]], pairs=sizes, skewed=rates.skewed,
        replicates=replicates, seed=seed,
    )  # fmt: skip
    if sampled:
        both = zip(intervals, metrics.values(), sizes, strict=True)
        intervals = [_named(moved(i, m.point, size), f"from {len(d):,} pairs") for i, m, size in both]
    return dict(zip(metrics, intervals, strict=True))


def moved(interval: Interval, point: float, pairs: int) -> Interval:
    """The interval about `point` instead of its own: as far to both sides in log-odds. `pairs` are those of the point.

    A rate of 0 or 1 among all pairs gets their Clopper–Pearson interval, as in `decide.over_identities`.
    """
    if not interval.method:
        return bare(point)
    if point in (0.0, 1.0):
        exact = clopper_pearson(round(point) * pairs, pairs, interval.level)
        method = "Clopper-Pearson, pairs taken as independent"
        return Interval(exact.low, point, exact.high, interval.level, method)
    if interval.point in (0.0, 1.0):  # the sample did not see it vary: its bounds stand, and must hold the point
        low, high = min(interval.low, point), max(interval.high, point)
        return Interval(low, point, high, interval.level, interval.method)
    with np.errstate(divide="ignore"):
        shift = logit(point) - logit(interval.point)
        low, high = (float(expit(logit(end) + shift)) for end in (interval.low, interval.high))
    return Interval(min(low, point), point, max(high, point), interval.level, interval.method)


def _named(interval: Interval, more: str) -> Interval:
    if not interval.method.startswith("bootstrap"):
        return interval
    return Interval(interval.low, interval.point, interval.high, interval.level, f"{interval.method}, {more}")
