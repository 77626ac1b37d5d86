"""`calibrate` as a user meets it: a band, a probability alone, and what it says about its own figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from twinnet import load
from twinnet.decide import far_in_gallery
from twinnet.model import card

Shell = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def banded(shell: Shell, uncalibrated: Path, people: Path) -> Path:
    path = uncalibrated.with_name("banded.twin")
    done = shell("calibrate", uncalibrated, people, "-o", path, "--far", "0.05", "--frr", "0.05")
    assert done.returncode == 0, done.stderr
    return path


def metrics(done: CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["metrics"]
    return found


def test_two_promises_make_a_band_that_keeps_them(banded: Path) -> None:
    rule = load(banded).known_rule
    assert rule.band is not None
    assert rule.abstain == (rule.band.low, rule.band.high)
    assert rule.band.far.point <= 0.05
    assert rule.band.frr.point <= 0.05
    assert rule.band.low <= rule.threshold <= rule.band.high


def test_info_reports_the_figures_that_calibrate_reported(
    shell: Shell, uncalibrated: Path, people: Path, tmp_path: Path
) -> None:
    out = tmp_path / "m.twin"
    told = metrics(shell("calibrate", uncalibrated, people, "-o", out, "--far", "0.05", "--frr", "0.05", "--json"))
    assert {"band_far", "band_frr", "abstained_genuine", "ece", "brier", "far_in_gallery_1000"} <= set(told)
    assert metrics(shell("info", out, "--json")) == told


def test_the_chance_in_a_gallery_is_that_of_the_verdicts_far(shell: Shell, banded: Path, calibrated: Path) -> None:
    for path in (banded, calibrated):
        rule = load(path).known_rule
        far = rule.band.far if rule.band else rule.far
        assert far is not None
        chance = metrics(shell("info", path, "--json"))["far_in_gallery_100"]
        expected = [far_in_gallery(rate, 100) for rate in (far.low, far.point, far.high)]
        assert [chance[name] for name in ("low", "value", "high")] == pytest.approx(expected)


def test_the_card_says_which_figures_flatter(shell: Shell, banded: Path, calibrated: Path, uncalibrated: Path) -> None:
    shown = shell("info", banded).stdout
    assert "**Too close to call** from" in shown
    assert "band's rates come from the pairs that chose it, so they flatter" in shown
    assert "**A stranger is accepted** in a gallery of 10: " in shown
    assert "independently" in shown
    assert "chose the threshold" in card(load(calibrated))
    assert "flatter" not in shell("info", uncalibrated).stdout


def test_a_given_threshold_flatters_nobody(shell: Shell, uncalibrated: Path, people: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.twin"
    done = shell("calibrate", uncalibrated, people, "-o", out, "--threshold", "0.1")
    assert done.returncode == 0, done.stderr
    assert "chose" not in done.stdout
    assert "far_in_gallery_10000" in done.stdout


def test_too_few_identities_to_judge_the_probability_are_named(
    shell: Shell, uncalibrated: Path, people: Path, tmp_path: Path
) -> None:
    out = tmp_path / "m.twin"
    done = shell("calibrate", uncalibrated, people, "-o", out, "--group", "town0")  # six: one or two in a fold
    assert done.returncode == 0, done.stderr
    assert "takes five folds of identities" in done.stdout
    assert "ece" not in metrics(shell("info", out, "--json"))


def test_the_probability_alone_moves_no_verdict(shell: Shell, banded: Path, people: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.twin"
    done = shell("calibrate", banded, people, "-o", out, "--only-probability", "--probability", "beta")
    assert done.returncode == 0, done.stderr
    old, new = load(banded).known_rule, load(out).known_rule
    assert new.calibrator != old.calibrator
    assert (new.threshold, new.band, new.far, new.frr) == (old.threshold, old.band, old.far, old.frr)


def test_a_promise_without_the_other_is_refused(shell: Shell, uncalibrated: Path, people: Path) -> None:
    done = shell("calibrate", uncalibrated, people, "-o", "unused.twin", "--frr", "0.05")
    assert done.returncode != 0
    assert "give far and frr" in done.stderr
