"""What a rule's verdicts and probabilities are worth, where pairs of one identity are not independent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray, IntArray, Interval
from twinnet.decide.checks import checked
from twinnet.decide.intervals import over_identities
from twinnet.decide.probability import Calibrator


def verdict_rates(
    distances: npt.ArrayLike,
    same: npt.ArrayLike,
    first: IntArray,
    second: IntArray,
    low: float,
    high: float,
    *,
    replicates: int = 200,
    seed: int = 0,
) -> tuple[Interval, Interval, Interval, Interval]:
    """FAR, FRR and the genuine and impostor shares without an answer, where [low, high) is too close to call.

    `first`, `second (P,)` are the identities of each pair's two items; intervals are those of `over_identities`.
    A single threshold is low = high. Raises CalibrationError for unusable pairs.
    """
    d, s = checked(distances, same)
    genuine, impostor = int(s.sum()), int((~s).sum())
    between = (d >= low) & (d < high)
    columns = np.stack([~s & (d < low), s & (d >= high), s & between, ~s & between, s, ~s]).astype(np.float64)

    def shares(weights: FloatArray) -> FloatArray:
        accepted, rejected, open_genuine, open_impostor, all_genuine, all_impostor = columns @ weights
        counts = np.array([accepted, rejected, open_genuine, open_impostor])
        return np.asarray(counts / np.array([all_impostor, all_genuine, all_genuine, all_impostor]))

    sizes = (impostor, genuine, genuine, impostor)
    far, frr, one, other = over_identities(shares, first, second, pairs=sizes, replicates=replicates, seed=seed)
    return far, frr, one, other


def cross_fitted(
    fit: Callable[[FloatArray, npt.NDArray[np.bool_]], Calibrator],
    distances: npt.ArrayLike,
    same: npt.ArrayLike,
    first: IntArray,
    second: IntArray,
    *,
    folds: int = 5,
    seed: int = 0,
) -> tuple[FloatArray, npt.NDArray[np.bool_]] | None:
    """Probabilities `(Q,)` of pairs within a fold of identities, from curves fitted on the other folds, and labels.

    No identity is judged by a curve that it helped to fit; pairs across folds are left out. None where a fold has
    too few identities for both kinds of pair.
    """
    d, s = checked(distances, same)
    names, where = np.unique(np.concatenate([first, second]), return_inverse=True)
    fold = stream(seed, "folds").permutation(len(names)) % folds
    a, b = fold[where[: len(d)]], fold[where[len(d) :]]
    found, labels = [], []
    for k in range(folds):
        rest, judged = (a != k) & (b != k), (a == k) & (b == k)
        if any(s[rows].all() or not s[rows].any() for rows in (rest, judged)):
            return None
        found.append(fit(d[rest], s[rest])(d[judged]))
        labels.append(s[judged])
    return np.concatenate(found), np.concatenate(labels)
