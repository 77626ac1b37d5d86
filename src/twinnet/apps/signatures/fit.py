"""Learn how to combine and where to decide, on measurements that no writer's own signatures have shaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twinnet.apps.signatures.combine import MOST, Combination, learn, n_features, summary
from twinnet.apps.signatures.layout import Signatures
from twinnet.apps.signatures.measure import INPUTS, Seen
from twinnet.apps.signatures.resume import resumed
from twinnet.apps.signatures.rules import Forgeries, NumberRule, Rules
from twinnet.apps.signatures.trials import GENUINE, RANDOM, SKILLED, Trial, trials
from twinnet.core.errors import TooFewIdentities
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import BoolArray, FloatArray, IntArray
from twinnet.decide import DecisionRule, choose_threshold, fit_beta, spread, verdict_rates


@dataclass(frozen=True, slots=True)
class Tried:
    """All probes of some trials with one number of references: features `(T, F)`, kind `(T,)`, writer `(T,)`."""

    features: FloatArray
    kind: IntArray
    writer: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The inputs `(N, N, K)` of each pair that a trial can ask for, NaN elsewhere, and each line's quality `(N,)`."""

    pairs: FloatArray
    quality: FloatArray


def tried(known: Signatures, measured: Measured, n_references: int, *, draws: int, seed: int) -> Tried:
    """Every probe of every trial."""
    pairs, quality = measured.pairs, measured.quality
    features, kind, writer = [np.zeros((0, n_features(pairs.shape[2], n_references)))], [], []
    for trial in trials(known, n_references, draws=draws, seed=seed):
        upper = np.triu_indices(n_references, 1)
        among = pairs[np.ix_(trial.references, trial.references)][upper]  # (R(R−1)/2, K)
        worse = quality[trial.probes] - quality[trial.references].mean()
        features.append(summary(pairs[np.ix_(trial.references, trial.probes)], among, worse))
        kind.append(trial.kind)
        writer.append(np.full(len(trial.probes), trial.writer))
    if not kind:
        return Tried(features[0], np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Tried(np.concatenate(features), np.concatenate(kind), np.concatenate(writer))


def measure(
    known: Signatures, seen: Seen, names: Sequence[str], *, draws: int, seed: int, kept: Path | None = None,
    progress: Progress = SILENT,
) -> FloatArray:  # fmt: skip
    """The inputs `(N, N, K)` of each pair that a trial with 1 … 5 references needs; NaN elsewhere.

    With `kept`, a file, an interrupted measurement of the same signatures goes on where it was.
    """
    needed = np.zeros((len(known.data), len(known.data)), bool)
    for n in range(1, MOST + 1):
        for trial in trials(known, n, draws=draws, seed=seed):
            _mark(needed, trial)
    first, second = np.nonzero(np.triu(needed | needed.T, 1))
    out = np.full((*needed.shape, len(names)), np.nan)
    out[first, second] = out[second, first] = resumed(seen, first, second, names, kept, progress)
    return out


def fit(
    known: Signatures, measured: Measured, names: Sequence[str] = INPUTS, *, forgeries: Forgeries, draws: int = 10,
    seed: int = 0,
) -> Rules:  # fmt: skip
    """The rule for each number of references that at least three of these writers have signatures for.

    Thresholds, probabilities and rates come from distances of writers that the combination was not fitted on: each
    writer in turn is left out. Raises TooFewIdentities where no number has three writers.
    """
    found = {}
    for n in range(1, MOST + 1):
        t = tried(known, measured, n, draws=draws, seed=seed)
        writers = np.unique(t.writer)
        if len(writers) < 3:
            continue
        genuine = t.kind == GENUINE
        used = t.kind != RANDOM  # strangers are easy: what parts the writer from his forgers parts them too
        distance = np.empty(len(t.kind))
        for writer in writers:
            rest = used & (t.writer != writer)
            distance[t.writer == writer] = learn(t.features[rest], genuine[rest], t.writer[rest])(
                t.features[t.writer == writer]
            )
        combination = learn(t.features[used], genuine[used], t.writer[used])
        found[n] = _decide(combination, distance, t, f"{len(writers)} writers of {known.data.source}", seed)
    if not found:
        raise TooFewIdentities(
            f"{known.data.source}: thresholds need at least three writers with two own signatures each and something "
            "forged. Next: add writers"
        )
    return Rules(tuple(names), forgeries, len(known.names), found)


def _decide(combination: Combination, distance: FloatArray, t: Tried, learned_on: str, seed: int) -> NumberRule:
    def against(kind: int) -> tuple[FloatArray, BoolArray, IntArray]:
        rows = (t.kind == GENUINE) | (t.kind == kind)
        return distance[rows], t.kind[rows] == GENUINE, t.writer[rows]

    d, same, writer = against(SKILLED)
    choice = choose_threshold(d, same)
    at = choice.threshold
    far, frr, *_ = verdict_rates(d, same, writer, writer, at, at, seed=seed)
    d_random, same_random, who = against(RANDOM)
    far_random = verdict_rates(d_random, same_random, who, who, at, at, seed=seed)[0]
    # The distance is −log p already, for which beta calibration is exact with this scale.
    rule = DecisionRule(
        at, choice.method, calibrator=fit_beta(d, same, scale=1.0), far=far, frr=frr, n_genuine=choice.n_genuine,
        n_impostor=choice.n_impostor, learned_on=learned_on, spread=spread(d, same),
    )  # fmt: skip
    return NumberRule(combination, rule, far_random)


def _mark(needed: BoolArray, trial: Trial) -> None:
    needed[np.ix_(trial.references, trial.references)] = True
    needed[np.ix_(trial.references, trial.probes)] = True
