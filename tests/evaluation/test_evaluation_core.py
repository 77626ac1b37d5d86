"""Protocols on plain arrays."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from twinnet.core.errors import ConfigError, TooFewIdentities
from twinnet.decide import DecisionRule
from twinnet.evaluation import Result, bare, nway, pairs_to_compare, table, verification

POINTS = np.random.default_rng(0).normal(size=(120, 3)) + 3 * np.repeat(np.eye(3)[[0, 1, 2] * 4], 10, axis=0)
IDENTITIES = np.repeat(np.arange(12), 10)


def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.linalg.norm(POINTS[first] - POINTS[second], axis=1)


def test_all_pairs_are_compared_when_they_fit() -> None:
    pairs = pairs_to_compare(IDENTITIES)
    assert len(pairs) == 120 * 119 // 2
    assert pairs.same.sum() == 12 * 45


def test_a_sample_is_seeded_has_no_pair_twice_and_the_right_labels() -> None:
    pairs, again = pairs_to_compare(IDENTITIES, max_pairs=2000), pairs_to_compare(IDENTITIES, max_pairs=2000)
    np.testing.assert_array_equal(pairs.first, again.first)
    assert len(pairs) == 2000
    assert len({*zip(pairs.first, pairs.second, strict=True)}) == 2000
    np.testing.assert_array_equal(pairs.same, IDENTITIES[pairs.first] == IDENTITIES[pairs.second])
    assert (pairs.first != pairs.second).all()
    assert pairs.same.sum() == 540


@pytest.mark.parametrize("identities", [np.zeros(5, int), np.arange(5), np.array([], int)])
def test_without_both_kinds_of_pairs_there_is_nothing_to_verify(identities: np.ndarray) -> None:
    with pytest.raises(TooFewIdentities, match="verification needs"):
        pairs_to_compare(identities)


def test_verification_reports_what_counting_gives() -> None:
    rule = DecisionRule(2.0, "given")
    result = verification(distance, IDENTITIES, rule=rule, replicates=50)
    pairs = pairs_to_compare(IDENTITIES)
    d = distance(pairs.first, pairs.second)
    assert result.metrics["auc"].point == pytest.approx(roc_auc_score(pairs.same, -d))
    assert result.metrics["accuracy"].point == pytest.approx(((d < 2.0) == pairs.same).mean())
    assert result.metrics["far"].point == pytest.approx((d[~pairs.same] < 2.0).mean())
    assert result.protocol == "verification"
    assert {"tar_at_far_1e-1", "tar_at_far_1e-2", "tar_at_far_1e-3"} <= set(result.metrics)
    assert "tar_at_far_1e-4" not in result.metrics  # 6,600 impostor pairs cannot show it
    for interval in result.metrics.values():
        assert interval.low <= interval.point <= interval.high


def templates(support: np.ndarray, probe: np.ndarray) -> np.ndarray:
    return np.linalg.norm(POINTS[probe][:, None] - POINTS[support].mean(1)[None], axis=2)


def test_one_way_is_always_right_and_constant_distances_are_guesses() -> None:
    def constant(support: np.ndarray, probe: np.ndarray) -> np.ndarray:
        return np.zeros((len(probe), len(support)))

    assert nway(templates, IDENTITIES, ways=1, episodes=5).metrics["accuracy"].point == 1
    assert nway(constant, IDENTITIES, ways=5, episodes=20).metrics["accuracy"].point == pytest.approx(0.2)


def test_within_groups_every_episode_stays_in_one_and_sessions_never_mix() -> None:
    groups, sessions = IDENTITIES // 6, np.arange(120) % 5
    seen = []

    def look(support: np.ndarray, probe: np.ndarray) -> np.ndarray:
        seen.append((groups[support], groups[probe], sessions[support], sessions[probe]))
        return templates(support, probe)

    nway(look, IDENTITIES, ways=6, episodes=20, groups=groups, sessions=sessions)
    for support_groups, probe_groups, by, other in seen:
        assert len(np.unique(np.append(support_groups.ravel(), probe_groups))) == 1
        assert len(np.unique(by)) == len(np.unique(other)) == 1
        assert by.flat[0] != other[0]
    assert {int(by.flat[0]) for _, _, by, _ in seen} == set(range(5))  # all sessions in turn


def test_more_shots_make_better_templates() -> None:
    one, five = (nway(templates, IDENTITIES, ways=3, shots=k, episodes=600).metrics["accuracy"] for k in (1, 5))
    assert five.point > one.point


def test_too_many_ways_is_refused() -> None:
    with pytest.raises(TooFewIdentities, match="13-way episodes need 13"):
        nway(templates, IDENTITIES, ways=13)
    with pytest.raises(TooFewIdentities, match="no group has"):
        nway(templates, IDENTITIES, ways=7, groups=IDENTITIES // 6)


def test_results_of_different_protocols_do_not_share_a_table() -> None:
    one, other = Result("verification", {"eer": bare(0.1)}, {}), Result("nway", {"eer": bare(0.1)}, {})
    assert table([one, one])[0]["eer"].point == 0.1
    with pytest.raises(ConfigError, match="nway, verification"):
        table([one, other])


def test_json_has_the_agreed_keys_and_null_for_an_interval_nobody_measured() -> None:
    answer = Result("verification", {"eer": bare(0.1)}, {"pairs": 3}, "data", "model", 7).to_json("evaluate", {})
    assert set(answer) >= {"command", "protocol", "metrics", "counts", "data", "model", "seed", "versions"}
    assert answer["metrics"]["eer"] == {"value": 0.1, "low": None, "high": None}
