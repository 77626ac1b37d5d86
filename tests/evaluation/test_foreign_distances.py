"""Distances of another system, here scikit-learn's PCA: a rule learned on some identities judges others."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import brier_score_loss, roc_auc_score

from twinnet.decide import DecisionRule, choose_threshold, ece, fit_platt
from twinnet.evaluation import verification_of_pairs
from twinnet.evaluation.pairing import pairs_to_compare


@pytest.fixture(scope="module")
def pixels() -> tuple[np.ndarray, np.ndarray]:
    x, who = load_digits(return_X_y=True)
    return PCA(16, random_state=0).fit(x[who < 2]).transform(x), who


def distances(pixels: tuple[np.ndarray, np.ndarray], least: int, most: int):  # type: ignore[no-untyped-def]
    rows = np.flatnonzero((pixels[1] >= least) & (pixels[1] < most))[:300]
    x, who = pixels[0][rows], pixels[1][rows]
    pairs = pairs_to_compare(who)
    return np.linalg.norm(x[pairs.first] - x[pairs.second], axis=1), pairs, who


def test_a_rule_learned_on_some_identities_judges_others(pixels: tuple[np.ndarray, np.ndarray]) -> None:
    d, pairs, _ = distances(pixels, 2, 6)
    choice = choose_threshold(d, pairs.same, method="far", far=0.05)
    rule = DecisionRule(choice.threshold, choice.method, fit_platt(d, pairs.same))
    d, pairs, who = distances(pixels, 6, 10)
    found = verification_of_pairs(d, pairs, who[pairs.first], who[pairs.second], rule=rule, replicates=20).metrics
    accepted = d < choice.threshold
    assert found["far"].point == pytest.approx(accepted[~pairs.same].mean())
    assert found["frr"].point == pytest.approx((~accepted[pairs.same]).mean())
    assert found["auc"].point == pytest.approx(roc_auc_score(pairs.same, -d))
    p = rule.calibrator(d)  # type: ignore[misc]
    even = np.where(pairs.same, 1 / pairs.same.sum(), 1 / (~pairs.same).sum())
    assert found["brier"].point == pytest.approx(brier_score_loss(pairs.same, p, sample_weight=even))
    assert found["brier"].low < found["brier"].point < found["brier"].high
    assert found["ece"].point == ece(p, pairs.same, prior=0.5)
    assert found["ece"].method == ""


def test_without_a_probability_none_is_judged(pixels: tuple[np.ndarray, np.ndarray]) -> None:
    d, pairs, who = distances(pixels, 6, 10)
    for rule in (None, DecisionRule(20.0, "given")):
        found = verification_of_pairs(d, pairs, who[pairs.first], who[pairs.second], rule=rule, replicates=3).metrics
        assert not {"ece", "brier"} & set(found)
