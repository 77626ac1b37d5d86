"""`twinnet signatures` from a folder of scans to a decision."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "apps"))
from signature_pictures import write_folder

Shell = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def trained(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("signatures")
    write_folder(folder / "scans", 6)
    done = shell("signatures", "train", folder / "scans", "-o", folder / "s.twin", "--json")
    return folder, done


def test_training_writes_a_model_and_one_object(trained: tuple[Path, CompletedProcess[str]]) -> None:
    folder, done = trained
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert (folder / "s.twin").is_file()
    assert value["command"] == "signatures train"
    assert value["forgeries"] == "skilled"
    assert {"far_skilled_1", "frr_5", "far_random_3"} <= set(value["metrics"])


def test_verify_answers_in_words_and_as_an_object(shell: Shell, trained: tuple[Path, CompletedProcess[str]]) -> None:
    folder, _ = trained
    own = folder / "scans" / "w00" / "genuine"
    asked = ["signatures", "verify", folder / "s.twin", own / "5.png", "-r", own / "0.png", "-r", own / "1.png"]
    done = shell(*asked)
    assert done.returncode == 0, done.stderr
    assert "genuine: distance" in done.stdout
    assert "for 2 references" in done.stdout
    assert "of other people's signatures" in done.stdout
    value = json.loads(shell(*asked, "--json").stdout)
    assert value["same"] == (value["metrics"]["distance"]["value"] < value["metrics"]["threshold"]["value"])
    assert value["metrics"]["far_skilled"]["low"] is not None
    assert {"turns", "line"} <= set(value["measured"])


def test_evaluate_reports_each_number_of_references(shell: Shell, trained: tuple[Path, CompletedProcess[str]]) -> None:
    folder, _ = trained
    write_folder(folder / "others", 2, first=20)
    done = shell("signatures", "evaluate", folder / "s.twin", folder / "others", "--draws", 1, "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert value["protocol"] == "signatures"
    assert {f"eer_skilled_{n}" for n in (1, 2, 3, 4, 5)} <= set(value["metrics"])


def test_clean_writes_what_is_looked_at(shell: Shell, trained: tuple[Path, CompletedProcess[str]]) -> None:
    folder, _ = trained
    done = shell("signatures", "clean", folder / "scans" / "w00" / "genuine" / "0.png", "-o", folder / "seen.png")
    assert done.returncode == 0, done.stderr
    seen = np.asarray(Image.open(folder / "seen.png"))
    assert seen.shape == (256, 512)
    assert np.median(seen) == 0


def test_a_sixth_reference_and_a_blank_sheet_are_refused_in_one_line(
    shell: Shell, trained: tuple[Path, CompletedProcess[str]]
) -> None:
    folder, _ = trained
    own = folder / "scans" / "w00" / "genuine"
    many = shell("signatures", "verify", folder / "s.twin", own / "5.png", *(["-r", own / "0.png"] * 6))
    assert (many.returncode, many.stdout) == (2, "")
    assert many.stderr.startswith("ConfigError: a signature is judged by 1 to 5 references; got 6.")
    Image.fromarray(np.full((60, 90), 240, np.uint8)).save(folder / "blank.png")
    blank = shell("signatures", "clean", folder / "blank.png", "-o", folder / "x.png")
    assert blank.returncode == 2
    assert "no ink was found" in blank.stderr
