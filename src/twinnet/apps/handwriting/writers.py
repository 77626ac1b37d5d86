"""One writer or two? Twins whose identities are writers, and verdicts from several characters on each side.

Omniglot numbers its drawers within each alphabet, and nothing says that drawer 1 of one alphabet is drawer 1 of
another: the identity is (alphabet, drawer). Genuine and impostor pairs are always within one alphabet and of different
characters, so neither the script nor the letter gives the answer away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.apps.handwriting.train import open_characters, set_apart
from twinnet.core.errors import ConfigError, DataError, NotCalibrated, TooFewIdentities
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.core.types import BoolArray, Decision, FloatArray, IntArray, Item
from twinnet.data import Dataset, load
from twinnet.decide import DecisionRule, choose_threshold, fit_platt
from twinnet.model import Embeddings, Model
from twinnet.training import TrainConfig
from twinnet.training import train as train_twins

SIZES = (1, 5, 10, 20)
"""Characters on each side for which a threshold of its own is learned."""
_DRAWS = 4  # of every pair of writers, and thrice as many of each writer with himself


def recipe(minutes: float = 5.0, seed: int = 0) -> TrainConfig:
    """Size, place and slant are a writer's habits: nothing is cut away, turned or bent."""
    return TrainConfig(
        encoder="compact", size_px=40, channels=1, grid=4, dim=64, polarity="bright_ink", augment="none",
        class_turns=False, group_blocks=2, items_per_identity=4, loss="supcon", minutes=minutes,
        validation_share=0, calibration_share=0, seed=seed,
    )  # fmt: skip


def by_writer(data: Dataset) -> Dataset:
    """The same items with writers as identities; `sessions` become the characters, so that both sides can differ.

    Omniglot's drawers are parted by alphabet. Data without drawers is taken to have one folder per writer.
    """
    if data.identities is None:
        raise DataError(f"{data.source} has no identities. Next: give one folder per writer.")
    if data.sessions is None or data.groups is None:
        return data
    pairs = np.stack([data.groups, data.sessions], 1)  # (N, 2)
    distinct, numbers = np.unique(pairs, axis=0, return_inverse=True)
    names = tuple(f"{data.group_names[g]}/drawer{s:02d}" for g, s in distinct)
    return replace(data, identities=numbers.ravel().astype(np.int64), identity_names=names, sessions=data.identities)


def train_writers(
    data: Dataset | str | Path,
    config: TrainConfig | None = None,
    *,
    out: str | Path | None = None,
    resume: bool = True,
    accept_leaks: bool = False,
    tell: Callable[[list[str]], None] | None = None,
    progress: Progress = SILENT,
) -> Model:
    """Train on writers, learn a threshold for each of `SIZES` on writers and alphabets held out, and save to `out`."""
    config = config or recipe()
    known = by_writer(data if isinstance(data, Dataset) else open_characters(data))
    taught, held = set_apart(known, config.seed)
    model = train_twins(
        taught, config, out=out, resume=resume, accept_leaks=accept_leaks, tell=tell, progress=progress
    )  # fmt: skip
    store = load(held, model.preprocess, progress=progress)
    embedded = model.embed(store, progress=progress)
    rules = {}
    for size in SIZES:
        comparisons = compare_samples(model, embedded, store.dataset, size, seed=config.seed)
        if comparisons.same.any() and not comparisons.same.all():
            rules[str(size)] = _rule(comparisons, held.source).to_dict()
    if not rules:
        raise TooFewIdentities(f"{held.source}: no group has two writers with two items each to set a threshold by.")
    alone = DecisionRule.from_dict(rules[min(rules, key=int)])
    model = replace(model, rule=alone, facts={**model.facts, "writers": rules})
    if out:
        model.save(out)
    return model


@dataclass(frozen=True, slots=True)
class Samples:
    """Comparisons of two samples: `distance`, `same` writer or not, and whose they are, each `(P,)`."""

    distance: FloatArray
    same: BoolArray
    first: IntArray
    second: IntArray


def compare_samples(
    model: Model, embedded: Embeddings, data: Dataset, size: int, *, draws: int = _DRAWS, seed: int = 0
) -> Samples:
    """Samples of `size` items of one writer against as many of his or of another's, within groups, no text in common.

    The distance of two samples is the mean of all distances between their items. Writers with fewer than `2 · size`
    items, or characters, are left out.
    """
    labels = data.labels()
    groups = data.groups if data.groups is not None else np.zeros(len(data), np.int64)
    rows: list[tuple[float, bool, int, int]] = []
    for group in np.unique(groups):
        rng = stream(seed, "writers", int(group), size)
        members = np.flatnonzero(groups == group)
        table = model.cross(embedded[members], embedded[members])
        text = data.sessions[members] if data.sessions is not None else np.arange(len(members))
        own: dict[int, dict[int, int]] = {int(w): {} for w in np.unique(labels[members])}
        for place, (writer, letter) in enumerate(zip(labels[members].tolist(), text.tolist(), strict=True)):
            own[writer][letter] = place
        for a, b, times in [(a, b, draws if a < b else 3 * draws) for a in own for b in own if a <= b]:
            for _ in range(times):
                sides = _two_samples(own[a], own[b], size, rng)
                if sides is not None:
                    rows.append((float(table[np.ix_(*sides)].mean()), a == b, a, b))
    d, same, first, second = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Samples(np.array(d, np.float64), np.array(same, bool), np.array(first, np.int64), np.array(second, np.int64))


def _two_samples(
    one: dict[int, int], other: dict[int, int], size: int, rng: np.random.Generator
) -> tuple[list[int], list[int]] | None:
    """`size` items of each, of different letters; None where there are too few."""
    letters = rng.permutation(sorted(one.keys() | other.keys())).tolist()
    left = [one[t] for t in letters[::2] if t in one][:size]
    right = [other[t] for t in letters[1::2] if t in other][:size]
    return (left, right) if len(left) == len(right) == size else None


def _rule(samples: Samples, source: str) -> DecisionRule:
    choice = choose_threshold(samples.distance, samples.same)
    return DecisionRule(
        choice.threshold, choice.method, n_genuine=choice.n_genuine, n_impostor=choice.n_impostor,
        learned_on=f"{len(np.unique(samples.first))} writers of {source}",
        calibrator=fit_platt(samples.distance, samples.same),
    )  # fmt: skip


def same_writer(model: Model, first: Sequence[Item], second: Sequence[Item]) -> tuple[Decision, int]:
    """One writer or two? The decision, and for how many characters a side its threshold was learned.

    That is the largest of `SIZES` that both samples reach. Raises NotCalibrated for a model that was not trained by
    `train_writers`, ConfigError for an empty sample.
    """
    if not first or not second:
        raise ConfigError("both samples need at least one picture.")
    rules: dict[str, Any] = model.facts.get("writers", {})
    if not rules:
        raise NotCalibrated("this model was not trained on writers. Next: twinnet handwriting writers train FOLDER.")
    least = min(len(first), len(second))
    size = max((int(s) for s in rules if int(s) <= least), default=min(map(int, rules)))
    distance = float(model.cross(model.embed(first), model.embed(second)).mean())
    return DecisionRule.from_dict(rules[str(size)]).decide(distance), size
