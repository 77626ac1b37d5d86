"""Protocol `nway`: N-way K-shot episodes. One embedding per class is stored; each probe goes to the nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import t as student

from twinnet.core.errors import ConfigError, DataError, TooFewIdentities
from twinnet.core.seeds import stream
from twinnet.core.types import Episode, FloatArray, IntArray, Interval
from twinnet.decide import clopper_pearson
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
    """Accuracy over episodes with a 95 % interval of its mean: how far other episodes from the same items would differ.

    With `groups (N,)` all classes of an episode are of one group, the hard case, and groups take turns. With
    `sessions (N,)` support and probe are by two different ones (drawers), and every session gives the support in turn.
    For arrays of embeddings, `distance` is `evaluation.templates(embeddings, cross)`.
    Raises TooFewIdentities when no group has `ways` classes, DataError for distances that are NaN.
    """
    _check(identities, ways, shots, episodes, groups, sessions)
    right, of_group = [], []
    for episode in _episodes(identities, ways, shots, episodes, seed, groups, sessions):
        right.append(_share_right(distance(episode.support, episode.probe), episode))
        of_group.append(groups[episode.probe[0]] if groups is not None else 0)
    accuracy = np.array(right)
    metrics = {"accuracy": _of_episodes(accuracy, ways), "error": _of_episodes(1 - accuracy, ways)}
    kind = "within one group" if groups is not None else "mixed classes"
    apart = ", support and probe by different sessions" if sessions is not None else ""
    counts = {"ways": ways, "shots": shots, "episodes": len(accuracy), "identities": len(np.unique(identities))}
    arrays = {"accuracy": accuracy, "group": np.array(of_group)}
    return Result(f"nway {ways}-way {shots}-shot {kind}{apart}", metrics, counts, seed=seed, arrays=arrays)


def one_shot_within_groups(
    distance: Templates,
    identities: IntArray,
    groups: IntArray,
    sessions: IntArray,
    *,
    ways: int = 20,
    rounds: int = 1,
    seed: int = 0,
) -> Result:
    """One-shot reading inside each group (alphabet): every session (drawer) gives the support once in every round.

    The same protocol as `nway` with groups and sessions, with as many episodes as all turns take; `arrays` has the
    accuracy `(E,)` and the group `(E,)` of each episode.
    """
    big = [g for g in np.unique(groups) if len(np.unique(identities[groups == g])) >= ways]
    turns = max((len(np.unique(sessions[groups == g])) for g in big), default=1)
    episodes = max(1, len(big) * turns * rounds)
    return nway(distance, identities, ways=ways, episodes=episodes, seed=seed, groups=groups, sessions=sessions)


def _share_right(d: FloatArray, episode: Episode) -> float:
    """The share of probes whose own class is nearest; a tie counts as the chance of guessing right among the tied."""
    if d.shape != (len(episode.probe), len(episode.support)):
        raise DataError(f"{len(episode.probe)} probes and {len(episode.support)} classes gave distances {d.shape}.")
    if np.isnan(d).any():
        raise DataError("a distance of an episode is NaN. Next: find the items whose embedding is not finite.")
    nearest = d == d.min(1, keepdims=True)  # (Q, N)
    own = nearest[np.arange(len(d)), episode.target]
    return float(np.mean(own / nearest.sum(1)))


def _of_episodes(share: FloatArray, ways: int) -> Interval:
    """Student's t over episodes. Where all came out alike they show no spread, and all probes together are counted."""
    n, mean = len(share), float(share.mean())
    if n > 1 and (spread := float(share.std(ddof=1))) > 0:
        half = float(student.ppf(0.975, n - 1)) * spread / np.sqrt(n)
        return Interval(max(0.0, mean - half), mean, min(1.0, mean + half), 0.95, f"Student's t over {n} episodes")
    exact = clopper_pearson(round(mean * n * ways), n * ways)
    method = "Clopper-Pearson, probes taken as independent"
    return Interval(min(mean, exact.low), mean, max(mean, exact.high), 0.95, method)


def _check(
    identities: IntArray, ways: int, shots: int, episodes: int, groups: IntArray | None, sessions: IntArray | None
) -> None:
    if min(ways, shots, episodes) < 1:
        raise ConfigError(f"ways, shots and episodes start at 1; got {ways}, {shots}, {episodes}.")
    for name, values in (("groups", groups), ("sessions", sessions)):
        if values is not None and len(values) != len(identities):
            raise ConfigError(
                f"{len(identities):,} identities and {len(values):,} {name}: one each per item is needed."
            )


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
    drawn = []
    for name in rng.permutation(np.unique(identities[pool])):
        mine = pool[identities[pool] == name]
        left, right = mine[sessions[mine] == by], mine[sessions[mine] == other]
        if len(left) >= shots and len(right):
            drawn.append((rng.choice(left, shots, replace=False), rng.choice(right)))
        if len(drawn) == ways:
            break
    if len(drawn) < ways:
        raise TooFewIdentities(
            f"{ways}-way episodes need {ways} identities with {shots} items of session {by} and one of {other}; "
            f"there are {len(drawn)}."
        )
    return Episode(np.stack([s for s, _ in drawn]), np.array([p for _, p in drawn]), np.arange(ways))
