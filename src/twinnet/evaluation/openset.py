"""Protocol `openset`: is the probe enrolled, and who is it? DIR@FPIR, the threshold learned on other people.

DIR, the detection and identification rate, is the share of enrolled people's probes whose own template is nearest and
nearer than the threshold. FPIR is the share of strangers' probes with any template nearer than the threshold
(Grother & Ngan, NIST FRVT 1:N; ISO/IEC 19795-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import ConfigError, TooFewIdentities
from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, IntArray, Interval
from twinnet.decide import DecisionRule, error_rates, far_in_gallery, frr_at_far, impostors_needed, over_identities
from twinnet.evaluation.nearest import checked_distances, right
from twinnet.evaluation.nway import Templates
from twinnet.evaluation.result import Result, bare


@dataclass(frozen=True, slots=True)
class Searches:
    """What searches of one gallery gave. Enrolled people's probes `(M,)`, strangers' probes `(S,)`.

    `nearest_own` and `nearest_stranger` are the distances to the nearest template; `hit` is 1 where that is the
    probe's own; `own` and `stranger` say whose each probe is; `gallery` is how many are enrolled.
    """

    nearest_own: FloatArray
    hit: FloatArray
    own: IntArray
    nearest_stranger: FloatArray
    stranger: IntArray
    gallery: int


def openset(
    distance: Templates,
    identities: IntArray,
    *,
    shots: int = 1,
    fpirs: Sequence[float] = (0.1, 0.01),
    rule: DecisionRule | None = None,
    replicates: int = 400,
    seed: int = 0,
) -> Result:
    """Search a gallery with its own people's probes and with strangers', items of `identities (N,)`.

    People are dealt by seed into four equal parts: gallery and strangers to learn the detection threshold of each
    asked FPIR, gallery and strangers to judge it, of equal sizes because FPIR grows with the gallery. One template per
    person, of `shots` items; all other items are probes. People with too few items are strangers.
    `distance` is `evaluation.templates(embeddings, cross)` for arrays. An FPIR that the strangers to learn from are
    too few to support is left out, with a note. Raises TooFewIdentities, ConfigError, and DataError for NaN.
    """
    if shots < 1 or not fpirs or not all(0 < f < 1 for f in fpirs):
        raise ConfigError(f"shots start at 1 and an FPIR lies between 0 and 1; got {shots}, {list(fpirs)}.")
    enrolled, strangers = _deal(identities, shots, seed)
    learn, test = (_search(distance, identities, e, s, shots, seed) for e, s in zip(enrolled, strangers, strict=True))
    return judge(learn, test, shots=shots, fpirs=fpirs, rule=rule, replicates=replicates, seed=seed)


def judge(
    learn: Searches,
    test: Searches,
    *,
    shots: int = 1,
    fpirs: Sequence[float] = (0.1, 0.01),
    rule: DecisionRule | None = None,
    replicates: int = 400,
    seed: int = 0,
) -> Result:
    """From two sets of searches to figures: thresholds come from `learn`, rates from `test`. For any other system."""
    notes = []

    def rates(threshold: float) -> tuple[Interval, Interval]:
        found = test.hit * (test.nearest_own < threshold)
        wrongly = (test.nearest_stranger < threshold).astype(np.float64)
        return _share(found, test.own, replicates, seed), _share(wrongly, test.stranger, replicates, seed)

    metrics = {"rank_1": _share(test.hit, test.own, replicates, seed)}
    for fpir in sorted(fpirs, reverse=True):
        if len(learn.nearest_stranger) < (needed := impostors_needed(fpir)):
            notes.append(
                f"FPIR {fpir:g} is left out: it needs {needed:,} strangers' probes to learn its threshold from, and "
                f"there are {len(learn.nearest_stranger):,}"
            )
            continue
        threshold = threshold_at(learn, fpir)
        metrics[f"dir_at_fpir_{fpir:g}"], metrics[f"fpir_measured_at_{fpir:g}"] = rates(threshold)
        metrics[f"threshold_at_fpir_{fpir:g}"] = bare(threshold)
    if rule is not None:
        metrics["dir_at_rule"], metrics["fpir_at_rule"] = rates(rule.threshold)
        if rule.far is not None:
            expected = far_in_gallery(rule.far.point, test.gallery)
            metrics["fpir_expected_from_far"] = bare(expected)
            notes.append(
                f"at the stored threshold {metrics['fpir_at_rule'].point:.1%} of strangers' searches found somebody; "
                f"its pairwise FAR of {rule.far.point:.2%} would give {expected:.1%} in a gallery of {test.gallery} "
                "if comparisons erred independently"
            )
    counts = {
        "gallery": test.gallery, "shots": shots, "enrolled_probes": len(test.hit),
        "strangers": len(np.unique(test.stranger)), "stranger_probes": len(test.stranger),
        "learning_gallery": learn.gallery, "learning_stranger_probes": len(learn.stranger),
    }  # fmt: skip
    name = f"openset gallery of {test.gallery}, {shots}-shot"
    at, found = _curve(test)
    return Result(name, metrics, counts, seed=seed, notes=tuple(notes), arrays={"fpir": at, "dir": found})


def threshold_at(learn: Searches, fpir: float) -> float:
    """The largest threshold at which at most `fpir` of the strangers' searches find anybody (ties included)."""
    nearest = np.concatenate([learn.nearest_own, learn.nearest_stranger])
    enrolled = np.arange(len(nearest)) < len(learn.nearest_own)
    return frr_at_far(error_rates(nearest, enrolled), fpir)[1]


def searches(
    own: npt.ArrayLike,
    target: npt.ArrayLike,
    own_identity: IntArray,
    stranger: npt.ArrayLike,
    stranger_identity: IntArray,
) -> Searches:
    """From distances of enrolled people's probes `(M, N)`, whose own column is `target (M,)`, and strangers' `(S, N)`.

    Raises DataError for shapes that do not fit, or NaN.
    """
    mated = checked_distances(own, len(own_identity))
    foreign = checked_distances(stranger, len(stranger_identity), mated.shape[1])
    return Searches(mated.min(1), right(mated, target), own_identity, foreign.min(1), stranger_identity, mated.shape[1])


def _deal(identities: IntArray, shots: int, seed: int) -> tuple[list[IntArray], list[IntArray]]:
    """Enrolled and strangers, each for learning and for the test."""
    names, counts = np.unique(identities, return_counts=True)
    rng = stream(seed, "openset", "people")
    able, rest = rng.permutation(names[counts > shots]), rng.permutation(names[counts <= shots])
    size = min(len(names) // 4, len(able) // 2)
    if size < 2:
        raise TooFewIdentities(
            f"openset needs 8 identities, 4 of them with {shots + 1} items: two galleries and two sets of strangers of "
            f"at least two each; there are {len(names)}, {len(able)} of them with so many. Next: add identities."
        )
    strangers = np.concatenate([able[2 * size :], rest])
    half = len(strangers) // 2
    return [able[:size], able[size : 2 * size]], [strangers[:half], strangers[half:]]


def _search(
    distance: Templates, identities: IntArray, enrolled: IntArray, strangers: IntArray, shots: int, seed: int
) -> Searches:
    rng = stream(seed, "openset", "items", int(enrolled[0]))
    mixed = [rng.permutation(np.flatnonzero(identities == name)) for name in enrolled]
    support = np.stack([items[:shots] for items in mixed])  # (N, K)
    own = np.concatenate([items[shots:] for items in mixed])
    target = np.repeat(np.arange(len(mixed)), [len(items) - shots for items in mixed])
    foreign = np.flatnonzero(np.isin(identities, strangers))
    return searches(distance(support, own), target, identities[own], distance(support, foreign), identities[foreign])


def _share(values: FloatArray, people: IntArray, replicates: int, seed: int) -> Interval:
    def mean(weights: FloatArray) -> FloatArray:
        return np.array([(weights * values).sum() / weights.sum()])

    point = over_identities(mean, people, people, pairs=[len(values)], replicates=replicates, seed=seed)
    return point[0]


def _curve(test: Searches) -> tuple[FloatArray, FloatArray]:
    """FPIR and DIR `(K,)` at every threshold that makes a difference to the strangers."""
    at = np.append(np.unique(test.nearest_stranger), np.inf)
    fpir = np.array([(test.nearest_stranger < t).mean() for t in at])
    found = np.array([(test.hit * (test.nearest_own < t)).mean() for t in at])
    return fpir, found
