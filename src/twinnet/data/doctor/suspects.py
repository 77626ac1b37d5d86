"""Items that may be filed under the wrong identity: what is nearest to them is all somebody else's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, IntArray

NEIGHBOURS = 3
"""So many nearest items must agree, and so many of the item's own are looked at: one other mistake misleads nobody."""
MARGIN = 1.3
"""The own items must be this many times as far as the others'."""
TRUSTED = 0.8
"""Below this share of items whose nearest is their own, nearness says too little about identity to accuse anybody."""

_BLOCK = 512


@final
@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Items `(S,)`, the identity each seems to be of, and how many times as far its own are; worst first.

    `agreement` is the share of all items whose nearest neighbour is of their own identity; below `TRUSTED` nobody is
    named.
    """

    items: IntArray
    seems: IntArray
    margin: FloatArray
    agreement: float

    @property
    def trusted(self) -> bool:
        """Whether nearness says enough about identity here."""
        return self.agreement >= TRUSTED


def suspects(vectors: npt.NDArray[np.float32], labels: IntArray, progress: Progress = SILENT) -> Suspects:
    """Leave-one-out nearest neighbours of `vectors (N, D)` of length 1, with identities `labels (N,)`.

    An item is suspect where its three nearest are all of one other identity, and its third nearest own item (the
    farthest, where it has fewer) is at least `MARGIN` times as far as the third of those. Items alone in their
    identity have no own items, and are not judged.
    """
    n = len(vectors)
    margin, seems = np.zeros(n), np.full(n, -1, np.int64)
    agreed, judged = 0, 0
    counts = np.bincount(labels, minlength=1)
    with progress.task("Comparing neighbours", n) as task:
        for start in range(0, n, _BLOCK) if n > NEIGHBOURS else ():
            rows = np.arange(start, min(start + _BLOCK, n))
            near = vectors[rows] @ vectors.T  # (B, N) cosines
            near[np.arange(len(rows)), rows] = -np.inf
            nearest = np.argpartition(-near, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]  # (B, 3) in no order
            theirs = np.take_along_axis(near, nearest, axis=1)
            best = nearest[np.arange(len(rows)), theirs.argmax(axis=1)]
            has_own = counts[labels[rows]] > 1
            agreed += int((labels[best] == labels[rows])[has_own].sum())
            judged += int(has_own.sum())
            other = labels[nearest[:, 0]]
            unanimous = (labels[nearest] == other[:, None]).all(axis=1) & (other != labels[rows]) & has_own
            for b in np.flatnonzero(unanimous):
                own = near[b, labels == labels[rows[b]]]  # with itself, at −inf
                third = np.sort(own[np.isfinite(own)])[::-1][:NEIGHBOURS][-1]
                margin[rows[b]] = _distance(third) / max(_distance(theirs[b].min()), 1e-6)
                seems[rows[b]] = other[b]
            task.advance(len(rows))
    found = np.flatnonzero(margin >= MARGIN)
    found = found[np.argsort(-margin[found], kind="stable")]
    agreement = agreed / judged if judged else 0.0
    if agreement < TRUSTED:
        found = found[:0]
    return Suspects(found, seems[found], margin[found], agreement)


def _distance(cosine: float) -> float:
    return float(np.sqrt(max(0.0, 2 - 2 * float(cosine))))  # Euclidean, of vectors of length 1
