"""Protocol `verification`: pairs of identities that training never saw, the same or different?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from twinnet.core.types import FloatArray, IntArray, Interval, Pairs
from twinnet.decide import DecisionRule, WeightedRates, clopper_pearson, error_rates, frr_at_far, impostors_needed
from twinnet.decide import over_identities as bootstrap
from twinnet.evaluation.pairing import MAX_PAIRS, pairs_to_compare
from twinnet.evaluation.result import Result

PairDistances = Callable[[IntArray, IntArray], FloatArray]


def verification(
    distance: PairDistances,
    identities: IntArray,
    *,
    rule: DecisionRule | None = None,
    max_pairs: int = MAX_PAIRS,
    replicates: int = 400,
    seed: int = 0,
) -> Result:
    """Judge all pairs, or a sample, of items with known `identities (N,)`; `distance(first, second)` gives `(P,)`."""
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
    first_identity: IntArray,
    second_identity: IntArray,
    *,
    rule: DecisionRule | None = None,
    replicates: int = 400,
    seed: int = 0,
) -> Result:
    """EER and AUC; with a rule also accuracy, FAR and FRR at its threshold; TAR@FAR as far as the pairs support.

    The identities `(P,)` of both items say which pairs depend on each other. Where pairs come without identities, give
    item numbers: items are then what is resampled.
    """
    d = np.asarray(distances, np.float64)
    rates = error_rates(d, pairs.same)
    weighted = WeightedRates(d, pairs.same, rule.threshold if rule else None)
    names = ["eer", "auc", "accuracy", "far", "frr"]
    found = bootstrap(weighted, first_identity, second_identity, replicates=replicates, seed=seed)
    metrics: dict[str, Interval] = dict(zip(names, found, strict=True))
    if rule is None:
        metrics = {name: metrics[name] for name in ("eer", "auc")}
    for exponent in range(1, 7):
        far = 10.0**-exponent
        if impostors_needed(far) > rates.n_impostor:
            break
        accepted = round((1 - frr_at_far(rates, far)[0]) * rates.n_genuine)
        metrics[f"tar_at_far_1e-{exponent}"] = clopper_pearson(accepted, rates.n_genuine)
    counts = {
        "genuine_pairs": rates.n_genuine,
        "impostor_pairs": rates.n_impostor,
        "identities": len(np.unique(np.concatenate([first_identity, second_identity]))),
    }
    notes = ("TAR@FAR intervals treat genuine pairs as independent (Clopper-Pearson).",)
    arrays = {"distances": d, "same": pairs.same, "first": pairs.first, "second": pairs.second}
    return Result("verification", metrics, counts, seed=seed, notes=notes, arrays=arrays)
