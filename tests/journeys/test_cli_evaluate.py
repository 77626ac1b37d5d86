"""Each protocol as a command: it stamps its own name, and refuses what belongs to another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from PIL import Image

from twinnet.apps.lake_runs import write_runs
from twinnet.core.errors import ConfigError
from twinnet.data import omniglot

Shell = Callable[..., CompletedProcess[str]]


def answer(done: CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    assert value["model"]
    assert value["data"]
    return value


@pytest.fixture(scope="module")
def characters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two alphabets of five characters by four drawers, laid out as Omniglot is."""
    root, rng = tmp_path_factory.mktemp("drawn"), np.random.default_rng(1)
    for character in range(10):
        shape = rng.integers(0, 256, (16, 16))
        folder = root / f"alphabet{character // 5}" / f"character{character % 5:02d}"
        folder.mkdir(parents=True)
        for drawer in range(1, 5):
            drawn = np.clip(shape + rng.normal(0, 20, shape.shape), 0, 255).astype(np.uint8)
            Image.fromarray(drawn).save(folder / f"{character:04d}_{drawer:02d}.png")
    return root


def test_lake20_reads_runs_that_were_made_in_the_published_shape(
    shell: Shell, uncalibrated: Path, characters: Path, tmp_path: Path
) -> None:
    write_runs(omniglot(characters), tmp_path / "runs", runs=3, ways=4, seed=1)
    plain = answer(shell("evaluate", uncalibrated, tmp_path / "runs", "--protocol", "lake20", "--json"))
    other = answer(shell("evaluate", uncalibrated, tmp_path / "runs", "--protocol", "lake20-assignment", "--json"))
    assert (plain["protocol"], plain["counts"]["runs"]) == ("lake 3 runs of 4 in 4", 3)
    assert other["protocol"] == "lake-assignment 3 runs of 4 in 4"
    next((tmp_path / "runs").rglob("item01.png")).write_bytes(b"broken")
    assert "cannot be read" in shell("evaluate", uncalibrated, tmp_path / "runs", "--protocol", "lake20").stderr
    with pytest.raises(ConfigError, match="not empty"):
        write_runs(omniglot(characters), tmp_path / "runs")


def test_koch_reads_drawers_and_says_which(shell: Shell, calibrated: Path, characters: Path) -> None:
    words = ("--protocol", "koch", "--koch-pairs", 40, "--drawers", "2,3", "--json")
    value = answer(shell("evaluate", calibrated, characters, *words))
    assert value["protocol"] == "koch 40 pairs"
    assert value["counts"]["drawers"] == 2
    assert any("drawers 2, 3" in note for note in value["notes"])


def test_lfw_counts_and_lists_what_it_leaves_out(shell: Shell, uncalibrated: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for name in ("Ann", "Ben"):
        for n in (1, 2):
            (tmp_path / "lfw" / name).mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "lfw" / name / f"{name}_000{n}.png")
    (tmp_path / "pairs.txt").write_text(
        "2\t2\nAnn\t1\t2\nAnn\t1\t3\nAnn\t1\tBen\t1\nAnn\t2\tBen\t2\nBen\t1\t2\nAnn\t1\t2\nAnn\t1\tBen\t2\nAnn\t2\tBen\t1\n"
    )
    words = ("--protocol", "lfw", "--pairs", tmp_path / "pairs.txt", "--json")
    value = answer(shell("evaluate", uncalibrated, tmp_path / "lfw", *words))
    assert value["protocol"] == "lfw 2 folds"
    assert value["counts"]["pairs_left_out"] == 1
    assert any("Ann/Ann_0003" in note for note in value["notes"])
    assert "needs the file of pairs" in shell("evaluate", uncalibrated, tmp_path / "lfw", "--protocol", "lfw").stderr


def test_openset_is_judged_and_reported(shell: Shell, calibrated: Path, people: Path, tmp_path: Path) -> None:
    words = ("--protocol", "openset", "--report", tmp_path / "page.html", "--json")
    value = answer(shell("evaluate", calibrated, people, *words))
    assert value["protocol"] == "openset gallery of 3, 1-shot"
    assert {"rank_1", "dir_at_rule", "fpir_at_rule", "fpir_expected_from_far"} <= set(value["metrics"])
    assert (tmp_path / "page.html").stat().st_size > 1000


def test_an_option_of_another_protocol_is_refused(shell: Shell, calibrated: Path, people: Path) -> None:
    done = shell("evaluate", calibrated, people, "--protocol", "lake20", "--episodes", 3)
    assert done.returncode == 2
    assert "episodes does not belong to protocol lake20" in done.stderr
