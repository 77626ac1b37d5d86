"""`twinnet handwriting …` in a shell, on sheets and scripts of invented characters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

from twinnet.apps.handwriting.compose import Paper, compose
from twinnet.core.seeds import stream
from twinnet.data.invented import InventedCharacters

Shell = Callable[..., CompletedProcess[str]]
CHARACTERS = InventedCharacters(seed=8)


def drawings(n: int, pen: int) -> np.ndarray:
    return CHARACTERS.draw(np.arange(n), stream(pen, "pen"))


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four alphabets of six characters by four drawers, called as Omniglot's files are."""
    root = tmp_path_factory.mktemp("scripts")
    for drawer in range(1, 5):
        for i, drawing in enumerate(drawings(24, drawer)):
            folder = root / f"alphabet{i // 6}" / f"character{i % 6 + 1:02d}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(255 - drawing[:, :, 0]).save(folder / f"{i:04d}_{drawer:02d}.png")
    return root


@pytest.fixture(scope="module")
def reader(scripts: Path, shell: Shell) -> Path:
    out = scripts.parent / "reader.twin"
    done = shell("handwriting", "train", scripts, "-o", out, "--steps", 4, "--accept-leaks")
    assert done.returncode == 0, done.stderr
    assert "temperature" in done.stdout
    return out


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheet") / "sheet.png"
    picture, _ = compose(list(drawings(8, 1)), Paper(columns=4))
    Image.fromarray(picture[:, :, 0]).save(path)
    return path


def test_a_sheet_is_cut_and_its_boxes_are_told_three_times(shell: Shell, sheet: Path, tmp_path: Path) -> None:
    done = shell("handwriting", "cut", sheet, "-o", tmp_path / "cut", "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert value["command"] == "handwriting cut"
    assert value["counts"] == {"characters": 8, "lines": 2, "dropped": 0}
    kept = json.loads((tmp_path / "cut" / "boxes.json").read_text())
    assert [row["box"] for row in kept["items"]] == [row["box"] for row in value["items"]]
    assert (tmp_path / "cut" / "boxes.png").exists()
    again = shell("handwriting", "cut", sheet, "-o", tmp_path / "cut")
    assert again.returncode == 2
    assert "is not empty" in again.stderr


def test_from_two_sheets_to_text(shell: Shell, reader: Path, sheet: Path) -> None:
    names = "a b c d e f g h"
    done = shell("handwriting", "read", sheet, "--cut", "--examples", sheet, "--names", names, "--model", reader)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("reads:\na b c d\ne f g h\n")  # the examples themselves are read without error


def test_without_a_model_the_one_that_comes_along_reads_and_is_written(
    shell: Shell, sheet: Path, tmp_path: Path
) -> None:
    done = shell("handwriting", "read", sheet, "--cut", "--examples", sheet, "--names", "a b c d e f g h", "--json")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "own.twin"
    written = shell("handwriting", "model", "-o", out)
    assert written.returncode == 0, written.stderr
    assert "Draw" in written.stdout
    told = json.loads(shell("handwriting", "model", "-o", out, "--json").stdout)
    assert told["model"] == json.loads(done.stdout)["model"]
    assert "Licence of the data" in shell("info", out).stdout


def test_reading_single_pictures_answers_with_a_ranking(
    shell: Shell, reader: Path, sheet: Path, tmp_path: Path
) -> None:
    shell("handwriting", "cut", sheet, "-o", tmp_path / "cut", "--grid", "4x2")
    probe = tmp_path / "cut" / "003.png"
    done = shell("handwriting", "read", probe, "--model", reader, "--examples", tmp_path / "cut", "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert value["counts"] == {"characters": 8, "probes": 1, "unknown": 0}
    ranking = value["readings"][0]["ranking"]
    assert (len(ranking), ranking[0]["name"]) == (8, "003")
    assert sum(guess["probability"] for guess in ranking) == pytest.approx(1)
    shown = shell("handwriting", "read", probe, "--model", reader, "--examples", tmp_path / "cut", "--top", 2)
    assert shown.stdout.startswith(f"{probe}: 003 ")
    assert shown.stdout.count("%") == 2


def test_a_grid_and_a_model_that_do_not_fit_are_named(
    shell: Shell, sheet: Path, uncalibrated: Path, tmp_path: Path
) -> None:
    wrong = shell("handwriting", "cut", sheet, "-o", tmp_path / "x", "--grid", "five")
    assert (wrong.returncode, "--grid takes columns x rows" in wrong.stderr) == (2, True)
    untrained = shell("handwriting", "read", sheet, "--model", uncalibrated, "--examples", sheet)
    assert (untrained.returncode, "handwriting train" in untrained.stderr) == (2, True)


def test_writers_are_trained_and_two_samples_compared(shell: Shell, scripts: Path, tmp_path: Path) -> None:
    model = tmp_path / "writers.twin"
    done = shell("handwriting", "writers", "train", scripts, "-o", model, "--steps", 3, "--accept-leaks", "--json")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["metrics"]) == {"threshold_1"}  # six characters are not five and five
    for drawer in (1, 2):
        (tmp_path / f"d{drawer}").mkdir()
        for i, drawing in enumerate(drawings(3, drawer)):
            Image.fromarray(255 - drawing[:, :, 0]).save(tmp_path / f"d{drawer}" / f"{i}.png")
    verdict = shell("handwriting", "writers", "verify", model, tmp_path / "d1", tmp_path / "d2", "--json")
    assert verdict.returncode == 0, verdict.stderr
    value = json.loads(verdict.stdout)
    assert value["counts"] == {"first": 3, "second": 3, "threshold_for": 1}
    assert value["same"] == (value["metrics"]["distance"]["value"] < value["metrics"]["threshold"]["value"])
    said = shell("handwriting", "writers", "verify", model, tmp_path / "d1", tmp_path / "d1")
    assert "3 and 3 characters; the threshold is for 1 on each side" in said.stdout
    empty = tmp_path / "none"
    empty.mkdir()
    assert "has no pictures" in shell("handwriting", "writers", "verify", model, empty, tmp_path / "d1").stderr
