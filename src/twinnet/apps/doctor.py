"""Look at a data set before training on it: what leaks, contradicts, repeats, or gives the answer away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twinnet.core.errors import DataError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Interval
from twinnet.data import Dataset, load, open_dataset
from twinnet.data.doctor import (
    Finding,
    Look,
    by_severity,
    coarse,
    content,
    copies,
    duplicates,
    first,
    look,
    many,
    side_of,
    suspects,
    together,
    unit,
)
from twinnet.data.listing import number
from twinnet.evaluation import bare
from twinnet.evaluation.shortcut import shortcut_findings, shortcuts
from twinnet.model import Model
from twinnet.training import TrainConfig
from twinnet.training.run import split


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, gravest first; the AUC of each shortcut; and how many items there are of what."""

    findings: list[Finding]
    metrics: Mapping[str, Interval]
    counts: Mapping[str, int]
    data: str

    @property
    def stops(self) -> bool:
        """Whether something was found that makes results worthless."""
        return any(finding.severity == "stop" for finding in self.findings)


def doctor(
    data: Dataset | str | Path,
    *,
    against: Dataset | str | Path | None = None,
    model: Model | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Diagnosis:
    """Examine `data`, split as `train` with this seed would, or against other data that must share nothing with it.

    With a model, mislabelled suspects are found by its embeddings instead of small grey pixels. Raises DataError where
    the data cannot be opened; a file that cannot be read is a finding.
    """
    known = data if isinstance(data, Dataset) else open_dataset(data)
    seen = look(known, progress)
    found = content(known, seen)
    if against is None:
        found += _within(known, seen, seed, progress)
    else:
        other = against if isinstance(against, Dataset) else open_dataset(against)
        found += _across(known, seen, other, progress)
    metrics = shortcuts(known, seen, seed=seed)
    found += shortcut_findings(metrics)
    if known.identities is not None and len(seen):
        more, agreement = _suspects(known, seen, model, progress)
        found += more
        metrics["nearest_is_own"] = bare(agreement)
    found = by_severity(found)
    counts = {"items": len(known), "identities": known.n_identities, "unreadable": len(seen.unreadable)}
    counts |= {f"findings_{word}": sum(f.severity == word for f in found) for word in ("stop", "warn", "note")}
    counts |= {finding.kind: finding.count for finding in found if finding.kind not in ("shortcut", "pictures")}
    return Diagnosis(found, metrics, counts, known.source)


def _within(known: Dataset, seen: Look, seed: int, progress: Progress) -> list[Finding]:
    found: list[Finding] = []
    sides, names = None, list[str]()
    try:
        parts = split(known, TrainConfig(seed=seed))
        sides, names = side_of(
            known, {"training": parts.train, "validation": parts.validation, "calibration": parts.calibration}
        )
    except DataError as error:
        found.append(Finding("split", "warn", f"train could not split this: {str(error).split('. Next')[0]}"))
    pairs = duplicates(seen, progress)
    return found + copies(
        pairs, known.keys, identities=known.identities, pairs=known.pairs, sides=sides, side_names=names
    )


def _across(known: Dataset, seen: Look, other: Dataset, progress: Progress) -> list[Finding]:
    n = len(known)
    both = together(seen, look(other, progress), n)
    sides = np.repeat([0, 1], [n, len(other)])
    keys = [*known.keys, *other.keys]
    identities, shared = None, []
    if known.identities is not None and other.identities is not None:
        names = [[data.identity_names[i] for i in data.labels()] for data in (known, other)]
        identities = number(names[0] + names[1])[0]
        shared = sorted(set(names[0]) & set(names[1]))
    found = copies(
        duplicates(both, progress), keys, identities=identities, sides=sides, side_names=[known.source, other.source]
    )
    if shared:
        words = f"identity names that {known.source} and {other.source} share: {len(shared):,}"
        step = "if they are the same, results on the other data say little about new identities"
        found.append(Finding("shared_identities", "warn", words, len(shared), first(shared), step))
    return found


def _suspects(known: Dataset, seen: Look, model: Model | None, progress: Progress) -> tuple[list[Finding], float]:
    if model is None:
        rows, vectors, space = seen.rows, unit(coarse(seen.small)), "small grey pictures"
    else:
        store = load(known.subset(seen.rows), model.preprocess, progress=progress)
        embeddings = np.asarray(model.embed(store, progress=progress), np.float32)
        place = {key: i for i, key in enumerate(known.keys)}
        rows = np.array([place[key] for key in store.dataset.keys], np.int64)
        vectors = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), np.float32(1e-12))
        space = "the model's embeddings"
    found = suspects(vectors, known.labels()[rows], progress)
    if not found.trusted:
        share = f"{found.agreement:.0%}"
        words = f"mislabelled items were not looked for: in {space} only {share} are nearest to one of their own"
        step = "give --model MODEL, once there is one"
        return [Finding("suspects_unknown", "note", words, next=step)], found.agreement
    if not len(found.items):
        return [], found.agreement
    items = [
        f"{known.keys[rows[i]]} (rather {known.identity_names[seems]})"
        for i, seems in zip(found.items, found.seems, strict=True)
    ]
    words = f"{many(len(items), 'item')} may be mislabelled: in {space} the nearest are all another identity's"
    return [Finding("suspect", "warn", words, len(items), first(items), "look at them")], found.agreement
