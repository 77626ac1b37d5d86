"""Protocols on embeddings of any system: what they count, what they refuse, and that a seed fixes them."""

import numpy as np
import pytest

from twinnet.core.errors import ConfigError, DataError, TooFewIdentities
from twinnet.core.types import Pairs
from twinnet.decide import DecisionRule, clopper_pearson
from twinnet.evaluation import (
    nway,
    one_shot_within_groups,
    paired,
    pairs_to_compare,
    templates,
    verification,
    verification_of_pairs,
)

RNG = np.random.default_rng(3)
IDENTITIES = np.repeat(np.arange(24), 5)
GROUPS, SESSIONS = IDENTITIES // 8, np.tile(np.arange(5), 24)
VECTORS = (RNG.normal(size=(24, 6))[IDENTITIES] + 0.4 * RNG.normal(size=(120, 6))).astype(np.float32)


def straight(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=-1)


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return straight(a[:, None], b[None])


def test_paired_gives_the_distance_of_each_listed_pair() -> None:
    pairs = pairs_to_compare(IDENTITIES)
    expected = cross(VECTORS, VECTORS)[pairs.first, pairs.second]
    np.testing.assert_allclose(paired(VECTORS, straight)(pairs.first, pairs.second), expected, rtol=1e-6)


def test_verification_is_fixed_by_its_seed_and_shows_no_accuracy_without_a_rule() -> None:
    one, again = (verification(paired(VECTORS, straight), IDENTITIES, replicates=30, seed=4) for _ in range(2))
    assert one.metrics == again.metrics
    assert not {"accuracy", "far", "frr"} & set(one.metrics)
    assert "bootstrap over 24 identities" in one.metrics["eer"].method
    assert "bootstrap" in one.metrics["tar_at_far_1e-1"].method


def test_pairs_without_identities_take_joined_items_as_one() -> None:
    pairs = pairs_to_compare(IDENTITIES)
    d = paired(VECTORS, straight)(pairs.first, pairs.second)
    known = verification_of_pairs(d, pairs, IDENTITIES[pairs.first], IDENTITIES[pairs.second], replicates=20)
    found = verification_of_pairs(d, pairs, replicates=20)
    assert found.counts == known.counts
    assert found.metrics["eer"].point == known.metrics["eer"].point


def test_without_a_false_accept_the_far_still_has_an_upper_end() -> None:
    far = verification(paired(VECTORS, straight), IDENTITIES, rule=DecisionRule(0.0, "given"), replicates=5).metrics
    assert far["far"].point == 0
    assert far["far"].high == clopper_pearson(0, 24 * 23 // 2 * 25).high
    assert far["frr"].low == clopper_pearson(240, 240).low


def test_pairs_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="lengths differ"):
        Pairs(np.arange(3), np.arange(3), np.array([True, False]))


def test_one_shot_within_groups_gives_every_session_its_turn_in_every_group() -> None:
    seen = []
    distance = templates(VECTORS, cross)

    def look(support: np.ndarray, probe: np.ndarray) -> np.ndarray:
        seen.append((int(GROUPS[probe[0]]), int(SESSIONS[support[0, 0]])))
        return distance(support, probe)

    result = one_shot_within_groups(look, IDENTITIES, GROUPS, SESSIONS, ways=8)
    assert sorted(seen) == [(group, session) for group in range(3) for session in range(5)]
    assert result.counts["episodes"] == 15
    assert result.protocol == "nway 8-way 1-shot within one group, support and probe by different sessions"
    assert result.arrays["accuracy"].mean() == pytest.approx(result.metrics["accuracy"].point)
    assert result.metrics["error"].point == pytest.approx(1 - result.metrics["accuracy"].point)
    assert sorted(set(result.arrays["group"])) == [0, 1, 2]


def test_templates_are_the_mean_of_their_shots() -> None:
    support, probe = np.array([[0, 1], [5, 6]]), np.array([2, 7, 8])
    expected = cross(VECTORS[probe], np.stack([VECTORS[[0, 1]].mean(0), VECTORS[[5, 6]].mean(0)]))
    np.testing.assert_allclose(templates(VECTORS, cross)(support, probe), expected, rtol=1e-6)
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    lengths = []
    templates(unit, lambda _, b: lengths.append(np.linalg.norm(b, axis=1)) or np.zeros((3, 2)), normalise=True)(  # type: ignore[func-returns-value]
        support, probe
    )
    np.testing.assert_allclose(lengths[0], 1, rtol=1e-6)


def test_identities_that_a_session_lacks_are_left_out_and_counted_when_too_few() -> None:
    keep = ~((IDENTITIES < 4) & (SESSIONS == 0))  # four identities were never drawn by session 0
    distance = templates(VECTORS[keep], cross)
    data = {"identities": IDENTITIES[keep], "sessions": SESSIONS[keep]}
    assert nway(distance, ways=20, episodes=10, **data).counts["episodes"] == 10
    with pytest.raises(TooFewIdentities, match="there are 20"):
        nway(distance, ways=21, episodes=10, **data)


def test_episodes_that_all_came_out_right_still_leave_doubt() -> None:
    far_apart = templates(np.repeat(np.eye(24), 5, 0), cross)
    accuracy = nway(far_apart, IDENTITIES, ways=5, episodes=10).metrics["accuracy"]
    assert accuracy.point == accuracy.high == 1
    assert accuracy.low == clopper_pearson(50, 50).low


def test_distances_that_are_nan_or_of_the_wrong_shape_stop_the_episodes() -> None:
    with pytest.raises(DataError, match="NaN"):
        nway(templates(VECTORS * np.nan, cross), IDENTITIES, ways=5, episodes=1)
    with pytest.raises(DataError, match="gave distances"):
        nway(lambda support, probe: np.zeros((1, 1)), IDENTITIES, ways=5, episodes=1)


def test_settings_without_meaning_are_refused() -> None:
    for options in ({"ways": 0}, {"shots": 0}, {"episodes": 0}, {"groups": GROUPS[:3]}, {"sessions": SESSIONS[:3]}):
        with pytest.raises(ConfigError):
            nway(templates(VECTORS, cross), IDENTITIES, **{"ways": 3, **options})
