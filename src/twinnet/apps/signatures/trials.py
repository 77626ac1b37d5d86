"""Who is compared with whom: some references of a writer, and probes of three kinds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from twinnet.apps.signatures.layout import Signatures
from twinnet.core.seeds import stream
from twinnet.core.types import IntArray

GENUINE, SKILLED, RANDOM = 0, 1, 2
"""Kinds of probe: the writer's own; a forgery of his; somebody else's own signature, handed in as his."""

_RANDOM = 8  # strangers' signatures tried against each writer's references


@dataclass(frozen=True, slots=True)
class Trial:
    """`references (R,)`, `probes (P,)` as rows of the data, and the kind `(P,)` of each probe."""

    writer: int
    references: IntArray
    probes: IntArray
    kind: IntArray


def trials(known: Signatures, n_references: int, *, draws: int = 10, seed: int = 0) -> Iterator[Trial]:
    """For each writer with more own signatures than that, some draws of references; all others are his probes.

    Draws of references are a function of the seed, the number and the writer's name, whoever else is in the data.
    """
    writers, genuine = known.writers, known.genuine
    for writer in np.unique(writers):
        own = np.flatnonzero((writers == writer) & genuine)
        if len(own) <= n_references:
            continue
        forged = np.flatnonzero((writers == writer) & ~genuine)
        others = np.flatnonzero((writers != writer) & genuine)
        name = known.data.group_names[writer]
        strangers = stream(seed, "strangers", name).choice(others, min(_RANDOM, len(others)), replace=False)
        rng = stream(seed, "references", n_references, name)
        one_each = rng.permutation(own)[:draws, None]  # no reference twice where there is only one of them
        several = [np.sort(rng.choice(own, n_references, replace=False)) for _ in range(draws)]
        for references in one_each if n_references == 1 else several:
            mine = np.setdiff1d(own, references)
            probes = np.concatenate([mine, forged, strangers])
            kind = np.repeat([GENUINE, SKILLED, RANDOM], [len(mine), len(forged), len(strangers)])
            yield Trial(int(writer), references, probes, kind)
