"""The band of a ROC holds the curve, and is as wide as the intervals that verification gives."""

import numpy as np
import pytest

from twinnet.decide import WeightedRates, error_rates, over_identities
from twinnet.evaluation.bands import roc_band

RNG = np.random.default_rng(5)
WHO = np.repeat(np.arange(12), 5)
X = RNG.normal(size=(12, 4))[WHO] + 0.6 * RNG.normal(size=(60, 4))
FIRST, SECOND = np.triu_indices(60, 1)
D = np.linalg.norm(X[FIRST] - X[SECOND], axis=1)
A, B = WHO[FIRST], WHO[SECOND]
SAME = A == B


def test_the_band_holds_the_empirical_roc() -> None:
    band, rates = roc_band(D, SAME, A, B), error_rates(D, SAME)
    at = np.searchsorted(rates.far, band.far * (1 + 1e-12), side="right") - 1
    assert band.tar == pytest.approx(1 - rates.frr[at])
    assert (band.low <= band.tar).all()
    assert (band.tar <= band.high).all()
    assert (np.diff(band.low) >= 0).all()
    assert (np.diff(band.high) >= 0).all()


def test_at_one_far_the_band_is_the_interval_of_tar_at_far() -> None:
    band = roc_band(D, SAME, A, B, seed=3)
    at = int(np.argmin(abs(band.far - 0.1)))
    rates = WeightedRates(D, SAME, None, [band.far[at]])
    single = over_identities(rates, A, B, pairs=rates.pairs, replicates=200, seed=3)[5]
    # Of one grid value its own interval, or a neighbour's that is tighter.
    assert single.low <= band.low[at] <= band.tar[at] <= band.high[at] <= single.high
    assert band.high[at] - band.low[at] > 0.5 * (single.high - single.low)


def test_more_people_make_a_narrower_band() -> None:
    few = WHO[FIRST] < 5
    few &= WHO[SECOND] < 5
    wide, narrow = roc_band(D[few], SAME[few], A[few], B[few]), roc_band(D, SAME, A, B)
    assert np.median(narrow.high - narrow.low) < np.median(wide.high - wide.low)


def test_pairs_without_identities_are_joined_by_their_genuine_pairs() -> None:
    by_items, by_people = roc_band(D, SAME, FIRST, SECOND), roc_band(D, SAME, A, B)
    assert by_items.low == pytest.approx(by_people.low)


def test_one_identity_alone_gives_no_method_and_no_width() -> None:
    own = np.where(SAME, A == 0, True)
    band = roc_band(D[own], SAME[own], A[own], B[own])
    assert band.method == ""
    assert np.array_equal(band.low, band.tar)
