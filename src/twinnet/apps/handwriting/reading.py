"""From distances to a reading: probabilities over the characters, and from where on it is none of them.

Both are learned on alphabets that training never saw, as a user's script will be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from twinnet.core.errors import TooFewIdentities
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, IntArray
from twinnet.data import Dataset, ImageStore
from twinnet.decide import ReadingRule, by_character, ece
from twinnet.model import Embeddings, Model

_ROUNDS = 20  # of one example and one probe of every character of a group
_BINS = 10
_REFUSED = 0.05  # of known characters: most sheets hold no others, so the limit rather spares them than finds those


def fit_reading(model: Model, store: ImageStore, *, seed: int = 0, progress: Progress = SILENT) -> ReadingRule:
    """Learn temperature and limit by one-shot reading inside each group of `store`, all of whose characters take part.

    Raises TooFewIdentities where no group has two characters with two items each.
    """
    data = store.dataset
    embedded = model.embed(store, progress=progress)
    tables = [[model.cross(embedded[p], embedded[s]) for s, p in draws] for draws in rounds(data, _ROUNDS, seed)]
    if not any(tables):
        raise TooFewIdentities(f"{data.source}: no group has two characters with two drawings each to read.")
    every = [table for group in tables for table in group]
    own = np.concatenate([table.min(1) for table in every])
    others = np.concatenate([_without_own(table).min(1) for table in every])
    limit = float(np.quantile(own, 1 - _REFUSED))
    return ReadingRule(
        temperature(every), limit, _cross_fitted_ece(tables), float((own >= limit).mean()),
        float((others < limit).mean()), len(own), f"{data.n_identities} characters of {len(tables)} groups",
    )  # fmt: skip


def rounds(data: Dataset, count: int, seed: int) -> Iterator[list[tuple[IntArray, IntArray]]]:
    """For each group `count` times one example and one probe `(n,)` of every character in it, by two drawers if known.

    Without groups all characters are one group. Groups with fewer than two such characters give an empty list.
    """
    labels = data.labels()
    groups = data.groups if data.groups is not None else np.zeros(len(data), np.int64)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        found = [_one(data, labels, rows, stream(seed, "reading", int(group), k)) for k in range(count)]
        yield [pair for pair in found if len(pair[0]) > 1]


def _one(data: Dataset, labels: IntArray, rows: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    sides = (rows, rows)
    if data.sessions is not None and len(drawers := np.unique(data.sessions[rows])) > 1:
        chosen = rng.choice(drawers, 2, replace=False)
        sides = rows[data.sessions[rows] == chosen[0]], rows[data.sessions[rows] == chosen[1]]
    pairs = []
    for label in np.unique(labels[rows]):
        first = rng.permutation(sides[0][labels[sides[0]] == label])[:1]
        second = np.setdiff1d(sides[1][labels[sides[1]] == label], first)
        if len(first) and len(second):
            pairs.append((first[0], rng.choice(second)))
    support, probe = np.array(pairs, np.int64).reshape(-1, 2).T
    return support, probe


def temperature(tables: Sequence[FloatArray]) -> float:
    """The temperature under which the right characters are most likely (Guo et al. 2017).

    Each table is `(n, n)` distances of probes to examples, the right one on the diagonal.
    """
    scale = float(np.concatenate([table.ravel() for table in tables]).std()) or 1.0

    def surprise(log_t: float) -> float:
        t = scale * np.exp(log_t)
        return -float(np.concatenate([np.diag(log_softmax(-table / t, axis=1)) for table in tables]).mean())

    return float(scale * np.exp(minimize_scalar(surprise, bounds=(-6, 3), method="bounded").x))


def confidence(tables: Sequence[FloatArray], at: float) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """The probability of what was read and whether it was right, `(probes,)` each, at a temperature."""
    shares = [softmax(-table / at, axis=1) for table in tables]
    right = [share.argmax(1) == np.arange(len(share)) for share in shares]
    return np.concatenate([share.max(1) for share in shares]), np.concatenate(right)


def _cross_fitted_ece(tables: Sequence[Sequence[FloatArray]]) -> float | None:
    filled = [group for group in tables if group]
    if len(filled) < 2:
        return None
    judged = []
    for k, group in enumerate(filled):
        fitted = temperature([table for j, other in enumerate(filled) if j != k for table in other])
        judged.append(confidence(group, fitted))
    given, right = (np.concatenate(parts) for parts in zip(*judged, strict=True))
    return ece(given, right, bins=_BINS)


def _without_own(table: FloatArray) -> FloatArray:
    return np.where(np.eye(len(table), dtype=bool), np.inf, table)


def mean_distances(model: Model, probes: Embeddings, examples: Embeddings, of: IntArray) -> FloatArray:
    """Distances `(Q, N)` of probes to characters: the mean over each one's examples; `of (E,)` is whose each is."""
    return by_character(model.cross(probes, examples), of)
