"""The published protocols on plain arrays: worked examples, independent formulas, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.stats import sem
from sklearn.metrics import roc_auc_score

from twinnet.core.errors import CalibrationError, ConfigError, DataError, TooFewIdentities, TwinnetError
from twinnet.core.types import Interval
from twinnet.decide import DecisionRule
from twinnet.evaluation import koch, koch_pairs, lake20, lake20_assignment, lfw, openset, searches, table, templates
from twinnet.evaluation.lfw import best_threshold
from twinnet.evaluation.nearest import right
from twinnet.evaluation.openset import judge, threshold_at

RNG = np.random.default_rng(5)


def test_lfw_judges_each_fold_by_the_threshold_of_the_others() -> None:
    d = [1.0, 3.0, 2.0, 6.0, 0.0, 8.0]
    same = [True, False, True, False, False, True]
    found = lfw(d, same, [0, 0, 1, 1, 2, 2], replicates=20)
    # By hand. Fold 0 is judged on {2+, 6-, 0-, 8+}, where nothing, or all up to 2, is as good as any; and so on.
    expected = []
    for fold in range(3):
        rest = [i for i in range(6) if i // 2 != fold]
        cuts = [(sum((d[i] < t) == same[i] for i in rest), -t) for t in (0, 0.5, 1.5, 2.5, 4.5, 7, 8.5)]
        t = -max(cuts)[1]
        expected.append(np.mean([(d[i] < t) == same[i] for i in (2 * fold, 2 * fold + 1)]))
    np.testing.assert_allclose(found.arrays["accuracy"], expected)
    assert found.metrics["accuracy_standard_error"].point == pytest.approx(sem(expected))
    assert found.metrics["auc"].point == pytest.approx(roc_auc_score(same, -np.array(d)))
    assert found.protocol == "lfw 3 folds"


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=12))
def test_no_threshold_is_better_than_the_best_with_ties(rows: list[tuple[int, bool]]) -> None:
    d, same = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    if same.all() or not same.any():
        with pytest.raises(CalibrationError):
            best_threshold(d, same)
        return
    most = max(((d < t) == same).sum() for t in np.arange(-0.5, 5))
    assert ((d < best_threshold(d, same)) == same).sum() == most


def test_lfw_pools_held_out_decisions_and_says_when_folds_share_people() -> None:
    d, same = RNG.random(40), np.tile([True, False], 20)
    first = np.arange(40)
    second = np.where(same, first, (first + 1) % 40)
    found = lfw(d, same, np.repeat(np.arange(10), 4), first, second, replicates=20)
    margin = d < found.arrays["threshold"][np.repeat(np.arange(10), 4)]
    assert found.metrics["far"].point == pytest.approx(margin[~same].mean())
    assert found.metrics["frr"].point == pytest.approx((~margin)[same].mean())
    assert found.protocol == "lfw"
    assert "stand in more than one fold" in found.notes[0]


@pytest.mark.parametrize(
    ("d", "same", "fold"),
    [
        ([1, 2], [1, 0], [0, 0]),
        ([1, np.nan], [1, 0], [0, 1]),
        ([1, 2, 3], [1, 0], [0, 1]),
        ([1, 2], [1, 0], [0]),
        ([1, 2], [1, 1], [0, 1]),
        ([1], [1], [0]),
    ],
)
def test_lfw_refuses_what_cannot_be_judged(d: list[float], same: list[int], fold: list[int]) -> None:
    with pytest.raises(CalibrationError):
        lfw(d, same, fold)


def test_lake20_is_plain_nearest_neighbour_and_assignment_is_another_protocol() -> None:
    runs = [RNG.random((20, 20)) for _ in range(20)]
    targets = [RNG.permutation(20) for _ in range(20)]
    plain, matched = lake20(runs, targets), lake20_assignment(runs, targets)
    nearest = np.mean([d.argmin(1) != t for d, t in zip(runs, targets, strict=True)])
    best = np.mean([linear_sum_assignment(d)[1] != t for d, t in zip(runs, targets, strict=True)])
    assert plain.metrics["error"].point == pytest.approx(nearest)
    assert matched.metrics["error"].point == pytest.approx(best)
    assert (plain.protocol, matched.protocol) == ("lake20", "lake20-assignment")
    with pytest.raises(ConfigError, match="different protocols"):
        table([plain, matched])


def test_runs_of_another_shape_do_not_call_themselves_lake20() -> None:
    assert lake20([np.eye(3)], [[0, 1, 2]]).protocol == "lake 1 runs of 3 in 3"


@given(st.integers(1, 6), st.integers(1, 6))
def test_constant_distances_are_read_by_chance(q: int, n: int) -> None:
    np.testing.assert_allclose(right(np.ones((q, n)), np.zeros(q, int)), 1 / n)


@pytest.mark.parametrize(
    ("d", "t"),
    [([], []), ([np.ones((2, 2))], []), ([np.full((1, 2), np.nan)], [[0]]), ([np.ones((2, 2))], [[0, 2]]),
     ([np.ones((2, 2))], [[0]]), ([np.ones(2)], [[0, 1]])],
)  # fmt: skip
def test_lake20_refuses_what_does_not_fit(d: list[np.ndarray], t: list[list[int]]) -> None:
    for protocol in (lake20, lake20_assignment):
        with pytest.raises(DataError):
            protocol(d, t)


CHARACTERS = np.repeat(np.arange(12), 6)
ALPHABETS, DRAWERS = CHARACTERS // 4, np.tile(np.arange(6), 12)


def test_koch_pairs_stay_within_an_alphabet_and_are_by_two_of_the_drawers() -> None:
    pairs = koch_pairs(CHARACTERS, ALPHABETS, DRAWERS, pairs=400, drawers=[1, 4, 5], seed=2)
    assert len(pairs) == 400
    assert pairs.same.sum() == 200
    np.testing.assert_array_equal(CHARACTERS[pairs.first] == CHARACTERS[pairs.second], pairs.same)
    np.testing.assert_array_equal(ALPHABETS[pairs.first], ALPHABETS[pairs.second])
    assert (DRAWERS[pairs.first] != DRAWERS[pairs.second]).all()
    assert set(DRAWERS[pairs.first]) | set(DRAWERS[pairs.second]) == {1, 4, 5}


def test_koch_says_what_it_used() -> None:
    found = koch(
        lambda a, b: RNG.random(len(a)), CHARACTERS, ALPHABETS, DRAWERS, pairs=100, drawers=[0, 1], replicates=9
    )
    assert found.protocol == "koch 100 pairs"
    assert found.counts["genuine_pairs"] == found.counts["impostor_pairs"] == 50
    assert found.counts["distinct_pairs"] <= 100
    assert "by the drawers 0, 1" in found.notes[0]


def test_koch_refuses_odd_numbers_unknown_drawers_and_one_drawer() -> None:
    for options, error in (
        ({"pairs": 3}, ConfigError),
        ({"drawers": [9]}, DataError),
        ({"drawers": [1]}, TooFewIdentities),
    ):
        with pytest.raises(error):
            koch_pairs(CHARACTERS, ALPHABETS, DRAWERS, **options)
    with pytest.raises(DataError):
        koch_pairs(CHARACTERS, ALPHABETS[:3], DRAWERS)


def test_openset_figures_by_hand() -> None:
    learn = searches([[1.0]], [0], np.array([0]), np.linspace(2, 11, 40)[:, None], np.arange(40))
    own = [[1.0, 9.0], [9.0, 2.5], [1.0, 0.5], [7.0, 8.0]]  # right, right, wrong, right but far
    test = searches(own, [0, 1, 0, 0], np.array([1, 2, 1, 1]), [[2.1, 9.0], [5.0, 6.0]], np.array([8, 9]))
    t = threshold_at(learn, 0.1)
    assert (learn.nearest_stranger < t).mean() == 0.1
    found = judge(learn, test, rule=DecisionRule(2.0, "given", far=Interval(0.0, 0.1, 0.2)), replicates=20)
    assert found.metrics["rank_1"].point == 0.75
    assert found.metrics["dir_at_fpir_0.1"].point == 0.5
    assert found.metrics["fpir_measured_at_0.1"].point == 0.5
    assert found.metrics["dir_at_rule"].point == 0.25
    assert found.metrics["fpir_expected_from_far"].point == pytest.approx(1 - 0.9**2)
    assert any("FPIR 0.01 is left out" in note for note in found.notes)


def test_openset_never_shows_a_person_on_two_sides() -> None:
    identities = np.repeat(np.arange(40), 4)
    vectors = np.eye(40)[identities] + 0.01 * RNG.normal(size=(160, 40))
    calls: list[tuple[set[int], set[int]]] = []
    distance = templates(vectors, lambda a, b: np.linalg.norm(a[:, None] - b[None], axis=-1))

    def look(support: np.ndarray, probe: np.ndarray) -> np.ndarray:
        calls.append((set(identities[support].ravel()), set(identities[probe])))
        assert not set(support.ravel()) & set(probe)
        return distance(support, probe)

    found = openset(look, identities, shots=2, replicates=20)
    (gallery, own), (same_gallery, strangers), (other, _), (_, others) = calls
    assert gallery == own == same_gallery
    assert len(gallery) == len(other) == len(strangers) == len(others) == 10
    assert len(gallery | strangers | other | others) == 40
    assert found.metrics["rank_1"].point == 1
    assert found.metrics["dir_at_fpir_0.1"].point == 1


def test_openset_refuses_few_people_nan_and_settings_without_meaning() -> None:
    nan = templates(np.full((160, 2), np.nan), lambda a, b: np.zeros((len(a), len(b))) * np.nan)
    four_each = np.repeat(np.arange(40), 4)
    cases = [(four_each[:20], {}), (np.arange(40), {}), (four_each, {}), (four_each, {"shots": 0})]
    for identities, options in [*cases, (four_each, {"fpirs": (0,)})]:
        with pytest.raises(TwinnetError):
            openset(nan, identities, **options)
