"""From several references to one distance: a logistic regression over means, minima and the references' own spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from twinnet.core.errors import ModelFileError
from twinnet.core.types import BoolArray, FloatArray, IntArray

MOST = 5
"""The largest number of references that a rule is learned for."""


def summary(between: FloatArray, among: FloatArray, worse: FloatArray) -> FloatArray:
    """Inputs of R references × P probes `(R, P, K)`, of the references' pairs `(R(R−1)/2, K)`, and how much worse each
    probe's line is than the references' `(P,)` → `(P, F)`.

    Of one reference, the inputs themselves: F = K + 1. Of more, the mean and the least over the references, and the
    mean among the references, which is how much this writer varies: F = 3K + 1.
    """
    mean: FloatArray = between.mean(axis=0)
    if len(between) == 1:
        return np.concatenate([mean, worse[:, None]], axis=1)
    own = np.broadcast_to(among.mean(axis=0), mean.shape)
    return np.concatenate([mean, between.min(axis=0), own, worse[:, None]], axis=1)


def n_features(n_inputs: int, n_references: int) -> int:
    """F of `summary`."""
    return n_inputs * (1 if n_references == 1 else 3) + 1


@final
@dataclass(frozen=True, slots=True)
class Combination:
    """distance = softplus(weights · (x − centre) / scale + offset) = −log p(genuine): ≥ 0, lower is more alike."""

    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    offset: float

    def __call__(self, x: FloatArray) -> FloatArray:
        """`(P, F)` → distances `(P,)`."""
        logit = (x - np.array(self.centre)) / np.array(self.scale) @ np.array(self.weights) + self.offset
        return np.asarray(np.logaddexp(0, logit))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "centre": list(self.centre), "scale": list(self.scale), "weights": list(self.weights), "offset": self.offset
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Any, n: int) -> Combination:
        """Back from `to_dict`, of `n` features. Raises ModelFileError for anything else."""
        try:
            if set(values) != {"centre", "scale", "weights", "offset"}:
                raise ValueError(f"its keys are {', '.join(sorted(values))}")
            columns = {key: tuple(float(v) for v in values[key]) for key in ("centre", "scale", "weights")}
            found = cls(**columns, offset=float(values["offset"]))
        except (TypeError, ValueError) as error:
            raise ModelFileError(f"a combination of distances cannot be read: {error}.") from error
        numbers = np.array([*found.centre, *found.scale, *found.weights, found.offset])
        if any(len(column) != n for column in columns.values()) or not np.isfinite(numbers).all():
            raise ModelFileError(f"a combination of distances needs {n} finite numbers of each kind.")
        if min(found.scale) <= 0:
            raise ModelFileError("a combination of distances needs scales above 0.")
        return found


def learn(x: FloatArray, genuine: BoolArray, writer: IntArray, *, strength: float = 1.0) -> Combination:
    """Fit on `(T, F)`; every writer counts the same, and so do genuine and other probes. `strength` is 1/λ of L2."""
    from sklearn.linear_model import LogisticRegression  # slow to import

    centre, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    places = np.unique(writer, return_inverse=True)[1]
    weight = np.empty(len(x))
    for kind in (True, False):
        rows = genuine == kind
        counts = np.bincount(places[rows], minlength=places.max() + 1)
        weight[rows] = 1 / counts[places[rows]]
        weight[rows] *= 100 / weight[rows].sum()
    fitted = LogisticRegression(C=strength, max_iter=2000).fit((x - centre) / scale, ~genuine, sample_weight=weight)
    return Combination(
        tuple(centre.tolist()), tuple(scale.tolist()), tuple(fitted.coef_[0].tolist()), float(fitted.intercept_[0])
    )
