"""What a search found: pairs from the nearest on, clusters, what could not be read, and what was undone in texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from twinnet.apps.plagiarism.measures import Shared
from twinnet.apps.plagiarism.prepared import Kind
from twinnet.core.types import Decision, Skipped
from twinnet.data.documents import Document, Finding


@dataclass(frozen=True, slots=True)
class Match:
    """Two documents by their ids; a is the suspect where one side are sources."""

    a: int
    b: int
    kind: Kind
    shared: Shared
    decision: Decision

    @property
    def probability(self) -> float:
        """Of being a copy, in a world where half of the pairs are."""
        return self.decision.probability or 0.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Owners joined by pairs that were called copies, and how many of their pairs were."""

    owners: tuple[str, ...]
    links: int
    probability: float  # of the strongest link


@dataclass(frozen=True, slots=True)
class Found:
    """`names` and `owners` by document id; `texts` of the documents in the pairs that are shown, by id."""

    names: Mapping[int, str]
    owners: Mapping[int, str]
    matches: tuple[Match, ...]
    texts: Mapping[int, Document]
    clusters: tuple[Cluster, ...]
    skipped: tuple[Skipped, ...]
    suspicious: tuple[tuple[str, tuple[Finding, ...]], ...]  # names of documents, and the tricks undone in them
    hidden: Mapping[int, int]  # words that did not count, by document id
    new_pairs: int  # compared in this run

    @property
    def copies(self) -> tuple[Match, ...]:
        """The pairs below the threshold."""
        return tuple(match for match in self.matches if match.decision.same)


def clusters_of(matches: tuple[Match, ...], owners: Mapping[int, str]) -> tuple[Cluster, ...]:
    """Connected parts of the graph of copies, largest first."""
    links = [match for match in matches if match.decision.same]
    if not links:
        return ()
    names = sorted({owners[i] for match in links for i in (match.a, match.b)})
    place = {name: i for i, name in enumerate(names)}
    ends = np.array([[place[owners[match.a]], place[owners[match.b]]] for match in links])
    graph = coo_array((np.ones(len(links)), (ends[:, 0], ends[:, 1])), (len(names), len(names)))
    part = connected_components(graph, directed=False)[1]
    found = []
    for number in range(part.max() + 1):
        inside = part[ends[:, 0]] == number
        joined = {tuple(sorted(pair)) for pair in ends[inside].tolist()}
        strongest = max(match.probability for match, here in zip(links, inside, strict=True) if here)
        members = tuple(names[i] for i in np.flatnonzero(part == number))
        found.append(Cluster(members, len(joined), strongest))
    return tuple(sorted(found, key=lambda c: (-len(c.owners), -c.probability, c.owners)))
