"""`twinnet doctor` in a shell: words for people, one object for programs, and an exit code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Shell = Callable[..., CompletedProcess[str]]


def test_a_sound_set_ends_with_zero_and_one_object_of_the_house(shell: Shell, people: Path) -> None:
    done = shell("doctor", people, "--json")
    value = json.loads(done.stdout)
    assert done.returncode == 0
    assert list(value)[:4] == ["command", "protocol", "metrics", "counts"]
    assert value["command"] == "doctor"
    assert (value["counts"]["items"], value["counts"]["identities"], value["counts"]["findings_stop"]) == (48, 12, 0)
    assert set(value["findings"][0]) == {"kind", "severity", "words", "count", "items", "next"}
    assert value["metrics"]["nearest_is_own"]["value"] == 1


def test_a_copy_in_the_test_data_ends_with_one_and_names_both(shell: Shell, people: Path, tmp_path: Path) -> None:
    test = tmp_path / "test"
    for i, name in enumerate(("new", "other")):
        (test / name).mkdir(parents=True)
        shutil.copy(people / "town0" / f"p0{i}" / "0.png", test / name / "x.png")
    done = shell("doctor", people, "--against", test)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("stop: 2 pairs of equal pictures on two sides of a split")
    assert "town0/p00/0.png = new/x.png" in done.stdout


def test_the_same_folder_as_its_own_test_set_leaks_every_item(shell: Shell, people: Path) -> None:
    value = json.loads(shell("doctor", people, "--against", people, "--json").stdout)
    by_kind = {finding["kind"]: finding for finding in value["findings"]}
    assert by_kind["leak"]["count"] >= 48
    assert by_kind["shared_identities"]["count"] == 12


def test_a_broken_file_is_a_finding_and_a_model_judges_the_rest(
    shell: Shell, people: Path, uncalibrated: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(people, tmp_path / "people")
    (folder / "town0" / "p00" / "0.png").write_bytes(b"nothing")
    done = shell("doctor", folder, "--model", uncalibrated)
    assert done.returncode == 0, done.stderr
    assert "1 item cannot be read" in done.stdout
    assert "town0/p00/0.png: " in done.stdout


def test_a_swapped_picture_is_suspected(shell: Shell, people: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(people, tmp_path / "people")
    shutil.move(folder / "town0" / "p00" / "0.png", folder / "town1" / "p11" / "stray.png")
    value = json.loads(shell("doctor", folder, "--json").stdout)
    found = next(finding for finding in value["findings"] if finding["kind"] == "suspect")
    assert found["items"] == ["town1/p11/stray.png (rather town0/p00)"]


def test_train_stops_on_a_leak_unless_told_to_accept_it(shell: Shell, people: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(people, tmp_path / "people")
    for i in range(11):  # a copy in the next folder: some stand on two sides of any split
        town = f"town{(i + 1) // 6}"
        shutil.copy(folder / f"town{i // 6}" / f"p{i:02d}" / "0.png", folder / town / f"p{i + 1:02d}" / "copy.png")
    words = ["-o", tmp_path / "m.twin", "--steps", 2, "-P", 4, "-K", 2, "--dim", 8, "--encoder", "compact"]
    shares = ["--validation", "0.2", "--calibration", "0.2"]
    stopped = shell("train", folder, *words, *shares)
    assert stopped.returncode == 2
    assert stopped.stderr.startswith("LeakError: ")
    assert "--accept-leaks" in stopped.stderr
    accepted = shell("train", folder, *words, *shares, "--accept-leaks")
    assert accepted.returncode == 0, accepted.stderr
    assert "note: " in accepted.stderr
