"""The decision rule of an int8 model: learned again, because its distances are other ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from twinnet.core.types import BoolArray, FloatArray
from twinnet.decide import CALIBRATORS, AbstainBand, DecisionRule, choose_threshold, spread
from twinnet.decide.intervals import clopper_pearson


def relearned(rule: DecisionRule, before: FloatArray, after: FloatArray, same: BoolArray) -> DecisionRule:
    """The rule for the distances `after (P,)`, where `rule` belongs to `before (P,)` of the same pairs.

    The threshold accepts as many impostor pairs as before, which is what a false-accept rate promises, and among those
    that do, it lies as high in the ranking of all pairs as before. A band's ends are moved in the same way. Raises
    CalibrationError for unusable pairs.
    """
    at = _carried(rule.threshold, before, after, same)
    choice = choose_threshold(after, same, method="given", value=at)
    abstain = band = None
    if rule.abstain is not None:
        low, high = (_carried(end, before, after, same) for end in rule.abstain)
        abstain = (min(low, high), max(low, high))
        band = _band(*abstain, after, same)
    kind = rule.calibrator.to_dict()["kind"] if rule.calibrator else None
    return replace(
        rule, threshold=at, calibrator=CALIBRATORS[kind](after, same) if kind else None, far=choice.far, frr=choice.frr,
        n_genuine=choice.n_genuine, n_impostor=choice.n_impostor, learned_on="the golden set of the export",
        abstain=abstain, band=band, spread=spread(after, same), ece=None, brier=None,
    )  # fmt: skip


def _carried(threshold: float, before: FloatArray, after: FloatArray, same: BoolArray) -> float:
    impostors = np.sort(after[~same])
    accepted = int((before[~same] < threshold).sum())
    lowest = impostors[accepted - 1] if accepted else -np.inf
    highest = impostors[accepted] if accepted < len(impostors) else np.inf
    ranked = np.sort(after)
    at = int((before < threshold).sum())
    ends = ranked[max(0, at - 1)], ranked[min(at, len(ranked) - 1)]
    # Above the last accepted impostor, and no higher than the first one rejected: same means distance < threshold.
    return float(np.clip((ends[0] + ends[1]) / 2, np.nextafter(lowest, np.inf), highest))


def _band(low: float, high: float, distances: FloatArray, same: BoolArray) -> AbstainBand:
    accepted, rejected = distances < low, distances >= high
    open_ = ~(accepted | rejected)
    counts = [(accepted, ~same), (rejected, same), (open_, same), (open_, ~same)]
    return AbstainBand(low, high, *(clopper_pearson(int(hit[of].sum()), int(of.sum())) for hit, of in counts))
