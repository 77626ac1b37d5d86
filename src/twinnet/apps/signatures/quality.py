"""Drawn, or written? How a slow copyist's line bends, learned from forgeries, of one signature without its references.

A forger gets the shape right and the movement wrong. This sees only how the line bends (`turning`'s `fine`), of
outlines that have no darkness, no grain and one breadth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from twinnet.core.types import BoolArray, FloatArray, IntArray

_PARTS = 6  # groups of writers, each judged by what the others taught
_LEAST_SPREAD = 1e-3


@final
@dataclass(frozen=True, slots=True, eq=False)
class LineQuality:
    """A logistic regression on `(F,)` features: higher is more like a forgery."""

    centre: FloatArray
    scale: FloatArray
    weights: FloatArray

    def __call__(self, fine: FloatArray) -> FloatArray:
        """`(N, F)` → `(N,)`, in logits up to a constant, which differences do not see."""
        return np.asarray((fine - self.centre) / self.scale @ self.weights)


def learn_quality(fine: FloatArray, genuine: BoolArray, writer: IntArray, *, strength: float = 1.0) -> LineQuality:
    """Fit on `(N, F)`; every writer counts the same, and so do his own signatures and the forgeries of him."""
    from sklearn.linear_model import LogisticRegression  # slow to import

    weight = np.empty(len(fine))
    for one in np.unique(writer):
        for kind in (True, False):
            rows = (writer == one) & (genuine == kind)
            weight[rows] = 10 / max(int(rows.sum()), 1)
    centre = fine.mean(axis=0)
    # Over √F, so that `strength` means the same whatever the number of features.
    scale = (fine.std(axis=0) + _LEAST_SPREAD) * np.sqrt(fine.shape[1])
    fitted = LogisticRegression(C=strength, max_iter=3000).fit((fine - centre) / scale, ~genuine, sample_weight=weight)
    return LineQuality(centre, scale, np.asarray(fitted.coef_[0], np.float64))


def nothing(n_features: int) -> LineQuality:
    """Where no forger's line is known: every signature is as good as every other."""
    return LineQuality(np.zeros(n_features), np.ones(n_features), np.zeros(n_features))


def crossed(fine: FloatArray, genuine: BoolArray, writer: IntArray, order: IntArray) -> FloatArray:
    """Each signature `(N,)` judged by what the writers of other groups taught; `order` parts the writers."""
    out = np.empty(len(fine))
    parts = min(_PARTS, len(order))
    for i in range(parts):
        held = np.isin(writer, order[i::parts])
        out[held] = learn_quality(fine[~held], genuine[~held], writer[~held])(fine[held])
    return out
