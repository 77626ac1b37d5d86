"""Learn the combination, the threshold and the probability from pairs that somebody has labelled."""

from __future__ import annotations

import numpy as np

from twinnet.apps.plagiarism.judge import Combination, Verdicts
from twinnet.core.errors import CalibrationError
from twinnet.core.seeds import stream
from twinnet.core.types import BoolArray, FloatArray, IntArray
from twinnet.decide import DecisionRule, choose_threshold, fit_beta

SHRINK = 0.03
"""Weight of L2 beside a likelihood whose pairs weigh 1 together; chosen on the Java cases of docs/plagiarism.md."""
_FOLDS = 5
LEAST = 5


def combine(x: FloatArray, copied: BoolArray, group: IntArray, shrink: float = SHRINK) -> Combination:
    """A logistic regression on measures `(P, M)`. Every group counts the same, and in it copies and others do.

    Weights may be negative: where two programs solve one task, alike names say little, and what they explain of
    the letters that are alike must be taken off again.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import

    centre, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-3)
    places = np.unique(group, return_inverse=True)[1]
    weight = np.zeros(len(x))
    for kind in (True, False):
        counts = np.bincount(places[copied == kind], minlength=places.max() + 1)
        weight[copied == kind] = 1 / counts[places[copied == kind]]
        weight[copied == kind] /= 2 * weight[copied == kind].sum()
    fitted = LogisticRegression(C=1 / shrink, max_iter=5000).fit((x - centre) / scale, copied, sample_weight=weight)
    return Combination(
        tuple(centre.tolist()), tuple(scale.tolist()), tuple(fitted.coef_[0].tolist()), float(fitted.intercept_[0])
    )


def learn(
    x: FloatArray, copied: BoolArray, group: IntArray, learned_on: str, *, far: float | None = None, seed: int = 0
) -> Verdicts:
    """Combination on all pairs; threshold and probability on distances from combinations that never saw their group.

    The threshold is at the equal error rate, or at a false-accept rate of at most `far`. Raises CalibrationError for
    fewer than five pairs of a kind.
    """
    if min(int(copied.sum()), int((~copied).sum())) < LEAST:
        raise CalibrationError(
            f"{learned_on}: {int(copied.sum())} copied and {int((~copied).sum())} other pairs; at least {LEAST} of "
            "each are needed. Next: label more pairs, or leave --learn out"
        )
    distance = held_out(x, copied, group, seed=seed)
    choice = choose_threshold(distance, copied, method="eer" if far is None else "far", far=far)
    # The distance is −log p already, for which beta calibration is exact with this scale.
    rule = DecisionRule(
        choice.threshold, choice.method, calibrator=fit_beta(distance, copied, scale=1.0), far=choice.far,
        frr=choice.frr, n_genuine=choice.n_genuine, n_impostor=choice.n_impostor, learned_on=learned_on,
    )  # fmt: skip
    return Verdicts(combine(x, copied, group), rule)


def held_out(x: FloatArray, copied: BoolArray, group: IntArray, *, seed: int = 0) -> FloatArray:
    """Distances `(P,)`, each from a combination that did not see the pair's group (or its fold, of many groups)."""
    names, places = np.unique(group, return_inverse=True)
    fold = stream(seed, "folds").permutation(len(names))[places] % min(len(names), 2 * _FOLDS)
    distance = np.zeros(len(x))
    for k in np.unique(fold):
        rest = fold != k
        if copied[rest].all() or not copied[rest].any():
            raise CalibrationError(
                "one group holds all pairs of a kind. Next: label pairs of more groups, or name none"
            )
        distance[~rest] = combine(x[rest], copied[rest], group[rest])(x[~rest])
    return distance
