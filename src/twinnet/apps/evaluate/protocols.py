"""One function per protocol, with its own options: from embeddings to the arrays that `evaluation` judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from twinnet import evaluation
from twinnet.apps.evaluate.judged import Judged
from twinnet.core.errors import ConfigError, DataError
from twinnet.core.types import FloatArray, IntArray
from twinnet.data import lfw_pairs
from twinnet.data.runs import TEST, TRAINING
from twinnet.evaluation import Result
from twinnet.evaluation.exact import verification_exact
from twinnet.evaluation.retrieval import retrieval as judge_retrieval
from twinnet.training.calibration import labelled_pairs

MAX_MEMORY = 1 << 30


def verification(
    on: Judged, *, max_pairs: int = 200_000, all_pairs: bool = False, max_memory: int = MAX_MEMORY
) -> Result:
    """All pairs, or a seeded sample above `max_pairs`; with `all_pairs` every one, within `max_memory` bytes."""
    if all_pairs:
        return verification_exact(
            on.embeddings, on.data.labels(), on.model.cross, rule=on.model.rule, max_memory=max_memory, seed=on.seed,
            progress=on.progress,
        )  # fmt: skip
    pairs, first, second = labelled_pairs(on.data, max_pairs=max_pairs, seed=on.seed)
    distances = on.pairs(pairs.first, pairs.second)
    return evaluation.verification_of_pairs(distances, pairs, first, second, rule=on.model.rule, seed=on.seed)


def lfw(on: Judged, *, pairs: str | Path | None = None) -> Result:
    """Pairs in folds; what cannot be read is left out, counted and listed."""
    if pairs is None:
        raise ConfigError("protocol lfw needs the file of pairs. Next: --pairs pairs.txt")
    listed = lfw_pairs(pairs)
    found, fold, missing = listed.find(on.data.keys)
    own = on.data.labels()
    result = evaluation.lfw(
        on.pairs(found.first, found.second), found.same, fold, own[found.first], own[found.second], seed=on.seed
    )
    left_out = len(listed) - len(found)
    notes = list(result.notes)
    if left_out:
        names = ", ".join(skip.item for skip in missing[:20]) + (" …" if len(missing) > 20 else "")
        notes.append(
            f"{left_out:,} of {len(listed):,} pairs are left out, for {len(missing):,} images that are missing or "
            f"unreadable: {names}"
        )
    return replace(result, counts={**result.counts, "pairs_left_out": left_out}, notes=tuple(notes))


def nway(
    on: Judged,
    *,
    ways: int = 20,
    shots: int = 1,
    episodes: int = 400,
    within_groups: bool = False,
    across_sessions: bool = False,
) -> Result:
    """N-way K-shot episodes."""
    groups = on.groups("within groups") if within_groups else None
    sessions = on.sessions("across sessions") if across_sessions else None
    return evaluation.nway(
        on.templates, on.data.labels(), ways=ways, shots=shots, episodes=episodes, seed=on.seed, groups=groups,
        sessions=sessions,
    )  # fmt: skip


def lake20(on: Judged) -> Result:
    """Each test image to its nearest training image."""
    return evaluation.lake20(*_runs(on))


def lake20_assignment(on: Judged) -> Result:
    """Each run's test images matched one to one."""
    return evaluation.lake20_assignment(*_runs(on))


def koch(on: Judged, *, koch_pairs: int = 10_000, drawers: Sequence[int] | None = None) -> Result:
    """Pairs within one alphabet, by two drawers."""
    groups, sessions = on.groups("protocol koch"), on.sessions("protocol koch")
    return evaluation.koch(
        on.pairs, on.data.labels(), groups, sessions, pairs=koch_pairs, drawers=drawers, rule=on.model.rule,
        seed=on.seed,
    )  # fmt: skip


def openset(on: Judged, *, shots: int = 1) -> Result:
    """A gallery, and strangers."""
    return evaluation.openset(on.templates, on.data.labels(), shots=shots, rule=on.model.rule, seed=on.seed)


def retrieval(
    on: Judged, *, at: Sequence[int] = (1, 5, 10), across_groups: bool = False, max_memory: int = MAX_MEMORY
) -> Result:
    """Every item asks for the others of its identity; with `across_groups` only those of other groups."""
    groups = on.groups("across groups") if across_groups else None
    return judge_retrieval(
        on.embeddings, on.data.labels(), on.model.cross, groups=groups, at=tuple(at), max_memory=max_memory,
        seed=on.seed, progress=on.progress,
    )  # fmt: skip


def _runs(on: Judged) -> tuple[list[FloatArray], list[IntArray]]:
    """Distances `(Q, N)` and targets `(Q,)` of each run. All images count: a run with one missing is another run."""
    if on.store.skipped:
        first = on.store.skipped[0]
        raise DataError(
            f"{len(on.store.skipped)} images of the runs cannot be read, the first: {first.item} ({first.reason}). "
            "Next: unpack the runs again; a run without all its images is another one."
        )
    groups, sessions, classes = on.groups("lake20"), on.sessions("lake20"), on.data.labels()
    distances, targets = [], []
    for run in np.unique(groups):
        training = np.flatnonzero((groups == run) & (sessions == TRAINING))
        test = np.flatnonzero((groups == run) & (sessions == TEST))
        column = {int(name): at for at, name in enumerate(classes[training])}
        distances.append(on.model.cross(on.embeddings[test], on.embeddings[training]))
        targets.append(np.array([column[int(name)] for name in classes[test]], np.int64))
    return distances, targets
