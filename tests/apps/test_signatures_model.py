"""A small model from beginning to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from signature_pictures import drawn, write_folder

from twinnet.apps.signatures import SignatureModel, clean, judge, learn, load, verify
from twinnet.apps.signatures.measure import INPUTS, PREPROCESS, look, pictures
from twinnet.apps.signatures.model import KIND
from twinnet.apps.signatures.resume import resumed
from twinnet.core.errors import ConfigError, ModelFileError, TooFewIdentities, UnreadableItem
from twinnet.model.file import write_sealed


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SignatureModel:
    folder = tmp_path_factory.mktemp("signatures")
    learn(write_folder(folder / "scans", 6), out=folder / "s.twin", draws=2)
    return load(folder / "s.twin")  # what is tested is what came back from disk


def test_it_decides_from_one_to_five_references_and_says_how_often_it_errs(model: SignatureModel) -> None:
    assert sorted(model.rules.by_number) == [1, 2, 3, 4, 5]
    for n in (1, 3, 5):
        answer = verify(model, [drawn(30, i) for i in range(n)], drawn(30, 9))
        rule = model.rules.of(n).rule
        assert answer.decision.threshold == rule.threshold
        assert answer.decision.same == (answer.decision.distance < rule.threshold)
        assert (answer.n_references, answer.forgeries) == (n, "skilled")
        assert answer.decision.far is not None
        assert 0 <= answer.decision.far.low <= answer.decision.far.high <= 1
        assert answer.decision.probability is not None


def test_a_strangers_signature_is_farther_than_the_writers_own(model: SignatureModel) -> None:
    references = [drawn(31, i) for i in range(3)]
    own = [verify(model, references, drawn(31, i)).decision.distance for i in range(5, 9)]
    others = [verify(model, references, drawn(writer, 0)).decision.distance for writer in range(40, 44)]
    assert max(own) < min(others)


def test_the_pens_darkness_moves_the_distance_hardly(model: SignatureModel) -> None:
    references = [drawn(31, i) for i in range(3)]
    pale, dark = (verify(model, references, drawn(31, 9, ink=ink)).decision.distance for ink in (120, 20))
    stranger = verify(model, references, drawn(40, 0)).decision.distance
    assert abs(pale - dark) < 0.1 * stranger


def test_the_order_of_the_references_does_not_matter(model: SignatureModel) -> None:
    references = [drawn(31, i) for i in range(4)]
    there, back = (verify(model, r, drawn(31, 8)).decision.distance for r in (references, references[::-1]))
    assert there == pytest.approx(back, rel=1e-5, abs=1e-7)


def test_unseen_writers_are_judged_for_each_number_with_intervals(model: SignatureModel, tmp_path: Path) -> None:
    result = judge(model, write_folder(tmp_path, 4, first=20), draws=3)
    assert result.protocol == "signatures"
    assert {"eer_skilled_1", "eer_random_5", "far_skilled_3", "frr_5", "auc_skilled_1"} <= set(result.metrics)
    assert result.metrics["eer_random_5"].point <= result.metrics["eer_skilled_1"].point
    assert result.counts["writers"] == 4
    assert all(0 <= i.low <= i.point <= i.high <= 1 for i in result.metrics.values())


def test_an_unreadable_scan_is_passed_over(model: SignatureModel, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, 3, genuine=3, forged=1, first=20)
    (folder / "w20" / "genuine" / "0.png").write_bytes(b"nothing")
    assert judge(model, folder, draws=2).counts["signatures"] == 11


def test_a_folder_without_forgeries_teaches_by_bent_ones_and_says_so(tmp_path: Path) -> None:
    model = learn(write_folder(tmp_path, 6, genuine=4, forged=0), draws=1)
    assert model.rules.forgeries == "synthetic"
    assert not model.quality.weights.any()  # what bending leaves in a line is no forger's hand
    assert sorted(model.rules.by_number) == [1, 2, 3]  # a fourth reference leaves no genuine probe
    assert verify(model, [drawn(50, 0)], drawn(50, 1)).forgeries == "synthetic"


def test_what_cannot_be_answered_is_refused_with_a_next_step(model: SignatureModel, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 to 5 references"):
        verify(model, [], drawn(0, 0))
    with pytest.raises(UnreadableItem, match="no ink"):
        verify(model, [drawn(0, 0)], np.full((60, 90, 1), 240, np.uint8))
    with pytest.raises(TooFewIdentities, match="it takes 6"):
        learn(write_folder(tmp_path, 5))


def test_a_file_of_another_kind_a_damaged_one_and_one_that_was_changed_are_refused(
    model: SignatureModel, tmp_path: Path
) -> None:
    path = tmp_path / "s.twin"
    model.save(path)
    assert load(path).fingerprint == model.fingerprint
    whole = path.read_bytes()
    for spoiled in (whole[:-1], whole[:-9] + b"\0" + whole[-8:], whole.replace(b"skilled", b"skillet"), b"", b"PK"):
        path.write_bytes(spoiled)
        with pytest.raises(ModelFileError, match="signatures train"):
            load(path)
    with pytest.raises(ModelFileError, match="signatures train"):
        load(tmp_path / "none.twin")
    write_sealed(path, "twinnet", {"format": 1}, {})
    with pytest.raises(ModelFileError, match="another kind, or an older twinnet"):
        load(path)
    write_sealed(path, KIND, {**dict.fromkeys(("preprocess", "rules", "facts")), "format": 9}, {})
    with pytest.raises(ModelFileError, match="a newer twinnet"):
        load(path)


def test_an_interrupted_measurement_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinnet.apps.signatures.resume.EVERY_S", 0.0)
    monkeypatch.setattr("twinnet.apps.signatures.resume._BLOCK", 2)
    seen = look(pictures([drawn(writer, 0) for writer in range(4)], PREPROCESS))
    first, second = np.triu_indices(4, 1)
    kept = tmp_path / "kept"
    whole = resumed(seen, first, second, INPUTS, kept)
    asked: list[int] = []

    class Counting:
        placed, fine, dark = seen.placed, seen.fine, seen.dark

        def inputs(self, a: np.ndarray, b: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
            asked.append(len(a))
            return seen.inputs(a, b, names)

    assert np.array_equal(resumed(Counting(), first, second, INPUTS, kept), whole)  # type: ignore[arg-type]
    assert asked == []
    kept.write_bytes(kept.read_bytes()[:100])
    assert np.array_equal(resumed(Counting(), first, second, INPUTS, kept), whole)  # type: ignore[arg-type]
    assert asked == [2, 2, 2]
    resumed(Counting(), first[:4], second[:4], INPUTS, kept)  # type: ignore[arg-type]
    assert asked == [2, 2, 2, 2, 2]


def test_where_the_pen_may_count_it_is_one_more_input(tmp_path: Path) -> None:
    model = learn(write_folder(tmp_path, 6, genuine=3, forged=1), draws=1, keep_darkness=True)
    assert model.rules.inputs == (*INPUTS, "darkness")
    references = [drawn(31, i) for i in range(2)]
    same, other = (verify(model, references, drawn(31, 9, ink=ink)).measured["darkness"] for ink in (60, 20))
    assert same < 0.1 < other


def test_clean_shows_bright_ink_on_black() -> None:
    seen = clean(drawn(0, 0))
    assert seen.shape == (256, 512, 1)
    assert np.median(seen) == 0
    assert seen.max() > 128
