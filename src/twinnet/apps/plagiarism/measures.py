"""What two documents share, as a row of numbers from 0 (nothing) to about 1 (all), and the passages behind it.

Every measure depends on the two documents only, never on the others of a folder: adding a document changes none, and
`A B` gives the same as A and B in a crowd.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from twinnet.apps.plagiarism.align import Passage, aligned, covered, joined
from twinnet.apps.plagiarism.bags import bag_of, contained, whole
from twinnet.apps.plagiarism.chain import chained
from twinnet.apps.plagiarism.marks import runs
from twinnet.apps.plagiarism.prepared import EXACT_RUN, HOW, Kind, Prepared
from twinnet.core.types import BoolArray, FloatArray

MEASURES: Mapping[Kind, tuple[str, ...]] = {
    "prose": ("one", "two", "three", "five", "shared", "verbatim", "longest", "amount", "densest", "chain"),
    "code": (
        "letters", "unnamed", "tokens", "structure", "long_structure", "layout", "names", "strings", "numbers",
        "comments", "verbatim", "shared",
    ),
}  # fmt: skip
_MANY = 10.0  # log2 of 1024 words: a passage of that length is as much as can be


@dataclass(frozen=True, slots=True)
class Shared:
    """`measures` in the order of MEASURES, the passages, and the share of counted words of a, and of b, in them."""

    measures: FloatArray
    passages: tuple[Passage, ...]
    share_a: float
    share_b: float
    verbatim: int  # words in the longest run that is the same in both

    @property
    def words(self) -> int:
        """Words of a from the first to the last of each passage."""
        return sum(p.a[1] - p.a[0] + 1 for p in self.passages)


def measure(a: Prepared, b: Prepared) -> Shared:
    """Compare two documents of one kind."""
    parts = aligned(a.marks, b.marks, HOW[a.kind])
    # What lies between parts that are shown as one passage is not counted as shared.
    in_a, in_b = covered(parts, 0, len(a.words)) & a.counted, covered(parts, 1, len(b.words)) & b.counted
    n_a, n_b = max(1, int(a.counted.sum())), max(1, int(b.counted.sum()))
    share_a, share_b = float(in_a.sum() / n_a), float(in_b.sum() / n_b)
    passages = joined(parts, HOW[a.kind])
    exact, longest = _exact(a, b)
    found = {name: contained(bag, b.bags[name]) for name, bag in a.bags.items()}
    found["shared"] = max(share_a, share_b)
    found["longest"] = min(1.0, math.log2(1 + longest) / _MANY)
    found["amount"] = min(1.0, math.log2(1 + min(in_a.sum(), in_b.sum())) / _MANY)
    found["chain"] = min(1.0, math.log2(1 + chained(a.telling, b.telling)) / _MANY)
    found["densest"] = min(1.0, math.log2(1 + max((_dense(p, in_a, in_b) for p in passages), default=0.0)) / _MANY)
    if a.kind == "prose":
        found["verbatim"] = float(exact.sum() / (n_a if len(exact) == len(a.words) else n_b))
    else:  # rises steeply near 1: a program that is the same token by token is a copy, however short
        found["verbatim"] = -math.log(1.02 - found["tokens"]) / -math.log(0.02)
    row = np.array([found[name] for name in MEASURES[a.kind]], np.float64)
    return Shared(row, tuple(passages), share_a, share_b, longest)


def _dense(passage: Passage, in_a: BoolArray, in_b: BoolArray) -> float:
    """Shared words of a passage times their share of it: a short copy in a long text of one's own is seen by this."""
    spans = [slice(first, last + 1) for first, last in (passage.a, passage.b)]
    shared = min(int(in_a[spans[0]].sum()), int(in_b[spans[1]].sum()))
    return float(shared**2 / max(span.stop - span.start for span in spans))


def _exact(a: Prepared, b: Prepared) -> tuple[BoolArray, int]:
    """Which words of the shorter document stand in a run of EXACT_RUN that the other has, and the longest such run."""
    if a.counted.sum() > b.counted.sum():
        a, b = b, a
    keys = runs(a.exact, EXACT_RUN)
    other = bag_of(b.exact, (EXACT_RUN,), b.counted).keys
    hit = whole(a.counted, EXACT_RUN) & np.isin(keys, other)
    found = np.zeros(len(a.words), np.bool_)
    for step in range(EXACT_RUN):
        found[step : step + len(hit)] |= hit
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hit.astype(np.int8), [0]])))
    longest = int((edges[1::2] - edges[::2]).max()) + EXACT_RUN - 1 if len(edges) else 0
    return found, longest
