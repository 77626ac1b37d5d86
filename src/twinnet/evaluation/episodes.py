"""Draws N-way K-shot episodes: from all classes or one group's; support and probe by two sessions where asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from twinnet.core.errors import ConfigError, TooFewIdentities
from twinnet.core.seeds import stream
from twinnet.core.types import Episode, IntArray


@dataclass(frozen=True, slots=True)
class EpisodeRules:
    """Who may meet in an episode. `identities (N,)`; `groups`, `sessions (N,)` where they limit it."""

    identities: IntArray
    ways: int
    shots: int
    groups: IntArray | None = None
    sessions: IntArray | None = None

    def __post_init__(self) -> None:
        if min(self.ways, self.shots) < 1:
            raise ConfigError(f"ways and shots start at 1; got {self.ways}, {self.shots}.")
        for name, values in (("groups", self.groups), ("sessions", self.sessions)):
            if values is not None and len(values) != len(self.identities):
                raise ConfigError(
                    f"{len(self.identities):,} identities and {len(values):,} {name}: one each per item is needed."
                )

    def pools(self) -> list[IntArray]:
        """The items that one episode may draw from: one pool a group. Raises TooFewIdentities where none is enough."""
        everything = np.arange(len(self.identities))
        pools = [everything] if self.groups is None else [everything[self.groups == g] for g in np.unique(self.groups)]
        pools = [pool for pool in pools if len(np.unique(self.identities[pool])) >= self.ways]
        if not pools:
            most = "no group has" if self.groups is not None else "the data does not have"
            raise TooFewIdentities(
                f"{self.ways}-way episodes need {self.ways} identities, and {most} so many. Next: lower --ways."
            )
        return pools


def episodes(rules: EpisodeRules, count: int, seed: int) -> Iterator[Episode]:
    """`count` episodes; groups take turns, and within a group every session gives the support in turn."""
    pools = rules.pools()
    for number in range(count):
        rng = stream(seed, "episode", number)
        pool, turn = pools[number % len(pools)], number // len(pools)
        yield (
            _mixed(rules, pool, rng) if rules.sessions is None else _by_session(rules, rules.sessions, pool, turn, rng)
        )


def _mixed(rules: EpisodeRules, pool: IntArray, rng: np.random.Generator) -> Episode:
    ways, shots, own = rules.ways, rules.shots, rules.identities[pool]
    names, counts = np.unique(own, return_counts=True)
    names = names[counts > shots]
    if len(names) < ways:
        raise TooFewIdentities(
            f"{ways}-way {shots}-shot episodes need {ways} identities with {shots + 1} items each; "
            f"there are {len(names)}."
        )
    chosen = rng.choice(names, ways, replace=False)
    table = np.stack([rng.choice(pool[own == name], shots + 1, replace=False) for name in chosen])  # (N, K + 1)
    return Episode(table[:, :shots], table[:, shots], np.arange(ways))


def _by_session(
    rules: EpisodeRules, sessions: IntArray, pool: IntArray, turn: int, rng: np.random.Generator
) -> Episode:
    ways, shots, identities = rules.ways, rules.shots, rules.identities
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
            return Episode(np.stack([s for s, _ in drawn]), np.array([p for _, p in drawn]), np.arange(ways))
    raise TooFewIdentities(
        f"{ways}-way episodes need {ways} identities with {shots} items of session {by} and one of {other}; "
        f"there are {len(drawn)}."
    )
