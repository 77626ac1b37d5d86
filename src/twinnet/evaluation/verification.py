"""Protocol `verification`: pairs of identities that training never saw, the same or different?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from twinnet.core.types import FloatArray, IntArray, Pairs
from twinnet.decide import DecisionRule, WeightedRates, ece, impostors_needed, joined, over_identities
from twinnet.evaluation.pairing import MAX_PAIRS, pairs_to_compare
from twinnet.evaluation.result import Result, bare

PairDistances = Callable[[IntArray, IntArray], FloatArray]
"""`first (P,)`, `second (P,)` item numbers → distances `(P,)`."""


def verification(
    distance: PairDistances,
    identities: IntArray,
    *,
    rule: DecisionRule | None = None,
    max_pairs: int = MAX_PAIRS,
    replicates: int = 400,
    seed: int = 0,
) -> Result:
    """Judge all pairs, or a sample, of items with known `identities (N,)`; `distance(first, second)` gives `(P,)`.

    For arrays of embeddings, `distance` is `evaluation.paired(embeddings, comparison)`. Raises TooFewIdentities where
    there are no genuine or no impostor pairs, CalibrationError for distances that are not finite.
    """
    pairs = pairs_to_compare(identities, max_pairs=max_pairs, seed=seed)
    return verification_of_pairs(
        distance(pairs.first, pairs.second),
        pairs,
        identities[pairs.first],
        identities[pairs.second],
        rule=rule,
        replicates=replicates,
        seed=seed,
    )


def verification_of_pairs(
    distances: npt.ArrayLike,
    pairs: Pairs,
    first_identity: IntArray | None = None,
    second_identity: IntArray | None = None,
    *,
    rule: DecisionRule | None = None,
    replicates: int = 400,
    seed: int = 0,
) -> Result:
    """EER and AUC; with a rule also accuracy, FAR and FRR at its threshold; TAR@FAR as far as the pairs support.

    Where the rule has a probability, it is judged in a world in which half of the comparisons are genuine, as it was
    fitted: `brier`, and `ece` without an interval, because resampling adds to an ECE rather than scattering it.

    The identities `(P,)` of both items say which pairs depend on each other. Where pairs come without identities, or
    with item numbers in their place, items that genuine pairs join are taken as one identity.
    Raises CalibrationError for unequal lengths, distances that are not finite, or one kind of pair missing.
    """
    d = np.asarray(distances, np.float64)
    first = pairs.first if first_identity is None else np.asarray(first_identity)
    second = pairs.second if second_identity is None else np.asarray(second_identity)
    n_impostor = int((~pairs.same).sum())
    fars = [far for far in (0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6) if impostors_needed(far) <= n_impostor]
    rates = WeightedRates(d, pairs.same, rule.threshold if rule else None, fars)
    if (first != second)[pairs.same].any():
        first, second = joined(first, second, pairs.same)
    names = [*rates.names[:5], *(f"tar_at_far_1e-{exponent}" for exponent in range(1, len(fars) + 1))]
    sizes, statistic = list(rates.pairs), rates.__call__
    calibrator = rule.calibrator if rule else None
    if calibrator:
        squares = (calibrator(d) - pairs.same) ** 2
        names, sizes = [*names, "brier"], [*sizes, len(d)]

        def statistic(weights: FloatArray) -> FloatArray:
            kinds = [np.average(squares[kind], weights=weights[kind]) for kind in (pairs.same, ~pairs.same)]
            return np.append(rates(weights), np.mean(kinds))

    found = over_identities(
        statistic, first, second, pairs=sizes, skewed=rates.skewed, replicates=replicates, seed=seed
    )
    metrics = dict(zip(names, found, strict=True))
    if calibrator:
        metrics["ece"] = bare(ece(calibrator(d), pairs.same, prior=0.5))
    if rule is None:
        metrics = {name: i for name, i in metrics.items() if name not in ("accuracy", "far", "frr")}
    counts = {
        "genuine_pairs": len(d) - n_impostor,
        "impostor_pairs": n_impostor,
        "identities": len(np.unique(np.concatenate([first, second]))),
    }
    arrays = {"distances": d, "same": pairs.same, "first": pairs.first, "second": pairs.second}
    return Result("verification", metrics, counts, seed=seed, arrays=arrays)
