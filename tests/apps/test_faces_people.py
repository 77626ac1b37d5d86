from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from twinnet import ConfigError, DataError, DecisionRule, Gallery, Model, Preprocess, UnreadableItem, compare, encoders
from twinnet.apps.faces import (
    Box,
    CropNote,
    Face,
    crop,
    detector_size,
    enrol_faces,
    face_config,
    identify_face,
    train_faces,
    verify_faces,
)
from twinnet.encoders import EncoderSpec

Array = np.ndarray


@pytest.fixture(scope="module")
def model() -> Model:
    spec = EncoderSpec("compact", 1, 8, width=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = encoders.build(spec).eval()
    facts = {"faces": {"detected": True, "size_px": 32}}
    rule = DecisionRule(1e-4, "given")
    return Model(encoder, compare.build("cosine", 8), Preprocess(16, 16, fit="stretch"), rule, facts, spec)


def photo(person: int, *, at: tuple[int, int] = (10, 20), size: int = 24, faces: int = 1) -> Array:
    """A dark photo with the same pattern of one person, framed in white, at a place; others are smaller."""
    rng = np.random.default_rng(person)
    image = np.full((90, 120, 1), 5, np.uint8)
    small = rng.integers(20, 200, (4, 4)).astype(np.uint8)
    image[at[0] : at[0] + size, at[1] : at[1] + size, 0] = small.repeat(size // 4, 0).repeat(size // 4, 1)
    for i in range(1, faces):
        image[70:78, 10 * i : 10 * i + 8] = 100
    return image


def finder(image: Array) -> list[Face]:
    """Finds what is brighter than 10, by connected columns of the upper and the lower part."""
    found = []
    for top, bottom in ((0, 65), (65, 90)):
        rows, columns = np.nonzero(image[top:bottom, :, 0] > 10)
        for part in np.split(np.unique(columns), np.flatnonzero(np.diff(np.unique(columns)) > 1) + 1):
            if len(part):
                own = rows[np.isin(columns, part)]
                found.append(Face(Box(part.min(), top + own.min(), len(part), np.ptp(own) + 1)))
    return found


def test_one_face_at_two_places_of_two_photos_is_the_same_person(model: Model) -> None:
    answer = verify_faces(model, photo(1), photo(1, at=(30, 60)), finder)
    assert answer.decision is not None
    assert answer.decision.same
    assert answer.accepted
    assert (answer.a.says, answer.b.says) == ("one face", "one face")


def test_the_decision_is_that_of_the_crops(model: Model) -> None:
    a, b = photo(1), photo(2)
    crops = [crop(image, finder(image)[0], size_px=32) for image in (a, b)]
    answer = verify_faces(model, a, b, finder)
    assert answer.decision == model.verify(*crops)
    assert not answer.accepted


def test_several_faces_are_said_and_the_largest_decides(model: Model) -> None:
    alone, crowd = (
        verify_faces(model, photo(1), photo(1), finder),
        verify_faces(model, photo(1), photo(1, faces=3), finder),
    )
    assert crowd.b.says == "3 faces, the largest is used"
    assert crowd.decision == alone.decision


def test_a_photo_without_a_face_is_no_decision_and_not_accepted(model: Model) -> None:
    answer = verify_faces(model, photo(1), np.zeros((30, 30), np.uint8), finder)
    assert (answer.decision, answer.accepted, answer.b.says) == (None, False, "no face found")


def test_without_a_detector_pictures_are_taken_as_crops(model: Model) -> None:
    answer = verify_faces(model, photo(1), photo(2), None)
    assert answer.decision == model.verify(photo(1), photo(2))
    assert answer.a.says == "taken as a crop"


@pytest.mark.parametrize(("check", "says"), [(lambda image: True, "passed"), (lambda image: False, "failed")])
def test_a_failed_liveness_check_accepts_nobody_and_a_passed_one_decides_nothing(
    model: Model, check, says: str
) -> None:
    same = verify_faces(model, photo(1), photo(1), finder, liveness=check)
    assert (same.liveness, same.accepted) == (says, says == "passed")
    assert same.decision == verify_faces(model, photo(1), photo(1), finder).decision
    assert not verify_faces(model, photo(1), photo(2), finder, liveness=check).accepted


def test_liveness_is_asked_of_the_whole_probe_only(model: Model) -> None:
    asked = []
    verify_faces(model, photo(1), photo(2), finder, liveness=lambda image: bool(asked.append(image)) or True)
    assert len(asked) == 1
    np.testing.assert_array_equal(asked[0], photo(2))


def test_without_a_check_the_answer_says_not_checked(model: Model) -> None:
    assert verify_faces(model, photo(1), photo(1), finder).liveness == "not checked"


def test_an_error_or_a_vague_answer_of_the_check_never_passes(model: Model) -> None:
    with pytest.raises(ZeroDivisionError):
        verify_faces(model, photo(1), photo(1), finder, liveness=lambda image: 1 / 0)
    with pytest.raises(ConfigError, match="must answer True or False"):
        verify_faces(model, photo(1), photo(1), finder, liveness=lambda image: 0.9)  # type: ignore[arg-type,return-value]


def test_people_are_enrolled_by_their_faces_and_found_again(model: Model, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"x")
    with Gallery.create(tmp_path / "g", model, keep_originals=True) as gallery:
        photos = [photo(1), broken, np.zeros((9, 9), np.uint8), photo(1, at=(2, 3), faces=2)]
        receipt, seen, skipped = enrol_faces(gallery, "Ada", photos, finder)
        assert receipt.items == 2
        assert [one.says for one in seen] == ["one face", "2 faces, the largest is used"]
        assert [one.reason.split(" ")[0] for one in skipped] == ["is", "no"]
        found = identify_face(gallery, photo(1, at=(40, 60)), finder)
        assert [match.identity for match in found.matches] == ["Ada"]
        assert found.accepted
        assert not identify_face(gallery, photo(1), finder, liveness=lambda image: False).accepted
        assert identify_face(gallery, photo(2), finder).matches == ()
        nobody = identify_face(gallery, np.zeros((9, 9), np.uint8), finder)
        assert (nobody.matches, nobody.accepted, nobody.seen.says) == ((), False, "no face found")


def test_nobody_is_enrolled_by_photos_without_a_face(model: Model, tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "g", model) as gallery:
        with pytest.raises(DataError, match=r"none of 1 pictures has a face.*no face found"):
            enrol_faces(gallery, "Ada", [np.zeros((9, 9), np.uint8)], finder)
        assert gallery.names == []


def test_an_unreadable_photo_is_named(model: Model, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"x")
    with pytest.raises(UnreadableItem, match=r"x\.jpg"):
        verify_faces(model, photo(1), tmp_path / "x.jpg", finder)


def test_a_model_remembers_how_its_crops_were_made(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for person in range(4):
        folder = tmp_path / "crops" / f"p{person}"
        folder.mkdir(parents=True)
        for i in range(2):
            Pillow.fromarray(rng.integers(0, 255, (20, 20)).astype(np.uint8)).save(folder / f"{i}.png")
    quick = {"steps": 1, "size_px": 16, "encoder": "compact", "width": 4, "identities_per_batch": 2}
    plain = train_faces(tmp_path / "crops", out=tmp_path / "plain.twin", **quick)
    assert detector_size(plain) is None
    (tmp_path / "crops" / "faces.json").write_text('{"detected": true, "size_px": 48}')
    import twinnet

    train_faces(tmp_path / "crops", out=tmp_path / "noted.twin", **quick)
    assert detector_size(twinnet.load(tmp_path / "noted.twin")) == 48
    assert detector_size(replace(plain, facts={})) is None
    assert CropNote() == CropNote(True, 112)


def test_few_people_give_more_photos_of_each_to_a_batch() -> None:
    usual = face_config(steps=1)
    size = usual.identities_per_batch * usual.items_per_identity
    assert face_config(1000, steps=1) == usual
    for people in (2, 7, 20, 47):
        assert size - people < people * face_config(people, steps=1).items_per_identity <= size
    assert face_config(20, steps=1, items_per_identity=3).items_per_identity == 3
