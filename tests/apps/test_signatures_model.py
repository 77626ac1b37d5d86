"""A small model from beginning to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from signature_pictures import drawn, write_folder

from twinnet import Model, load
from twinnet.apps.signatures import CONFIG, clean, judge, learn, rules_of, verify
from twinnet.core.errors import ConfigError, ModelFileError, TooFewIdentities, UnreadableItem

QUICK = replace(CONFIG, steps=3, width=4, dim=8, size_px=24, width_px=48, group_blocks=3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("signatures")
    learn(write_folder(folder / "scans", 8), QUICK, out=folder / "s.twin", draws=3)
    return load(folder / "s.twin")  # what is tested is what came back from disk


def test_it_decides_from_one_to_five_references_and_says_how_often_it_errs(model: Model) -> None:
    assert sorted(rules_of(model).by_number) == [1, 2, 3, 4, 5]
    for n in (1, 3, 5):
        answer = verify(model, [drawn(30, i) for i in range(n)], drawn(30, 9))
        rule = rules_of(model).of(n).rule
        assert answer.decision.threshold == rule.threshold
        assert answer.decision.same == (answer.decision.distance < rule.threshold)
        assert (answer.n_references, answer.forgeries) == (n, "skilled")
        assert answer.decision.far is not None
        assert 0 <= answer.decision.far.low <= answer.decision.far.high <= 1
        assert answer.decision.probability is not None


def test_a_strangers_signature_is_farther_than_the_writers_own(model: Model) -> None:
    references = [drawn(31, i) for i in range(3)]
    own = [verify(model, references, drawn(31, i)).decision.distance for i in range(5, 9)]
    others = [verify(model, references, drawn(writer, 0)).decision.distance for writer in range(40, 44)]
    assert max(own) < min(others)


def test_the_pens_darkness_moves_the_distance_hardly(model: Model) -> None:
    references = [drawn(31, i) for i in range(3)]
    pale, dark = (verify(model, references, drawn(31, 9, ink=ink)).decision.distance for ink in (120, 20))
    stranger = verify(model, references, drawn(40, 0)).decision.distance
    assert abs(pale - dark) < 0.1 * stranger


def test_the_order_of_the_references_does_not_matter(model: Model) -> None:
    references = [drawn(31, i) for i in range(4)]
    there, back = (verify(model, r, drawn(31, 8)).decision.distance for r in (references, references[::-1]))
    assert there == pytest.approx(back, rel=1e-5, abs=1e-7)


def test_unseen_writers_are_judged_for_each_number_with_intervals(model: Model, tmp_path: Path) -> None:
    result = judge(model, write_folder(tmp_path, 4, first=20), draws=3)
    assert result.protocol == "signatures"
    assert {"eer_skilled_1", "eer_random_5", "far_skilled_3", "frr_5", "auc_skilled_1"} <= set(result.metrics)
    assert result.metrics["eer_random_5"].point <= result.metrics["eer_skilled_1"].point
    assert result.counts["writers"] == 4
    assert all(0 <= i.low <= i.point <= i.high <= 1 for i in result.metrics.values())


def test_an_unreadable_scan_is_passed_over(model: Model, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, 3, first=20)
    (folder / "w20" / "genuine" / "0.png").write_bytes(b"nothing")
    assert judge(model, folder, draws=2).counts["signatures"] == 29


def test_a_folder_without_forgeries_teaches_by_bent_ones_and_says_so(tmp_path: Path) -> None:
    model = learn(write_folder(tmp_path, 6, genuine=4, forged=0), QUICK, draws=2)
    assert rules_of(model).forgeries == "synthetic"
    assert sorted(rules_of(model).by_number) == [1, 2, 3]  # a fourth reference leaves no genuine probe
    assert verify(model, [drawn(50, 0)], drawn(50, 1)).forgeries == "synthetic"


def test_what_cannot_be_answered_is_refused_with_a_next_step(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 to 5 references"):
        verify(model, [], drawn(0, 0))
    with pytest.raises(UnreadableItem, match="no ink"):
        verify(model, [drawn(0, 0)], np.full((60, 90, 1), 240, np.uint8))
    with pytest.raises(ModelFileError, match="signatures train"):
        verify(replace(model, facts={}), [drawn(0, 0)], drawn(0, 1))
    with pytest.raises(TooFewIdentities, match="it takes 6"):
        learn(write_folder(tmp_path, 5), QUICK)


def test_clean_shows_bright_ink_on_black_of_the_models_size(model: Model) -> None:
    assert clean(drawn(0, 0)).shape == (64, 128, 1)
    seen = clean(drawn(0, 0), model.preprocess)
    assert seen.shape == (24, 48, 1)
    assert np.median(seen) == 0
    assert seen.max() > 128
