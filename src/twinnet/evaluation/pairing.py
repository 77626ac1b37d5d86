"""Which pairs of a labelled set are compared: all of them, or a seeded sample when there are too many."""

from __future__ import annotations

import numpy as np

from twinnet.core.errors import TooFewIdentities
from twinnet.core.seeds import stream
from twinnet.core.types import IntArray, Pairs

MAX_PAIRS = 200_000


def pairs_to_compare(identities: IntArray, *, max_pairs: int = MAX_PAIRS, seed: int = 0) -> Pairs:
    """All pairs i < j of `(N,)` identities; above `max_pairs`, at most half of that of each kind, drawn by seed.

    Raises TooFewIdentities when there is no genuine or no impostor pair.
    """
    n = len(identities)
    names, counts = np.unique(identities, return_counts=True)
    if len(names) < 2 or max(counts, default=0) < 2:
        raise TooFewIdentities(
            f"{n:,} items of {len(names):,} identities, at most {counts.max() if n else 0} of one: verification needs "
            "two identities, and one with two items. Next: add items, or hold more identities out."
        )
    if n * (n - 1) // 2 <= max_pairs:
        first, second = np.triu_indices(n, 1)
        return Pairs(first, second, identities[first] == identities[second])
    rng = stream(seed, "pairs")
    order = np.argsort(identities, kind="stable")
    genuine = _genuine(np.split(order, np.cumsum(counts)[:-1]), max_pairs // 2, rng)
    impostor = _impostor(identities, max_pairs - len(genuine[0]), rng)
    first, second = np.concatenate([genuine[0], impostor[0]]), np.concatenate([genuine[1], impostor[1]])
    return Pairs(first, second, np.arange(len(first)) < len(genuine[0]))


def _genuine(members: list[IntArray], most: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    left, right = [], []
    for items in members:
        a, b = np.triu_indices(len(items), 1)
        left.append(items[a])
        right.append(items[b])
    first, second = np.concatenate(left), np.concatenate(right)
    if len(first) > most:
        keep = np.sort(rng.choice(len(first), most, replace=False))
        first, second = first[keep], second[keep]
    return first, second


def _impostor(identities: IntArray, most: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    n = len(identities)
    codes = np.empty(0, np.int64)
    # Drawn with rejection: i = j, the same identity, and pairs drawn before are thrown away.
    for _ in range(20):
        i, j = rng.integers(0, n, (2, 2 * most))
        low, high = np.minimum(i, j), np.maximum(i, j)
        codes = np.unique(np.concatenate([codes, (low * n + high)[identities[i] != identities[j]]]))
        if len(codes) >= most:
            break
    codes = rng.permutation(codes)[:most]
    return codes // n, codes % n
