"""Can a few trivial numbers tell genuine from impostor pairs? Then a model may win without seeing any shape."""

from __future__ import annotations

import numpy as np

from twinnet.core.errors import TooFewIdentities
from twinnet.core.seeds import stream
from twinnet.core.types import BoolArray, FloatArray, IntArray, Interval, Pairs
from twinnet.data.dataset import Dataset
from twinnet.data.doctor import Finding, Look
from twinnet.decide import WeightedRates, joined, over_identities
from twinnet.evaluation.pairing import pairs_to_compare

NUMBERS = {
    "brightness": "mean brightness",
    "ink": "ink share",
    "pen": "darkness of the ink",
    "aspect": "aspect ratio",
    "bytes": "file size",
}
"""What is measured of each picture, and what people call it."""

WARN = 0.8
"""The AUC from which a shortcut is a warning; those of ordinary sets, where shape matters, lie at 0.5 to 0.75."""
NOTE = 0.6
"""The lower end of its interval from which it is mentioned."""

_MOST_PAIRS = 10_000


def shortcuts(data: Dataset, seen: Look, *, seed: int = 0, replicates: int = 200) -> dict[str, Interval]:
    """The AUC of the difference in each trivial number, `auc_<number>`, and of all together, `auc_together`.

    Explicit pairs are taken as they are; otherwise pairs of identities are drawn, and, where there are groups, again
    within groups only (`auc_in_group_…`): those are the hard ones, such as a writer's forgeries. *Together* is a
    logistic regression on the differences, fitted on one half of the identities (groups; for explicit pairs, what the
    pairs connect) and judged on the other, so that it is no better than it would be on strangers. A figure that the
    data cannot give is left out.
    """
    numbers = _numbers(len(data), seen)
    found: dict[str, Interval] = {}
    for prefix, pairs, first, second in _kinds_of_pairs(data, seed):
        known = np.isfinite(numbers[pairs.first] + numbers[pairs.second]).all(axis=1)
        pairs = Pairs(pairs.first[known], pairs.second[known], pairs.same[known])
        differences = np.abs(numbers[pairs.first] - numbers[pairs.second])  # (P, 5)
        found |= _aucs(prefix, differences, pairs.same, first[known], second[known], seed, replicates)
    return found


def shortcut_findings(metrics: dict[str, Interval]) -> list[Finding]:
    """One finding for all pairs and one for those within groups, where the best figure is high enough to matter."""
    found = []
    for prefix, where in (("", ""), ("_in_group", " within one group")):
        of = {name: metrics[f"auc{prefix}_{name}"] for name in NUMBERS if f"auc{prefix}_{name}" in metrics}
        if not of:
            continue
        best = max(of, key=lambda name: of[name].low)
        together = metrics.get(f"auc{prefix}_together")
        if of[best].low < NOTE:
            continue
        grave = max(of[best].point, together.point if together else 0.0) >= WARN
        also = f", all together {together.point:.2f}" if together else ""
        words = (
            f"{NUMBERS[best]} alone tells genuine from impostor pairs{where} with AUC {of[best].point:.2f} "
            f"({of[best].low:.2f}–{of[best].high:.2f}){also}: a model can win without looking at shape"
        )
        step = "make the pictures alike in it, and compare every result with this figure"
        found.append(Finding("shortcut", "warn" if grave else "note", words, 1, (), step))
    return found


def _numbers(n: int, seen: Look) -> FloatArray:
    """`(N, 5)`, NaN where an item could not be read. Ratios and sizes on the log scale: twice is twice anywhere."""
    numbers = np.full((n, len(NUMBERS)), np.nan)
    aspect = np.log(seen.width_px / seen.height_px)
    numbers[seen.rows] = np.stack([seen.brightness, seen.ink, seen.ink_grey, aspect, np.log(seen.n_bytes)], axis=1)
    return numbers


def _kinds_of_pairs(data: Dataset, seed: int) -> list[tuple[str, Pairs, IntArray, IntArray]]:
    """Each with its word and the units `(P,)` of both items: what is resampled, and stays in one of the halves."""
    if data.identities is None:
        if data.pairs is None:
            return []
        every = np.ones(len(data.pairs), bool)
        first, second = joined(data.pairs.first, data.pairs.second, every)  # what the pairs connect, a writer's say
        if len(np.unique(first)) < 4:
            first, second = joined(data.pairs.first, data.pairs.second, data.pairs.same)
        return [("", data.pairs, first, second)]
    kinds = []
    try:
        pairs = pairs_to_compare(data.identities, max_pairs=_MOST_PAIRS, seed=seed)
        kinds.append(("", pairs, data.identities[pairs.first], data.identities[pairs.second]))
    except TooFewIdentities:
        return []
    if data.groups is not None and (within := _within_groups(data.identities, data.groups, seed)) is not None:
        kinds.append(("_in_group", within, data.groups[within.first], data.groups[within.second]))
    return kinds


def _within_groups(identities: IntArray, groups: IntArray, seed: int) -> Pairs | None:
    present = np.unique(groups)
    parts = []
    for group in present:
        rows = np.flatnonzero(groups == group)
        try:
            p = pairs_to_compare(identities[rows], max_pairs=max(20, 2 * _MOST_PAIRS // len(present)), seed=seed)
        except TooFewIdentities:
            continue
        parts.append((rows[p.first], rows[p.second], p.same))
    if len(parts) < 2:
        return None
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _aucs(
    prefix: str, differences: FloatArray, same: BoolArray, first: IntArray, second: IntArray, seed: int, replicates: int
) -> dict[str, Interval]:
    if same.all() or not same.any():
        return {}
    found = {}
    for column, name in enumerate(NUMBERS):
        if np.ptp(differences[:, column]) > 0:  # file sizes of arrays, or aspects of one size, say nothing
            found[f"auc{prefix}_{name}"] = _auc(differences[:, column], same, first, second, seed, replicates)
    units = stream(seed, "halves").permutation(np.unique(np.concatenate([first, second])))
    fitting = units[: len(units) // 2]
    a, b = np.isin(first, fitting), np.isin(second, fitting)
    fit, judge = a & b, ~a & ~b
    if len(units) < 4 or any(same[half].all() or not same[half].any() for half in (fit, judge)):
        return found
    from sklearn.linear_model import LogisticRegression  # slow to import

    scale = differences[fit].std(axis=0)
    x = differences / np.where(scale > 0, scale, 1)
    regression = LogisticRegression(class_weight="balanced", max_iter=1000).fit(x[fit], same[fit])
    distance = -regression.decision_function(x[judge])
    found[f"auc{prefix}_together"] = _auc(distance, same[judge], first[judge], second[judge], seed, replicates)
    return found


def _auc(
    distance: FloatArray, same: BoolArray, first: IntArray, second: IntArray, seed: int, replicates: int
) -> Interval:
    rates = WeightedRates(distance, same)
    at = rates.names.index("auc")
    return over_identities(
        lambda weights: rates(weights)[[at]], first, second, pairs=[rates.pairs[at]], skewed=[0], replicates=replicates,
        seed=seed,
    )[0]  # fmt: skip
