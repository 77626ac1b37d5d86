from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import twinnet
from twinnet.cli.gallery import app

Shell = Callable[..., CompletedProcess[str]]
VERBS = [command.name or command.callback.__name__ for command in app.registered_commands]  # type: ignore[union-attr]


@pytest.fixture
def ask(shell: Shell) -> Callable[..., Any]:
    def run(*words: object) -> Any:
        done = shell("gallery", *words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def staff(tmp_path: Path, people: Path, calibrated: Path, shell: Shell) -> Path:
    done = shell("gallery", "enrol-folder", tmp_path / "staff", people, "--model", calibrated, "--keep-originals")
    assert done.returncode == 0, done.stderr
    return tmp_path / "staff"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_helps_with_an_example_and_offers_json(verb: str) -> None:
    shown = CliRunner().invoke(app, [verb, "--help"], terminal_width=200).output
    assert f"Example: twinnet gallery {verb} " in " ".join(shown.split())
    assert "--json" in shown


def test_the_first_enrolment_makes_the_gallery_and_later_verbs_need_no_model(
    ask: Any, tmp_path: Path, people: Path, calibrated: Path
) -> None:
    gallery, face = tmp_path / "g", people / "town0/p00/0.png"
    made = ask("enrol", gallery, "Ada", face, "--model", calibrated, "--meta", "town=Ulm")
    assert (made["command"], made["counts"], made["identity"]) == ("gallery enrol", {"items": 1, "templates": 1}, "Ada")
    match = ask("identify", gallery, face)["matches"][0]
    assert (match["identity"], match["same"], match["metadata"]) == ("Ada", True, {"town": "Ulm"})
    assert match["far"]["low"] <= match["far"]["value"] <= match["far"]["high"]
    assert match["far_in_gallery"] == pytest.approx(match["far"]["value"])  # of a gallery of one
    assert ask("verify", gallery, "Ada", face)["same"] is True
    assert ask("search", gallery, face, "--where", "town=Rom")["matches"] == []


def test_the_whole_life_of_a_gallery(ask: Any, staff: Path, people: Path, uncalibrated: Path) -> None:
    assert ask("info", staff)["counts"] | {"bytes_on_disk": 0} == {
        "identities": 12, "templates": 12, "items": 48, "originals": 48, "bytes_on_disk": 0,
    }  # fmt: skip
    again = ask("enrol-folder", staff, people)
    assert (again["counts"]["identities"], again["counts"]["skipped"]) == (0, 12)
    assert ask("forget", staff, "town0/p03")["erased"] is True
    assert "town0/p03" not in [one["name"] for one in ask("list", staff)["identities"]]
    assert ask("verify-integrity", staff)["problems"] == []
    assert ask("rebuild", staff)["counts"] == {"templates": 11}
    assert ask("duplicates", staff)["command"] == "gallery duplicates"
    assert ask("export", staff, "-o", staff.with_name("e.parquet"))["counts"] == {"templates": 11}
    assert ask("import", staff.with_name("copy"), staff.with_name("e.parquet"))["counts"] == {"templates": 11}
    assert ask("migrate", staff, "--to", uncalibrated)["counts"] == {"templates": 11}


def test_a_bad_image_of_a_folder_is_skipped_counted_and_listed(
    ask: Any, tmp_path: Path, people: Path, calibrated: Path
) -> None:
    for i, source in enumerate(sorted(people.rglob("*.png"))[:8]):
        place = tmp_path / "some" / source.parent.name / f"{i}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source.read_bytes() if i else b"no image")
    done = ask("enrol-folder", tmp_path / "g", tmp_path / "some", "--model", calibrated)
    assert done["counts"] == {"identities": 2, "items": 7, "skipped": 1}
    assert [skip["item"] for skip in done["skipped"]] == ["p00/0.png"]


def test_a_folder_of_one_identity_is_enrolled_and_its_bad_images_are_listed(
    ask: Any, tmp_path: Path, people: Path, calibrated: Path
) -> None:
    place = tmp_path / "one" / "Ada"
    place.mkdir(parents=True)
    for i in range(3):
        (place / f"{i}.png").write_bytes((people / f"town0/p00/{i}.png").read_bytes())
    (place / "bad.png").write_bytes(b"no image")
    done = ask("enrol-folder", tmp_path / "g", tmp_path / "one", "--model", calibrated)
    assert done["counts"] == {"identities": 1, "items": 3, "skipped": 1}
    assert [skip["item"] for skip in done["skipped"]] == ["Ada/bad.png"]
    (tmp_path / "one.csv").write_text("path,label\none/Ada/0.png,Bob\n")
    assert ask("enrol-folder", tmp_path / "g", tmp_path / "one.csv")["counts"]["identities"] == 1
    assert [one["name"] for one in ask("list", tmp_path / "g")["identities"]] == ["Ada", "Bob"]


def test_a_bad_export_makes_no_gallery(shell: Shell, staff: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    file = tmp_path / "e.parquet"
    assert shell("gallery", "export", staff, "-o", file).returncode == 0
    pq.write_table(pq.read_table(file).drop_columns(["source"]), file)
    done = shell("gallery", "import", tmp_path / "copy", file)
    assert done.returncode == 2
    assert "column 'source' is missing" in done.stderr
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("identify {none} {face}", "GalleryError: .*none: there is no gallery here"),
        ("enrol {none} Ada {face}", "GalleryError: .*a new gallery needs its model"),
        ("verify {staff} Nobody {face}", "NotEnrolled: Nobody"),
        ("forget {staff} Nobody", "NotEnrolled: Nobody"),
        ("identify {staff} missing.png", "UnreadableItem: missing.png"),
        ("search {staff} {face} --where town", "ConfigError: 'town' is not NAME=VALUE"),
        ("import {staff} {face}", "GalleryError: .*no export of a gallery"),
        ("enrol {none} Ada {face} --model {model} --encrypt", "GalleryError: --encrypt needs a key"),
    ],
)
def test_a_mistake_is_one_line(
    shell: Shell, staff: Path, people: Path, calibrated: Path, tmp_path: Path, words: str, says: str
) -> None:
    places = {"staff": staff, "none": tmp_path / "none", "face": people / "town0/p00/0.png", "model": calibrated}
    done = shell("gallery", *(word.format(**places) for word in words.split()))
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    import re

    assert re.search(says, done.stderr)
    assert not (tmp_path / "none").exists()


def test_an_encrypted_gallery_needs_its_key(
    shell: Shell, ask: Any, tmp_path: Path, people: Path, calibrated: Path
) -> None:
    key, gallery, face = tmp_path / "key", tmp_path / "g", people / "town0/p00/0.png"
    key.write_text("a long enough secret\n")
    ask("enrol", gallery, "Ada", face, "--model", calibrated, "--encrypt", "--key-file", key)
    assert ask("identify", gallery, face, "--key-file", key)["matches"][0]["identity"] == "Ada"
    assert "WrongKey: this gallery is encrypted" in shell("gallery", "list", gallery).stderr
    assert b"Ada" not in (gallery / "record.sqlite").read_bytes()


def test_the_library_says_the_same_and_another_model_is_refused(staff: Path, people: Path, uncalibrated: Path) -> None:
    face = people / "town1/p08/2.png"
    with twinnet.Gallery.open(staff) as gallery:
        assert len(gallery.names) == 12
        match = gallery.identify(face)[0]
        assert match.distance == pytest.approx(gallery.verify(match.identity, face).distance, abs=1e-6)
        with pytest.raises(twinnet.ConfigError, match="takes a list"):
            gallery.enrol("Bob", face)  # type: ignore[arg-type]
    model = twinnet.load(uncalibrated)
    other = twinnet.Model(model.encoder, model.comparison, twinnet.Preprocess(24, 24), None, {}, model.spec)
    with pytest.raises(twinnet.WrongModel, match="distances between the two mean nothing"):
        twinnet.Gallery.open(staff, other)
    with twinnet.Gallery.create(staff.with_name("arrays"), other) as gallery:
        gallery.enrol("x", [np.zeros((24, 24), np.uint8)])
        with pytest.raises(twinnet.GalleryError, match="did not keep the enrolled pictures"):
            gallery.migrate(model)
