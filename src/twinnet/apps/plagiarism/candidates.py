"""Who may have copied from whom, without comparing all pairs: an inverted index of sampled marks.

One mark in four, chosen by its key and so the same in all documents, stands for a document (`FracMinHash`: Irber et al.
2022). A pair is a candidate where both have at least `LEAST` of them; marks that very many documents have say nothing
and are passed over. The work grows with the marks that documents share, not with the number of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from twinnet.apps.plagiarism.marks import Keys
from twinnet.apps.plagiarism.prepared import Prepared
from twinnet.core.types import BoolArray, FloatArray, IntArray

LEAST = 4
MOST_NEIGHBOURS = 50
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(62)  # the two highest bits are 0: one key in four
_BLOCK = 512


def sketch(prepared: Prepared) -> Keys:
    """The sampled marks of a document `(S,)`, ascending; of a program also phrases of its strings and comments."""
    keys = [prepared.marks.keys]
    if prepared.kind == "code":
        keys += [prepared.bags[name].keys for name in ("tokens", "strings", "comments")]
    unique = np.unique(np.concatenate(keys))
    return np.asarray(unique[(unique * _MIX) >> _SHIFT == 0], np.uint64)


def candidates(sketches: Sequence[Keys], new: BoolArray, allowed: npt.NDArray[np.int64]) -> IntArray:
    """Pairs `(C, 2)` of documents worth comparing, the later one first; at least one of each pair is `new (N,)`.

    `allowed (N, 2)` is each document's owner and side: owners must differ, and sides too where they are not 0. Of
    each new document the `MOST_NEIGHBOURS` that share most with it are kept; rarer marks weigh more.
    """
    rows = np.flatnonzero(new)
    if not len(rows):
        return np.zeros((0, 2), np.int64)
    matrix, weight = _incidence(sketches, rows)
    transposed = matrix.T.tocsc()
    weighted = csr_array(matrix.multiply(weight[None]))
    pairs = []
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        shared, worth = csr_array(matrix[block] @ transposed), csr_array(weighted[block] @ transposed)
        shared.sort_indices()  # both then have the same places, since all weights are above 0
        worth.sort_indices()
        for i, row in enumerate(block):
            here = slice(shared.indptr[i], shared.indptr[i + 1])
            other, value = shared.indices[here], worth.data[here]
            kept = (shared.data[here] >= LEAST) & (allowed[other, 0] != allowed[row, 0])
            kept &= (allowed[other, 1] != allowed[row, 1]) | (allowed[row, 1] == 0)
            kept &= (other < row) | ~new[other]
            other, value = other[kept], value[kept]
            best = other[np.argsort(-value, kind="stable")[:MOST_NEIGHBOURS]]
            pairs.append(np.stack([np.full(len(best), row), best], 1))
    return np.concatenate(pairs).astype(np.int64)


def _incidence(sketches: Sequence[Keys], rows: IntArray) -> tuple[csr_array, FloatArray]:
    """Which document has which mark `(N, K)`, of the marks of `rows` that are rare enough, and their weights `(K,)`."""
    lengths = np.array([len(keys) for keys in sketches])
    keys = np.concatenate([np.zeros(0, np.uint64), *sketches])
    document = np.repeat(np.arange(len(sketches)), lengths)
    if len(rows) < len(sketches) // 4:  # a few new ones: only their marks matter
        wanted = np.unique(np.concatenate([np.zeros(0, np.uint64), *(sketches[row] for row in rows)]))
        here = np.isin(keys, wanted)
        keys, document = keys[here], document[here]
    found, column, often = np.unique(keys, return_inverse=True, return_counts=True)
    limit = min(max(20, len(sketches) // 5), 200)
    rare = (often > 1) & (often <= limit)
    kept = rare[column]
    matrix = csr_array(
        (np.ones(int(kept.sum()), np.float32), (document[kept], column[kept])), (len(sketches), max(1, len(found)))
    )
    weight = 0.1 + np.log(len(sketches) / np.maximum(often, 1)) if len(often) else np.ones(1)
    return matrix, np.asarray(weight, np.float64)
