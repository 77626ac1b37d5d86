"""Protocol `retrieval`: every item asks for the others of its identity; what stands at the top?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import ConfigError, DataError, TooFewIdentities
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, IntArray, Interval
from twinnet.decide import over_identities
from twinnet.evaluation.blocks import in_threads, numbered, workers
from twinnet.evaluation.crosses import Cross, Vectors, as_cross
from twinnet.evaluation.ranked import Items, ranks, strips
from twinnet.evaluation.result import Result, bare


def retrieval(
    embeddings: Vectors,
    identities: npt.ArrayLike,
    cross: Cross | str,
    *,
    groups: npt.ArrayLike | None = None,
    at: Sequence[int] = (1, 5, 10),
    max_memory: int = 1 << 30,
    replicates: int = 400,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Result:
    """Rank all `embeddings (N, D)` for each of them: Recall@K, Precision@1, R-precision and MAP@R.

    A match is another item of the same of `identities (N,)`. With `groups (N,)` it must also be of another group, and
    no item of the query's own group is ranked. Queries without any match are left out and counted. A match stands
    behind all others at the same distance, so that ties never flatter. `cross` gives distances `(n, D), (m, D)` →
    `(n, m)` and is called by several threads at once; "euclidean" and "cosine" name fast ones.

    Of a query with R matches, recall at K is 1 when any is among the first K; R-precision is the share of matches among
    the first R; average precision at R is the mean over i ≤ R of the precision at i where the i-th is a match and 0
    where it is not (Musgrave, Belongie & Lim 2020). Figures are means over queries; intervals are of the bootstrap over
    identities of the queries, and `replicates` 0 leaves them out. Blocks keep within `max_memory` bytes.

    Raises TooFewIdentities where no query has a match, ConfigError for a K below 1 or too little memory, DataError for
    shapes that do not match, CalibrationError for a distance that is not finite.
    """
    if not at or min(at) < 1:
        raise ConfigError(f"recall at K needs K of 1 or more; got {tuple(at)}.")
    items, order = _in_order(embeddings, identities, groups)
    queries = np.flatnonzero(items.matches)
    if not len(queries):
        where = " in another group" if items.grouped else ""
        raise TooFewIdentities(
            f"none of {len(order):,} items has another of its identity{where}. Next: add items, or take other groups."
        )
    # Fewest matches first: those of one block then need about the same number of neighbours.
    queries = queries[np.argsort(items.matches[queries], kind="stable")]
    threads = workers()
    parts, columns = strips(items, queries, max(at), max_memory, threads)
    compare = as_cross(cross)

    def judge(rows: IntArray) -> FloatArray:
        return np.array([_scores(rank, at) for rank in ranks(items, compare, rows, max(at), columns)])

    scores = np.empty((len(queries), len(at) + 3))
    done = 0
    with progress.task("queries", len(queries)) as task:
        for found in in_threads(judge, parts, threads):
            scores[done : done + len(found)] = found
            done += len(found)
            task.advance(len(found))
    names = [*(f"recall_at_{k}" for k in at), "precision_at_1", "r_precision", "map_at_r"]
    who = items.who[queries]
    metrics = dict(zip(names, _means(scores, who, replicates, seed), strict=True))
    counts = {
        "queries": len(queries),
        "queries_without_match": len(order) - len(queries),
        "items": len(order),
        "identities": len(np.unique(who)),
    }
    arrays = {"query": order[queries], **dict(zip(names, scores.T, strict=True))}
    name = "retrieval across groups" if items.grouped else "retrieval"
    return Result(name, metrics, counts, seed=seed, arrays=arrays)


def _scores(rank: IntArray, at: Sequence[int]) -> list[float]:
    """Of one query, by the ranks `(R,)` of its matches, ascending from 1."""
    r = len(rank)
    top = rank[: int(np.searchsorted(rank, r, side="right"))]
    precision = np.arange(1, len(top) + 1) / top  # at each match among the first R
    return [*(float(rank[0] <= k) for k in at), float(rank[0] == 1), len(top) / r, float(precision.sum() / r)]


def _means(scores: FloatArray, who: IntArray, replicates: int, seed: int) -> list[Interval]:
    if not replicates:
        return [bare(float(mean)) for mean in scores.mean(0)]

    def mean(weights: FloatArray) -> FloatArray:
        return np.asarray(weights @ scores / weights.sum())

    pairs = [len(scores)] * scores.shape[1]
    return over_identities(mean, who, who, pairs=pairs, replicates=replicates, seed=seed)


def _in_order(embeddings: Vectors, identities: npt.ArrayLike, groups: npt.ArrayLike | None) -> tuple[Items, IntArray]:
    x, who, sizes = numbered(embeddings, identities)
    # Without groups each item is its own, so that "of another group" means "not itself".
    group = np.arange(len(x)) if groups is None else np.unique(groups, return_inverse=True)[1]
    if group.shape != who.shape:
        raise DataError(f"{len(x):,} items have groups {group.shape}; one for each is needed.")
    together = who * (int(group.max(initial=0)) + 1) + group
    _, which, of = np.unique(together, return_inverse=True, return_counts=True)
    matches = sizes[who] - of[which]
    order = np.argsort(who, kind="stable")
    end = np.cumsum(sizes)[who[order]]
    items = Items(x[order], who[order], group[order], matches[order], end - sizes[who[order]], end, groups is not None)
    return items, order
