"""The demo in a few steps: everything is there, and says what was measured."""

from pathlib import Path

import numpy as np
import pytest

import twinnet
from twinnet.apps.demo import Shown, demo


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("twinnet.apps.contrast._STEPS", 12)
        return demo(tmp_path_factory.mktemp("demo"), steps=25)


def test_the_model_can_be_loaded_and_decides(shown: Shown) -> None:
    model = twinnet.load(shown.model)
    a, b, c = (shown.model.parent / name for name in ("five-a.png", "five-b.png", "six.png"))
    assert model.verify(a, a).same
    assert model.verify(a, b).threshold == model.verify(a, c).threshold == model.known_rule.threshold


def test_the_threshold_saw_only_0_to_4_and_the_figures_only_5_to_9(shown: Shown) -> None:
    model = twinnet.load(shown.model)
    assert model.known_rule.learned_on.startswith("5 identities, 901 items")
    assert shown.result.counts["identities"] == 5
    assert shown.result.counts["items"] == 1797 - 901


def test_a_few_steps_on_invented_characters_already_help_with_real_digits(shown: Shown) -> None:
    assert shown.result.metrics["auc"].point > 0.6
    assert shown.one_shot_pixels.metrics["accuracy"].point == pytest.approx(0.65, abs=0.03)


def test_the_classifier_calls_every_new_digit_one_of_the_old(shown: Shown) -> None:
    assert set(shown.contrast.called) == set("56789")
    for called in shown.contrast.called.values():
        assert set(called) <= set("01234")
    assert sum(sum(called.values()) for called in shown.contrast.called.values()) == 896
    assert 0.2 <= shown.contrast.confidence <= 1
    assert 0 < shown.contrast.enrol_seconds < shown.contrast.retrain_seconds


def test_the_page_shows_what_was_measured(shown: Shown) -> None:
    html = shown.page.read_text(encoding="utf-8")
    accuracy = shown.one_shot.metrics["accuracy"].point * 100
    assert f"{accuracy:.1f} %" in html
    assert html.count("<svg") == 4
    assert "Most mistaken pairs" in html
    assert "http://" not in html.replace("http://www.w3.org", "")


def test_the_same_seed_shows_the_same(shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinnet.apps.contrast._STEPS", 2)
    again = demo(tmp_path, steps=25)
    assert again.result.metrics == shown.result.metrics
    assert np.isclose(again.one_shot.metrics["accuracy"].point, shown.one_shot.metrics["accuracy"].point, atol=0)
