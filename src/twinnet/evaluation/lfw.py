"""Protocol `lfw`: pairs in folds; each fold is judged by the threshold that was best on all the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import CalibrationError
from twinnet.core.types import FloatArray, IntArray
from twinnet.decide import WeightedRates, error_rates, joined, over_identities
from twinnet.decide.checks import checked
from twinnet.decide.rates import middle
from twinnet.evaluation.nearest import mean_interval
from twinnet.evaluation.result import Result, bare


def lfw(
    distances: npt.ArrayLike,
    same: npt.ArrayLike,
    fold: npt.ArrayLike,
    first: npt.ArrayLike | None = None,
    second: npt.ArrayLike | None = None,
    *,
    replicates: int = 400,
    seed: int = 0,
) -> Result:
    """Judge pairs `(P,)` that stand in folds `(P,)`, by any numbering, as LFW does (Huang et al. 2007, section IV).

    The threshold of a fold has the best accuracy on all other folds, so no pair helps to judge itself. `accuracy` is
    the mean over folds, `accuracy_standard_error` is sd / √folds. FAR and FRR are of all held-out decisions together;
    EER and AUC are of the distances, whatever the fold. `first`, `second (P,)` are the identities of the pairs' items:
    they say which pairs depend on each other, and whether folds share people.
    Raises CalibrationError for unequal lengths, NaN, fewer than two folds, or one kind of pair missing.
    """
    d, s = checked(distances, same)
    folds, of = _folds(fold, len(d))
    thresholds = np.array([best_threshold(d[of != f], s[of != f]) for f in range(len(folds))])
    margin = d - thresholds[of]  # below 0 exactly where the distance is below its fold's threshold
    accuracy = np.array([((margin < 0) == s)[of == f].mean() for f in range(len(folds))])
    a, b = _identities(first, second, s)
    raw, held = WeightedRates(d, s), WeightedRates(margin, s, 0.0)
    eer, auc = over_identities(
        lambda w: raw(w)[:2], a, b, pairs=raw.pairs[:2], skewed=raw.skewed, replicates=replicates, seed=seed
    )
    far, frr = over_identities(lambda w: held(w)[3:5], a, b, pairs=held.pairs[3:5], replicates=replicates, seed=seed)
    error = float(accuracy.std(ddof=1) / np.sqrt(len(folds)))
    metrics = {
        "accuracy": mean_interval(accuracy, len(d), "folds"),
        "accuracy_standard_error": bare(error),
        "far": far,
        "frr": frr,
        "eer": eer,
        "auc": auc,
    }
    counts = {"folds": len(folds), "genuine_pairs": int(s.sum()), "impostor_pairs": int((~s).sum())}
    arrays = {"accuracy": accuracy, "threshold": thresholds, "distances": d, "same": s, "fold": of}
    name = "lfw" if len(folds) == 10 else f"lfw {len(folds)} folds"
    notes = () if first is None else tuple(_shared(a, b, of))
    return Result(name, metrics, counts, seed=seed, notes=notes, arrays=arrays)


def best_threshold(distances: FloatArray, same: npt.NDArray[np.bool_]) -> float:
    """The threshold with the most right answers, the lowest of several, in the middle of those that answer alike."""
    rates = error_rates(distances, same)
    accepted = rates.n_genuine - np.rint(rates.frr * rates.n_genuine)  # whole numbers: rounded rates would break ties
    return middle(rates, int(np.argmax(accepted - np.rint(rates.far * rates.n_impostor))))


def _folds(fold: npt.ArrayLike, n: int) -> tuple[npt.NDArray[np.generic], IntArray]:
    given = np.asarray(fold)
    if given.shape != (n,):
        raise CalibrationError(f"{n:,} pairs and folds {given.shape}: one fold per pair is needed.")
    folds, of = np.unique(given, return_inverse=True)
    if len(folds) < 2:
        raise CalibrationError("one fold only: its threshold must be learned on others. Next: give two folds or more.")
    return folds, of.astype(np.int64)


def _identities(
    first: npt.ArrayLike | None, second: npt.ArrayLike | None, same: npt.NDArray[np.bool_]
) -> tuple[IntArray, IntArray]:
    if first is None or second is None:  # every pair by itself
        a = np.arange(len(same), dtype=np.int64)
        return a, np.where(same, a, a + len(same))
    a, b = np.asarray(first, np.int64), np.asarray(second, np.int64)
    if not a.shape == b.shape == same.shape:
        raise CalibrationError(f"{len(same):,} pairs and identities {a.shape}, {b.shape}: one each per pair is needed.")
    return joined(a, b, same) if (a != b)[same].any() else (a, b)


def _shared(first: IntArray, second: IntArray, fold: IntArray) -> list[str]:
    rows = np.unique(np.stack([np.concatenate([first, second]), np.tile(fold, 2)]), axis=1)  # (2, person × fold)
    people, times = np.unique(rows[0], return_counts=True)
    shared = int((times > 1).sum())
    if not shared:
        return []
    return [
        f"{shared:,} of {len(people):,} people stand in more than one fold, so a fold's threshold was learned on some "
        "of its own people"
    ]
