"""Pairs → groups: union-find, then a look at each group as a whole, so that a chain of small steps joins nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from twinnet.core.types import FloatArray, IntArray

Between = Callable[[IntArray, IntArray], FloatArray]
"""Rows `(P,)` and `(P,)` → their distances `(P,)`."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of pictures that are copies of one: the `medoid`, nearest to all, comes first.

    `farthest` is the largest distance from the medoid, `weakest` the largest of the links without which the group
    would fall apart.
    """

    rows: tuple[int, ...]
    farthest: float
    weakest: float


def groups(first: IntArray, second: IntArray, distance: FloatArray, between: Between, limit: float) -> list[Group]:
    """Groups of links `first, second, distance (P,)`, largest first.

    Union-find by ascending distance (Kruskal 1956), so that each group comes with its minimum spanning tree. A group
    with a member at `limit` or more from its medoid is a chain: it is cut at its weakest link, again and again.
    """
    parent: dict[int, int] = {}
    trees: dict[int, list[tuple[float, int, int]]] = {}
    for p in np.argsort(distance, kind="stable"):
        a, b = int(first[p]), int(second[p])
        root_a, root_b = _root(parent, a), _root(parent, b)
        if root_a != root_b:
            parent[root_b] = root_a
            trees[root_a] = [*trees.pop(root_a, []), *trees.pop(root_b, []), (float(distance[p]), a, b)]
    found = [group for tree in trees.values() for group in _whole(tree, between, limit)]
    return sorted(found, key=lambda group: (-len(group.rows), group.rows))


def _whole(tree: list[tuple[float, int, int]], between: Between, limit: float) -> list[Group]:
    done, waiting = [], [tree]
    while waiting:
        edges = waiting.pop()
        if not edges:
            continue
        members = np.array(sorted({row for _, a, b in edges for row in (a, b)}))
        centre, far = _medoid(members, edges, between)
        if far < limit:
            rest = [int(row) for row in members if row != centre]
            done.append(Group((centre, *rest), far, max(edge[0] for edge in edges)))
            continue
        weakest = max(edges)
        waiting += _cut([edge for edge in edges if edge is not weakest], weakest[1])
    return done


def _medoid(members: IntArray, edges: list[tuple[float, int, int]], between: Between) -> tuple[int, float]:
    """The member with the smallest mean distance to the others, and its largest; of many, the best linked one."""
    if len(members) > 30:  # all pairs of thousands of copies would cost more than the search
        linked = np.bincount([np.searchsorted(members, row) for _, a, b in edges for row in (a, b)])
        centre = int(members[int(linked.argmax())])
        others = members[members != centre]
        return centre, float(between(np.full(len(others), centre), others).max())
    i, j = np.triu_indices(len(members), 1)
    d = np.zeros((len(members), len(members)))
    d[i, j] = d[j, i] = between(members[i], members[j])
    best = int(d.mean(1).argmin())
    return int(members[best]), float(d[best].max())


def _cut(edges: list[tuple[float, int, int]], one: int) -> list[list[tuple[float, int, int]]]:
    """The two trees that are left, the one with `one` first."""
    reached, grew = {one}, True
    while grew:
        more = {row for _, a, b in edges for row in (a, b) if a in reached or b in reached}
        grew = not more <= reached
        reached |= more
    return [[e for e in edges if e[1] in reached], [e for e in edges if e[1] not in reached]]


def _root(parent: dict[int, int], row: int) -> int:
    path = []
    while (up := parent.setdefault(row, row)) != row:
        path.append(row)
        row = up
    for one in path:
        parent[one] = row
    return row
