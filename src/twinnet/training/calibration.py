"""Calibrate: learn threshold and probability on identities that training never saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from twinnet.core.errors import CalibrationError, LeakError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import IntArray, Pairs
from twinnet.data.dataset import Dataset
from twinnet.data.load import ImageStore, load
from twinnet.data.readers import open_dataset
from twinnet.decide import CALIBRATORS, DecisionRule, choose_threshold
from twinnet.decide.threshold import Method
from twinnet.evaluation.pairing import pairs_to_compare
from twinnet.model import Model
from twinnet.training.facts import identity_marks


def calibrate(
    model: Model,
    data: Dataset | str | Path,
    *,
    method: Method = "eer",
    far: float | None = None,
    value: float | None = None,
    probability: str = "platt",
    accept_seen: bool = False,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Model:
    """The same twins with a threshold and probability learned on `data`.

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
        model, store, method=method, far=far, value=value, probability=probability, seed=seed, progress=progress
    )


def calibrate_store(
    model: Model,
    store: ImageStore,
    *,
    method: Method = "eer",
    far: float | None = None,
    value: float | None = None,
    probability: str = "platt",
    seed: int = 0,
    progress: Progress = SILENT,
) -> Model:
    """As `calibrate`, on images that are loaded already."""
    if probability not in CALIBRATORS:
        raise CalibrationError(f"probability {probability!r} is unknown. Known: {', '.join(sorted(CALIBRATORS))}.")
    pairs, _, _ = labelled_pairs(store.dataset, seed=seed)
    distances = model.pair_distances(model.embed(store, progress=progress), pairs.first, pairs.second)
    choice = choose_threshold(distances, pairs.same, method=method, far=far, value=value)
    people = f"{store.dataset.n_identities} identities, " if store.dataset.identities is not None else ""
    rule = DecisionRule(
        choice.threshold,
        choice.method,
        CALIBRATORS[probability](distances, pairs.same),
        choice.far,
        choice.frr,
        choice.n_genuine,
        choice.n_impostor,
        f"{people}{len(store.dataset)} items of {store.dataset.source}",
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
