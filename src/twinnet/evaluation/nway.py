"""Protocol `nway`: N-way K-shot episodes. One embedding per class is stored; each probe goes to the nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import norm

from twinnet.core.errors import ConfigError, TooFewIdentities
from twinnet.core.seeds import stream
from twinnet.core.types import Episode, FloatArray, IntArray, Interval
from twinnet.evaluation.result import Result

Templates = Callable[[IntArray, IntArray], FloatArray]
"""`support (N, K)`, `probe (Q,)` item numbers → distances `(Q, N)` of each probe to each class's template."""


def nway(
    distance: Templates,
    identities: IntArray,
    *,
    ways: int = 20,
    shots: int = 1,
    episodes: int = 400,
    seed: int = 0,
    groups: IntArray | None = None,
    sessions: IntArray | None = None,
) -> Result:
    """Accuracy over episodes with a 95 % interval of its mean.

    With `groups (N,)` all classes of an episode are of one group, the hard case, and groups take turns. With
    `sessions (N,)` support and probe are by two different ones (drawers), and every session gives the support in turn.
    Raises TooFewIdentities when no group has `ways` classes.
    """
    if min(ways, shots, episodes) < 1:
        raise ConfigError(f"ways, shots and episodes must be at least 1; got {ways}, {shots} and {episodes}.")
    right = []
    for episode in _episodes(identities, ways, shots, episodes, seed, groups, sessions):
        d = distance(episode.support, episode.probe)  # (Q, N)
        nearest = d.min(1)
        own = d[np.arange(len(d)), episode.target]
        # A tie is counted as the chance of guessing right among the tied.
        right.append(np.mean((own == nearest) / (d == nearest[:, None]).sum(1)))
    accuracy = np.array(right)
    half = float(norm.ppf(0.975)) * accuracy.std(ddof=1) / np.sqrt(len(accuracy)) if len(accuracy) > 1 else np.nan
    mean = float(accuracy.mean())
    method = f"normal, over {len(accuracy)} episodes"
    metrics = {
        "accuracy": Interval(max(0.0, mean - half), mean, min(1.0, mean + half), 0.95, method),
        "error": Interval(max(0.0, 1 - mean - half), 1 - mean, min(1.0, 1 - mean + half), 0.95, method),
    }
    kind = "within one group" if groups is not None else "mixed classes"
    apart = ", support and probe by different sessions" if sessions is not None else ""
    counts = {"ways": ways, "shots": shots, "episodes": len(accuracy), "identities": len(np.unique(identities))}
    return Result(f"nway {ways}-way {shots}-shot {kind}{apart}", metrics, counts, seed=seed)


def _episodes(
    identities: IntArray,
    ways: int,
    shots: int,
    episodes: int,
    seed: int,
    groups: IntArray | None,
    sessions: IntArray | None,
) -> Iterator[Episode]:
    pools = [np.arange(len(identities))] if groups is None else [np.flatnonzero(groups == g) for g in np.unique(groups)]
    pools = [pool for pool in pools if len(np.unique(identities[pool])) >= ways]
    if not pools:
        most = "no group has" if groups is not None else "the data does not have"
        raise TooFewIdentities(f"{ways}-way episodes need {ways} identities, and {most} so many. Next: lower --ways.")
    for number in range(episodes):
        rng = stream(seed, "episode", number)
        pool = pools[number % len(pools)]
        turn = number // len(pools)
        yield (
            _by_session(identities, sessions, pool, ways, shots, turn, rng)
            if sessions is not None
            else _mixed(identities, pool, ways, shots, rng)
        )


def _mixed(identities: IntArray, pool: IntArray, ways: int, shots: int, rng: np.random.Generator) -> Episode:
    names, counts = np.unique(identities[pool], return_counts=True)
    names = names[counts > shots]
    if len(names) < ways:
        raise TooFewIdentities(
            f"{ways}-way {shots}-shot episodes need {ways} identities with {shots + 1} items each; "
            f"there are {len(names)}."
        )
    chosen = rng.choice(names, ways, replace=False)
    drawn = [rng.choice(pool[identities[pool] == name], shots + 1, replace=False) for name in chosen]
    table = np.stack(drawn)  # (N, K + 1)
    return Episode(table[:, :shots], table[:, shots], np.arange(ways))


def _by_session(
    identities: IntArray,
    sessions: IntArray,
    pool: IntArray,
    ways: int,
    shots: int,
    turn: int,
    rng: np.random.Generator,
) -> Episode:
    names = np.unique(sessions[pool])
    if len(names) < 2:
        raise TooFewIdentities("support and probe by different sessions need at least two sessions.")
    by = names[turn % len(names)]
    other = rng.choice(names[names != by])
    chosen = rng.permutation(np.unique(identities[pool]))[:ways]
    support, probe = [], []
    for name in chosen:
        mine = pool[identities[pool] == name]
        left, right = mine[sessions[mine] == by], mine[sessions[mine] == other]
        if len(left) < shots or not len(right):
            raise TooFewIdentities(f"session {by} or {other} has too few items of an identity for {shots} shots.")
        support.append(rng.choice(left, shots, replace=False))
        probe.append(rng.choice(right))
    return Episode(np.stack(support), np.array(probe), np.arange(ways))
