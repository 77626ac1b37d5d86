"""The gallery's commands on a server: the same words, another place."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from twinnet import Model, Preprocess, compare, encoders
from twinnet.encoders import EncoderSpec

sys.path.insert(0, str(Path(__file__).parents[1] / "gallery"))
import milvus_server

Shell = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = milvus_server.start(tmp_path_factory.mktemp("milvus"))
    yield f"{server.uri}/staff"
    server.kill()


def test_the_whole_life_of_a_gallery_on_a_server(
    place: str, shell: Shell, people: Path, calibrated: Path, tmp_path: Path
) -> None:
    def ask(*words: object) -> Any:
        done = shell("gallery", *words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    face = people / "town0/p00/0.png"
    made = ask("enrol-folder", place, people, "--model", calibrated)
    assert made["counts"] == {"identities": 12, "items": 48, "skipped": 0}
    local = tmp_path / "local"
    ask("enrol-folder", local, people, "--model", calibrated)
    for verb in (["identify"], ["search", "-k", "5"]):
        there, here = (ask(verb[0], where, face, *verb[1:])["matches"] for where in (place, local))
        assert [(m["identity"], m["same"]) for m in there] == [(m["identity"], m["same"]) for m in here]
        assert [m["distance"] for m in there] == pytest.approx([m["distance"] for m in here], abs=1e-5)
        assert [m["far_in_gallery"] for m in there] == [m["far_in_gallery"] for m in here]
    assert ask("verify", place, "town0/p00", face)["same"] is True
    assert ask("info", place)["counts"]["templates"] == 12
    forgotten = shell("gallery", "forget", place, "town0/p03")
    assert forgotten.returncode == 0
    assert "compacts" in forgotten.stderr
    assert "town0/p03" not in [one["name"] for one in ask("list", place)["identities"]]
    assert ask("export", place, "-o", tmp_path / "e.parquet")["counts"] == {"templates": 11}
    assert ask("import", tmp_path / "copy", tmp_path / "e.parquet")["counts"] == {"templates": 11}
    assert ask("import", place + "_copy", tmp_path / "e.parquet")["counts"] == {"templates": 11}
    assert ask("rebuild", place)["counts"] == {"templates": 11}
    assert ask("verify-integrity", place)["problems"] == []
    assert ask("duplicates", place)["command"] == "gallery duplicates"


def test_another_model_is_refused(place: str, shell: Shell, people: Path, calibrated: Path, tmp_path: Path) -> None:
    face = people / "town0/p00/0.png"
    assert shell("gallery", "enrol", place + "_other", "Ada", face, "--model", calibrated).returncode == 0
    spec = EncoderSpec("compact", 1, 8, width=4)
    Model(encoders.build(spec), compare.build("cosine", 8), Preprocess(16, 16), None, {}, spec).save(tmp_path / "m")
    done = shell("gallery", "identify", place + "_other", face, "--model", tmp_path / "m")
    assert done.returncode == 2
    assert "WrongModel" in done.stderr


def test_an_absent_server_is_one_line(shell: Shell, people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = {"key": None, "patience_s": 0.5}
    monkeypatch.setattr("twinnet.gallery.milvus.store.MilvusStore.open.__func__.__kwdefaults__", patient)
    done = shell("gallery", "list", "milvus://127.0.0.1:9/staff")
    assert done.returncode == 2
    assert "no Milvus server answers" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
