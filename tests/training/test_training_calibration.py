"""Threshold and probability are learned on identities that training never saw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_training_loop import TINY, digits

import twinnet


@pytest.fixture(scope="module")
def model() -> twinnet.Model:
    data = digits(600)
    known = data.subset(np.flatnonzero(data.labels() < 6))
    return twinnet.train(known, replace(TINY, steps=30, validation_share=0, calibration_share=0))


@pytest.fixture(scope="module")
def unseen() -> twinnet.Dataset:
    data = digits(600)
    return data.subset(np.flatnonzero(data.labels() >= 6))


def test_a_model_without_a_threshold_measures_but_does_not_decide(model: twinnet.Model) -> None:
    a, b = digits().read(0), digits().read(1)
    assert model.distance(a, b) >= 0
    with pytest.raises(twinnet.NotCalibrated, match="twinnet calibrate"):
        model.verify(a, b)


def test_identities_of_the_training_set_are_refused_by_name(model: twinnet.Model) -> None:
    with pytest.raises(twinnet.LeakError, match="6 of the 10 identities"):
        twinnet.calibrate(model, digits(600))
    assert twinnet.calibrate(model, digits(600), accept_seen=True).rule is not None


def test_the_eer_threshold_errs_alike_on_both_sides(model: twinnet.Model, unseen: twinnet.Dataset) -> None:
    rule = twinnet.calibrate(model, unseen).known_rule
    assert rule.far is not None
    assert rule.frr is not None
    assert rule.far.point == pytest.approx(rule.frr.point, abs=0.01)
    assert rule.far.low < rule.far.point < rule.far.high


def test_a_target_far_is_kept_and_an_unsupported_one_refused(model: twinnet.Model, unseen: twinnet.Dataset) -> None:
    rule = twinnet.calibrate(model, unseen, method="far", far=0.05).known_rule
    assert rule.far is not None
    assert rule.far.point <= 0.05
    with pytest.raises(twinnet.TooFewImpostors, match="FAR 1e-05 needs at least 299,572 impostor pairs"):
        twinnet.calibrate(model, unseen, method="far", far=1e-5)


def test_calibrating_changes_decisions_but_neither_embeddings_nor_fingerprint(
    model: twinnet.Model, unseen: twinnet.Dataset
) -> None:
    calibrated = twinnet.calibrate(model, unseen)
    strict = twinnet.calibrate(model, unseen, method="given", value=1e-9)
    assert calibrated.fingerprint == strict.fingerprint == model.fingerprint
    a, b = unseen.read(0), unseen.read(4)
    assert calibrated.distance(a, b) == strict.distance(a, b)
    assert not strict.verify(a, b).same


@pytest.mark.parametrize("probability", ["platt", "isotonic", "beta"])
def test_probability_falls_with_distance(model: twinnet.Model, unseen: twinnet.Dataset, probability: str) -> None:
    rule = twinnet.calibrate(model, unseen, probability=probability).known_rule
    assert rule.calibrator is not None
    p = rule.calibrator(np.linspace(0, 2, 50))
    assert (np.diff(p) <= 1e-12).all()
    assert p[0] > 0.5 > p[-1]


def test_evaluation_notes_identities_that_were_trained_on(model: twinnet.Model, unseen: twinnet.Dataset) -> None:
    assert not [note for note in twinnet.evaluate(model, unseen).notes if "trained on" in note]
    assert any("6 of 10 identities were trained on" in note for note in twinnet.evaluate(model, digits(600)).notes)


def test_a_band_keeps_both_promises_and_survives_the_file(
    model: twinnet.Model, unseen: twinnet.Dataset, tmp_path: Path
) -> None:
    found = twinnet.calibrate(model, unseen, far=0.02, frr=0.05)
    rule = found.known_rule
    assert rule.band is not None
    assert rule.band.far.point <= 0.02
    assert rule.band.frr.point <= 0.05
    assert rule.band.low <= rule.threshold <= rule.band.high
    found.save(tmp_path / "m.twin")
    assert twinnet.load(tmp_path / "m.twin").known_rule == rule


def test_a_probability_is_refitted_without_moving_the_threshold(model: twinnet.Model, unseen: twinnet.Dataset) -> None:
    old = twinnet.calibrate(model, unseen, method="given", value=0.123)
    new = twinnet.calibrate(old, unseen, probability="beta", only_probability=True).known_rule
    assert new.calibrator != old.known_rule.calibrator
    assert replace(new, calibrator=None, ece=None, brier=None) == replace(
        old.known_rule, calibrator=None, ece=None, brier=None
    )


def test_one_promise_without_the_other_makes_no_band(model: twinnet.Model, unseen: twinnet.Dataset) -> None:
    with pytest.raises(twinnet.TwinnetError, match="needs both promises"):
        twinnet.calibrate(model, unseen, frr=0.1)
