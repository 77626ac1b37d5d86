"""Rates of weighted pairs, for the bootstrap: sorted once, so that each of a thousand replicates is a few sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from twinnet.core.types import FloatArray
from twinnet.decide.checks import checked


class WeightedRates:
    """EER, AUC, accuracy, FAR and FRR at `threshold`, then TAR at each of `fars`, for weights of the pairs.

    `names (S,)` says which figure is which, `pairs (S,)` how many pairs each is made of, and `skewed` where the AUC
    stands, whose intervals need a longer lower end (see `over_identities`).
    """

    skewed = (1,)

    def __init__(
        self, distances: npt.ArrayLike, same: npt.ArrayLike, threshold: float | None = None, fars: Sequence[float] = ()
    ) -> None:
        d, s = checked(distances, same)
        self.order = np.argsort(d, kind="stable")
        d, self._same = d[self.order], s[self.order].astype(np.float64)
        last = np.append(np.flatnonzero(np.diff(d)), len(d) - 1)  # the last pair of each distinct distance
        self._at = np.append(0, last + 1)
        self._accepted = int(np.searchsorted(d, threshold, side="left")) if threshold is not None else 0
        self._fars = np.asarray(fars, np.float64)
        genuine, impostor = int(s.sum()), int((~s).sum())
        self.names = ("eer", "auc", "accuracy", "far", "frr", *(f"tar_at_far_{far:g}" for far in fars))
        self.pairs = (genuine, genuine, len(d), impostor, genuine, *(genuine for _ in fars))

    def __call__(self, weights: FloatArray) -> FloatArray:
        """The figures `(S,)` for weights `(P,)` ≥ 0 in the pairs' original order; NaN where a kind has no weight."""
        w = weights[self.order]
        genuine = np.concatenate([[0.0], np.cumsum(w * self._same)])
        impostor = np.concatenate([[0.0], np.cumsum(w)]) - genuine
        all_genuine, all_impostor = genuine[-1], impostor[-1]
        if not all_genuine > 0 or not all_impostor > 0:
            return np.full(len(self.names), np.nan)
        tar, far = genuine[self._at] / all_genuine, impostor[self._at] / all_impostor
        gap = far + tar - 1  # FAR − FRR, from −1 to 1
        right = int(np.argmax(gap >= 0))
        t = -gap[right - 1] / (gap[right] - gap[right - 1])
        accepted, wrongly = genuine[self._accepted], impostor[self._accepted]
        return np.array(
            [
                far[right - 1] + t * (far[right] - far[right - 1]),
                np.trapezoid(tar, far),
                (accepted + all_impostor - wrongly) / (all_genuine + all_impostor),
                wrongly / all_impostor,
                1 - accepted / all_genuine,
                *tar[np.searchsorted(far, self._fars * (1 + 1e-12), side="right") - 1],  # sums of weights round
            ]
        )
