"""Calibrate: learn threshold and probability on identities that training never saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.core.errors import CalibrationError, LeakError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import IntArray, Pairs
from twinnet.data.dataset import Dataset
from twinnet.data.load import ImageStore, load
from twinnet.data.readers import open_dataset
from twinnet.decide import (
    CALIBRATORS,
    AbstainBand,
    DecisionRule,
    abstain_band,
    brier,
    choose_threshold,
    cross_fitted,
    ece,
    impostors_needed,
    joined,
    spread,
    verdict_rates,
)
from twinnet.decide.threshold import Method
from twinnet.evaluation.pairing import MAX_PAIRS, pairs_to_compare
from twinnet.model import Model
from twinnet.training.facts import identity_marks

MOST_PAIRS = 4_000_000  # as far as memory is bounded: FAR 1e-6 needs 3 million impostor pairs


def calibrate(
    model: Model,
    data: Dataset | str | Path,
    *,
    method: Method = "eer",
    far: float | None = None,
    frr: float | None = None,
    value: float | None = None,
    probability: str = "platt",
    only_probability: bool = False,
    accept_seen: bool = False,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Model:
    """The same twins with a threshold and probability learned on `data`.

    With `far` and `frr` both, distances that cannot keep both promises become "too close to call", and the threshold is
    the middle of that band. `only_probability` refits the curve and moves no verdict.
    Raises LeakError where `data` has identities that the model was trained on (unless `accept_seen`), TooFewImpostors
    where the pairs cannot support the asked FAR.
    """
    data = data if isinstance(data, Dataset) else open_dataset(data)
    if (seen := seen_identities(model, data)) and not accept_seen:
        raise LeakError(
            f"{len(seen)} of the {data.n_identities} identities of {data.source} were in the training set, such as "
            f"{seen[0]}: a threshold learned on them would promise too much. "
            "Next: give identities that training never saw."
        )
    store = load(data, model.preprocess, progress=progress)
    return calibrate_store(
        model, store, method=method, far=far, frr=frr, value=value, probability=probability,
        only_probability=only_probability, seed=seed, progress=progress,
    )  # fmt: skip


def calibrate_store(
    model: Model,
    store: ImageStore,
    *,
    method: Method = "eer",
    far: float | None = None,
    frr: float | None = None,
    value: float | None = None,
    probability: str = "platt",
    only_probability: bool = False,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Model:
    """As `calibrate`, on images that are loaded already."""
    if probability not in CALIBRATORS:
        raise CalibrationError(f"probability {probability!r} is unknown. Known: {', '.join(sorted(CALIBRATORS))}.")
    if frr is not None and (far is None or method not in ("eer", "far")):
        raise CalibrationError("an abstain band needs both promises, and sets the threshold itself: give far and frr.")
    if far is not None and not 0 < far < 1:
        raise CalibrationError(f"the target FAR must be between 0 and 1; got {far}.")
    # Half of a sample may be genuine, so twice the impostors that the asked FAR needs.
    most = MAX_PAIRS if far is None else min(MOST_PAIRS, max(MAX_PAIRS, 2 * impostors_needed(far)))
    pairs, first, second = labelled_pairs(store.dataset, max_pairs=most, seed=seed)
    if (first != second)[pairs.same].any():
        first, second = joined(first, second, pairs.same)
    d = model.pair_distances(model.embed(store, progress=progress), pairs.first, pairs.second)
    fit = CALIBRATORS[probability]
    judged = cross_fitted(fit, d, pairs.same, first, second, seed=seed)
    curve: dict[str, Any] = {
        "calibrator": fit(d, pairs.same),
        "ece": ece(*judged, prior=0.5) if judged else None,
        "brier": brier(*judged, prior=0.5) if judged else None,
    }
    if only_probability:
        return model.with_rule(replace(model.known_rule, **curve))
    band = None
    if frr is not None and far is not None:
        band = abstain_band(d, pairs.same, far=far, frr=frr)
        band = AbstainBand(
            band.low, band.high, *verdict_rates(d, pairs.same, first, second, band.low, band.high, seed=seed)
        )
        method, value = "given", band.low + (band.high - band.low) / 2
    choice = choose_threshold(d, pairs.same, method=method, far=far, value=value)
    at = choice.threshold
    measured = verdict_rates(d, pairs.same, first, second, at, at, seed=seed)
    people = f"{store.dataset.n_identities} identities, " if store.dataset.identities is not None else ""
    rule = DecisionRule(
        at,
        f"middle of the band for FAR <= {far:g}, FRR <= {frr:g}" if band else choice.method,
        far=measured[0],
        frr=measured[1],
        n_genuine=choice.n_genuine,
        n_impostor=choice.n_impostor,
        learned_on=f"{people}{len(store.dataset)} items of {store.dataset.source}",
        abstain=(band.low, band.high) if band else None,
        band=band,
        spread=spread(d, pairs.same),
        **curve,
    )
    return model.with_rule(rule)


def labelled_pairs(data: Dataset, *, max_pairs: int | None = None, seed: int = 0) -> tuple[Pairs, IntArray, IntArray]:
    """The pairs to judge `data` by, and the identities of their items (or the items, where none are known)."""
    if data.pairs is not None:
        of = data.identities if data.identities is not None else np.arange(len(data))
        return data.pairs, of[data.pairs.first], of[data.pairs.second]
    if data.triplets is not None:
        t = data.triplets
        same = np.arange(2 * len(t)) < len(t)
        pairs = Pairs(np.tile(t.anchor, 2), np.concatenate([t.positive, t.negative]), same)
        return pairs, pairs.first, pairs.second
    identities = data.labels()
    options = {} if max_pairs is None else {"max_pairs": max_pairs}
    pairs = pairs_to_compare(identities, seed=seed, **options)
    return pairs, identities[pairs.first], identities[pairs.second]


def seen_identities(model: Model, data: Dataset) -> list[str]:
    """Names of identities in `data` that the model was trained on, by the marks that it keeps."""
    marks = set(model.facts.get("trained_identities", ()))
    if not marks or data.identities is None:
        return []
    present = [data.identity_names[i] for i in np.unique(data.identities)]
    return [name for name in present if identity_marks([name])[0] in marks]
