"""Judge a model on data that it never saw, by a named protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from twinnet.core.errors import ConfigError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, IntArray
from twinnet.data import Dataset, ImageStore, load, open_dataset
from twinnet.evaluation import Result, nway, templates, verification_of_pairs
from twinnet.model import Embeddings, Model
from twinnet.training.calibration import labelled_pairs, seen_identities

Protocol = Literal["verification", "nway"]


def evaluate(
    model: Model,
    data: Dataset | str | Path | ImageStore,
    *,
    protocol: Protocol = "verification",
    ways: int = 20,
    shots: int = 1,
    episodes: int = 400,
    within_groups: bool = False,
    across_sessions: bool = False,
    max_pairs: int = 200_000,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Result:
    """Evaluate by `protocol`; identities that the model was trained on are noted in the result.

    `ways`, `shots`, `episodes`, `within_groups` and `across_sessions` belong to nway, `max_pairs` to verification.
    """
    if not isinstance(data, ImageStore):
        opened = data if isinstance(data, Dataset) else open_dataset(data)
        data = load(opened, model.preprocess, progress=progress)
    known = data.dataset
    embeddings = model.embed(data, progress=progress)
    if protocol == "verification":
        pairs, first, second = labelled_pairs(known, max_pairs=max_pairs, seed=seed)
        distances = model.pair_distances(embeddings, pairs.first, pairs.second)
        result = verification_of_pairs(distances, pairs, first, second, rule=model.rule, seed=seed)
    elif protocol == "nway":
        groups = _needed(known.groups, "within groups", "groups") if within_groups else None
        sessions = _needed(known.sessions, "across sessions", "sessions") if across_sessions else None
        result = nway(
            lambda support, probe: template_distances(model, embeddings, support, probe),
            known.labels(), ways=ways, shots=shots, episodes=episodes, seed=seed, groups=groups, sessions=sessions,
        )  # fmt: skip
    else:
        raise ConfigError(f"protocol {protocol!r} is unknown. Known: nway, verification.")
    notes = [*result.notes, *seen_note(model, known)]
    if data.skipped:
        notes.append(
            f"{len(data.skipped)} items were skipped, the first: {data.skipped[0].item} ({data.skipped[0].reason})"
        )
    counts = {**result.counts, "items": len(known), "skipped": len(data.skipped)}
    return replace(result, data=known.source, model=model.fingerprint, counts=counts, notes=tuple(notes))


def template_distances(model: Model, embeddings: Embeddings, support: IntArray, probe: IntArray) -> FloatArray:
    """Distances `(Q, N)` of probes to classes: one stored embedding per class, the mean of its K support items."""
    return templates(embeddings, model.cross, normalise=model.spec.normalise)(support, probe)


def seen_note(model: Model, data: Dataset) -> Sequence[str]:
    """A warning when the data has identities from the training set: figures on them say little about new ones."""
    seen = seen_identities(model, data)
    if not seen:
        return []
    return [
        f"{len(seen)} of {data.n_identities} identities were trained on (such as {seen[0]}): these figures flatter."
    ]


def _needed(values: IntArray | None, asked: str, what: str) -> IntArray:
    if values is None:
        raise ConfigError(f"{asked} was asked for, but the data has no {what}.")
    return values
