"""Which items go into a batch. Every batch depends on the seed and its step alone, so a resumed run draws the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinnet.core.errors import TooFewIdentities
from twinnet.core.seeds import stream
from twinnet.core.types import IntArray, Pairs, Triplets


@dataclass(frozen=True, slots=True)
class PKBatch:
    """`items (P·K,)`, their `labels (P·K,)` in 0 … n_identities − 1, and the `block (P·K,)`: which draw of a group."""

    items: IntArray
    labels: IntArray
    block: IntArray


class PKSampler:
    """P identities × K items (Hermans, Beyer & Leibe 2017): all pairs and triplets are then formed inside the batch.

    With `blocks` = b > 0, the P identities come from b groups, P/b of each: from one alphabet they are much harder to
    tell apart than from all. A group with fewer identities gives all it has and the next group fills up.
    An identity with fewer than K items gives some twice; augmentation makes them differ.
    """

    def __init__(
        self, identities: IntArray, p: int, k: int, *, seed: int, groups: IntArray | None = None, blocks: int = 0
    ) -> None:
        order = np.argsort(identities, kind="stable")
        names, starts = np.unique(identities[order], return_index=True)
        self._members = np.split(order, starts[1:])  # per identity: its items
        if len(names) < 2:
            raise TooFewIdentities(f"training needs at least 2 identities to tell apart; this data has {len(names)}.")
        if all(len(members) < 2 for members in self._members):
            raise TooFewIdentities(
                f"none of the {len(names)} identities has 2 items, so there is no genuine pair to learn from. "
                "Next: add items, or give pairs."
            )
        self.p, self.k, self.seed = min(p, len(names)), k, seed
        self.n_identities = len(names)
        self._groups: list[IntArray] = []
        if blocks and groups is not None:
            of_identity = groups[[members[0] for members in self._members]]
            self._groups = [np.flatnonzero(of_identity == g) for g in np.unique(of_identity)]
        self._blocks = min(blocks, len(self._groups))

    def batch(self, step: int) -> PKBatch:
        """The batch of this step."""
        rng = stream(self.seed, "batch", step)
        chosen, block = self._choose(rng)
        members = [self._members[i] for i in chosen]
        items = [rng.choice(m, self.k, replace=len(m) < self.k) for m in members]  # P × (K,)
        return PKBatch(np.concatenate(items), np.repeat(chosen, self.k), np.repeat(block, self.k))

    def _choose(self, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
        if not self._blocks:
            return rng.choice(len(self._members), self.p, replace=False), np.zeros(self.p, np.int64)
        parts: list[IntArray] = []
        wanted = self.p
        for left, g in enumerate(rng.permutation(len(self._groups))):
            share = -(-wanted // max(1, self._blocks - left))  # what is wanted, spread over the blocks still to come
            members = self._groups[g]
            parts.append(rng.choice(members, min(share, len(members), wanted), replace=False))
            wanted -= len(parts[-1])
            if not wanted:
                break
        return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])


class TupleSampler:
    """Batches of given pairs or triplets, `size` at a time, each epoch in a new order; the items of one come once."""

    def __init__(self, tuples: Pairs | Triplets, size: int, *, seed: int, genuine_share: float | None = None) -> None:
        if not len(tuples):
            raise TooFewIdentities("there are no pairs or triplets to learn from.")
        self.size, self.seed = min(size, len(tuples)), seed
        self._tuples = tuples
        self._genuine_share = genuine_share if isinstance(tuples, Pairs) else None

    def batch(self, step: int) -> tuple[IntArray, Pairs | Triplets]:
        """The distinct items `(B,)` of this step, and the tuples renumbered to rows of them."""
        rows = self._rows(step)
        t = self._tuples
        columns = [t.first, t.second] if isinstance(t, Pairs) else [t.anchor, t.positive, t.negative]
        items, inverse = np.unique(np.concatenate([column[rows] for column in columns]), return_inverse=True)
        local = inverse.reshape(len(columns), len(rows))
        if isinstance(t, Pairs):
            return items, Pairs(local[0], local[1], t.same[rows])
        return items, Triplets(local[0], local[1], local[2])

    def _rows(self, step: int) -> IntArray:
        t = self._tuples
        if isinstance(t, Pairs) and self._genuine_share is not None:
            rng = stream(self.seed, "pairs", step)
            n = round(self.size * self._genuine_share)
            kinds = [(np.flatnonzero(t.same), n), (np.flatnonzero(~t.same), self.size - n)]
            return np.concatenate([rng.choice(kind, m) for kind, m in kinds if len(kind) and m])
        per_epoch = max(1, len(t) // self.size)
        epoch, position = divmod(step, per_epoch)
        order = stream(self.seed, "epoch", epoch).permutation(len(t))
        return order[position * self.size : (position + 1) * self.size]
