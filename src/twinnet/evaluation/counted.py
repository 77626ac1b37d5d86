"""What all pairs come to: exact figures out of the genuine distances and how many impostors lie below each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinnet.core.types import ErrorRates, FloatArray, IntArray, Pairs

_SLACK = 1 + 1e-12  # as in `decide.WeightedRates`: a rate equal to the asked one is within it


@dataclass(frozen=True, slots=True)
class AllPairs:
    """Distinct genuine distances `distance (U,)`, ascending, and what was counted at each.

    `genuine (U,)` are the genuine pairs up to each, itself included; `below (U,)` the impostor pairs nearer than it,
    and `upto (U,)` those no farther. `accepted` are genuine and impostor pairs nearer than the threshold asked about,
    and `sample (P,)` the distances of the pairs asked about. `hardest (H,)` are the nearest impostor pairs, all of them
    nearer than every other, at distances `hardest_distance (H,)`.
    """

    distance: FloatArray
    genuine: IntArray
    below: IntArray
    upto: IntArray
    n_impostor: int
    accepted: tuple[int, int]
    sample: FloatArray
    hardest: Pairs
    hardest_distance: FloatArray

    @property
    def n_genuine(self) -> int:
        """How many genuine pairs there are."""
        return int(self.genuine[-1])

    def rates(self) -> ErrorRates:
        """FAR and FRR at each genuine distance and just above it: exact there.

        Between two of them FRR stands still, and FAR rises through impostors that are not listed one by one.
        """
        threshold = np.repeat(self.distance, 2)
        threshold[1::2] = np.nextafter(threshold[1::2], np.inf)
        accepted = np.stack([np.append(0, self.genuine[:-1]), self.genuine], 1).ravel()
        far = np.stack([self.below, self.upto], 1).ravel() / self.n_impostor
        return ErrorRates(
            np.concatenate([[-np.inf], threshold, [np.inf]]),
            np.concatenate([[0.0], far, [1.0]]),
            np.concatenate([[1.0], (self.n_genuine - accepted) / self.n_genuine, [0.0]]),
            self.n_genuine,
            self.n_impostor,
        )

    def eer(self) -> float:
        """The equal error rate, as `decide.eer` finds it among all pairs."""
        rates = self.rates()
        right = int(np.argmax(rates.far - rates.frr >= 0))
        (far, far_after), (frr, frr_after) = rates.far[right - 1 : right + 1], rates.frr[right - 1 : right + 1]
        if frr == frr_after:  # FAR climbs through impostors one by one and meets this FRR
            return float(frr)
        t = (frr - far) / ((far_after - far) + (frr - frr_after))
        return float(far + t * (far_after - far))

    def auc(self) -> float:
        """The chance that a genuine pair is nearer than an impostor pair, ties counted half (Mann & Whitney 1947)."""
        each = np.diff(self.genuine, prepend=0) / self.n_genuine
        return float(each @ (1 - (self.below + self.upto) / 2 / self.n_impostor))

    def at_threshold(self) -> tuple[float, float, float]:
        """Accuracy, FAR and FRR at the threshold that was asked about."""
        genuine, impostor = self.accepted
        right = genuine + self.n_impostor - impostor
        all_of_them = self.n_genuine + self.n_impostor
        return right / all_of_them, impostor / self.n_impostor, (self.n_genuine - genuine) / self.n_genuine

    def tar_at(self, far: float) -> tuple[float, float]:
        """The largest share of genuine pairs accepted at a FAR of at most `far`, and the farthest of them."""
        within = int(np.searchsorted(self.upto / self.n_impostor, far * _SLACK, side="right"))
        if not within:
            return 0.0, -np.inf
        return float(self.genuine[within - 1] / self.n_genuine), float(self.distance[within - 1])


def thinned(rates: ErrorRates, most: int = 2000) -> ErrorRates:
    """At most so many of the rows, none of them altered: half evenly in log FAR, half evenly in FRR; both ends stay."""
    k = len(rates.threshold)
    if k <= most:
        return rates
    each = most // 2 - 1
    by_far = np.searchsorted(rates.far, np.geomspace(1 / rates.n_impostor, 1, each))
    by_frr = np.searchsorted(1 - rates.frr, np.linspace(0, 1, each))
    keep = np.unique(np.clip(np.concatenate([[0], by_far, by_frr, [k - 1]]), 0, k - 1))
    return ErrorRates(rates.threshold[keep], rates.far[keep], rates.frr[keep], rates.n_genuine, rates.n_impostor)
