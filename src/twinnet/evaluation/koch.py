"""Protocol `koch`: verification pairs over Omniglot, as in Koch, Zemel & Salakhutdinov (2015), section 4.2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from twinnet.core.errors import ConfigError, DataError, TooFewIdentities
from twinnet.core.seeds import stream
from twinnet.core.types import IntArray, Pairs
from twinnet.decide import DecisionRule
from twinnet.evaluation.result import Result
from twinnet.evaluation.verification import PairDistances, verification_of_pairs


def koch(
    distance: PairDistances,
    identities: IntArray,
    groups: IntArray,
    sessions: IntArray,
    *,
    pairs: int = 10_000,
    drawers: Sequence[int] | None = None,
    rule: DecisionRule | None = None,
    replicates: int = 400,
    seed: int = 0,
) -> Result:
    """Verify characters `identities (N,)` of alphabets `groups (N,)` by drawers `sessions (N,)`, on `koch_pairs`.

    In the paper the network learned from 30 alphabets by 12 drawers, and these 10,000 pairs are of 10 other alphabets
    by 4 other drawers. Nothing here can see what a network learned from: give what it did not.
    `distance` is `evaluation.paired(embeddings, comparison)` for arrays. Raises as `koch_pairs` does.
    """
    drawn = koch_pairs(identities, groups, sessions, pairs=pairs, drawers=drawers, seed=seed)
    first, second = identities[drawn.first], identities[drawn.second]
    found = verification_of_pairs(
        distance(drawn.first, drawn.second), drawn, first, second, rule=rule, replicates=replicates, seed=seed
    )
    used = np.unique(sessions if drawers is None else np.asarray(drawers))
    alphabets = len(np.unique(groups[drawn.first]))
    ends = np.sort(np.stack([drawn.first, drawn.second]), axis=0)
    counts = {
        **found.counts,
        "distinct_pairs": np.unique(ends, axis=1).shape[1],
        "alphabets": alphabets,
        "drawers": len(used),
    }
    notes = (
        f"pairs of {alphabets} alphabets, within one alphabet each, by the drawers {', '.join(map(str, used))}; both "
        "items of every pair are by different drawers",
        "drawers and alphabets must be others than those of training; alphabets are checked by the model's record of "
        "identities where it has one, drawers are not recorded",
    )
    return replace(found, protocol=f"koch {len(drawn):,} pairs", counts=counts, notes=notes)


def koch_pairs(
    identities: IntArray,
    groups: IntArray,
    sessions: IntArray,
    *,
    pairs: int = 10_000,
    drawers: Sequence[int] | None = None,
    seed: int = 0,
) -> Pairs:
    """Half genuine, half impostor, all within one alphabet and by two drawers; by `drawers` alone where given.

    Each pair draws its alphabet evenly, then a character, or two, then two drawers. Impostors are by two drawers as
    well, or the hand would tell them. Pairs are drawn with replacement: 10 alphabets by 4 drawers have fewer than
    5,000 genuine ones. Raises ConfigError for an odd or small number, DataError for lengths, or drawers that are not
    there, TooFewIdentities where no alphabet has two characters by two drawers.
    """
    if pairs < 2 or pairs % 2:
        raise ConfigError(f"koch draws as many genuine as impostor pairs: an even number, 2 or more, not {pairs}.")
    if not len(identities) == len(groups) == len(sessions):
        raise DataError(f"{len(identities)} identities, {len(groups)} groups, {len(sessions)} sessions: one per item.")
    keep = np.arange(len(identities))
    if drawers is not None:
        if missing := sorted(set(drawers) - set(sessions.tolist())):
            raise DataError(f"nothing is drawn by drawer {missing[0]}. Known: {_few(sessions)}.")
        keep = keep[np.isin(sessions, np.asarray(drawers))]
    pools = [p for p in (_by_character(keep[groups[keep] == g], identities, sessions) for g in np.unique(groups)) if p]
    if not pools:
        raise TooFewIdentities("no alphabet has two characters that two of the drawers drew. Next: name more drawers.")
    rng = stream(seed, "koch")
    rows = [_genuine(pools[rng.integers(len(pools))], sessions, rng) for _ in range(pairs // 2)]
    rows += [_impostor(pools[rng.integers(len(pools))], sessions, rng) for _ in range(pairs // 2)]
    first, second = np.array(rows, np.int64).T
    return Pairs(first, second, np.arange(pairs) < pairs // 2)


def _by_character(pool: IntArray, identities: IntArray, sessions: IntArray) -> list[IntArray]:
    """The items of each character that at least two drawers drew; empty where those are not two characters."""
    found = [pool[identities[pool] == name] for name in np.unique(identities[pool])]
    found = [items for items in found if len(np.unique(sessions[items])) > 1]
    return found if len(found) > 1 else []


def _genuine(characters: list[IntArray], sessions: IntArray, rng: np.random.Generator) -> tuple[int, int]:
    items = characters[rng.integers(len(characters))]
    return _apart(items, items, sessions, rng)


def _impostor(characters: list[IntArray], sessions: IntArray, rng: np.random.Generator) -> tuple[int, int]:
    one, other = rng.choice(len(characters), 2, replace=False)
    return _apart(characters[one], characters[other], sessions, rng)


def _apart(one: IntArray, other: IntArray, sessions: IntArray, rng: np.random.Generator) -> tuple[int, int]:
    a = rng.choice(one)
    return int(a), int(rng.choice(other[sessions[other] != sessions[a]]))  # never empty: two drawers drew each


def _few(sessions: IntArray) -> str:
    known = np.unique(sessions)
    return ", ".join(map(str, known[:30])) + (" …" if len(known) > 30 else "")
