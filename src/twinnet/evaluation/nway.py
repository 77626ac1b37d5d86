"""Protocol `nway`: N-way K-shot episodes. One embedding per class is stored; each probe goes to the nearest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from twinnet.core.errors import ConfigError
from twinnet.core.types import FloatArray, IntArray
from twinnet.evaluation.episodes import EpisodeRules
from twinnet.evaluation.episodes import episodes as drawn
from twinnet.evaluation.nearest import checked_distances, mean_interval, right
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
    if episodes < 1:
        raise ConfigError(f"episodes start at 1; got {episodes}.")
    shares, of_group = [], []
    for episode in drawn(EpisodeRules(identities, ways, shots, groups, sessions), episodes, seed):
        found = checked_distances(distance(episode.support, episode.probe), len(episode.probe), len(episode.support))
        shares.append(float(right(found, episode.target).mean()))
        of_group.append(groups[episode.probe[0]] if groups is not None else 0)
    accuracy, probes = np.array(shares), episodes * ways
    metrics = {
        "accuracy": mean_interval(accuracy, probes, "episodes"),
        "error": mean_interval(1 - accuracy, probes, "episodes"),
    }
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
    count = max(1, len(big) * turns * rounds)
    return nway(distance, identities, ways=ways, episodes=count, seed=seed, groups=groups, sessions=sessions)
