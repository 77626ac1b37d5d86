"""`twinnet retrieve` and `twinnet duplicates` in a shell, on generated pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

Shell = Callable[..., CompletedProcess[str]]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twenty smooth coloured pictures of 80 × 60."""
    rng, root = np.random.default_rng(3), tmp_path / "pictures"
    (root / "sub").mkdir(parents=True)
    for i in range(20):
        small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8).astype(np.uint8))
        small.resize((80, 60), Image.Resampling.BICUBIC).save(root / ("sub" if i % 2 else "") / f"{i}.png")
    return root


def test_a_folder_is_indexed_once_then_only_what_changed(
    shell: Shell, uncalibrated: Path, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "index"
    (pictures / "bad.png").write_bytes(b"nothing")
    first = json.loads(shell("retrieve", "index", uncalibrated, pictures, "-o", out, "--json").stdout)
    assert (first["counts"]["added"], first["counts"]["skipped"]) == (20, 1)
    assert first["skipped"][0]["item"] == "bad.png"
    (pictures / "0.png").unlink()
    shutil.copy(pictures / "2.png", pictures / "new.png")
    Image.new("RGB", (40, 40), "red").save(pictures / "4.png")
    again = json.loads(shell("retrieve", "index", uncalibrated, pictures, "-o", out, "--json").stdout)["counts"]
    assert [again[name] for name in ("added", "changed", "removed", "kept")] == [1, 1, 1, 18]
    assert again["regions"] == 20


def test_a_picture_finds_itself_first_and_a_sheet_is_written(
    shell: Shell, calibrated: Path, pictures: Path, tmp_path: Path
) -> None:
    out, sheet = tmp_path / "index", tmp_path / "found.html"
    assert shell("retrieve", "index", calibrated, pictures, "-o", out).returncode == 0
    done = shell("retrieve", "query", out, pictures / "6.png", "-k", 3, "--sheet", sheet, "--json")
    answer = json.loads(done.stdout)
    assert answer["command"] == "retrieve query"
    assert answer["hits"][0]["name"] == "6.png"
    assert answer["hits"][0]["distance"] == pytest.approx(0, abs=1e-5)
    assert len(answer["hits"]) == 3
    assert "6.png" in sheet.read_text(encoding="utf-8")
    assert "http://" not in sheet.read_text(encoding="utf-8").replace("http://www.w3.org", "")


def test_a_crop_finds_its_picture_where_regions_are_indexed(
    shell: Shell, uncalibrated: Path, pictures: Path, tmp_path: Path
) -> None:
    out, sheet = tmp_path / "index", tmp_path / "found.png"
    assert shell("retrieve", "index", uncalibrated, pictures, "-o", out, "--regions").returncode == 0
    done = shell("retrieve", "query", out, pictures / "8.png", "--crop", "40,30,40,30", "--sheet", sheet, "--json")
    first = json.loads(done.stdout)["hits"][0]
    assert (first["name"], first["region"]) == ("8.png", [40, 30, 40, 30])
    with Image.open(sheet) as drawn:
        assert drawn.size[0] > 500


def test_what_cannot_be_asked_is_said(shell: Shell, uncalibrated: Path, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    assert "no index of pictures" in shell("retrieve", "query", pictures, pictures / "2.png").stderr
    shell("retrieve", "index", uncalibrated, pictures, "-o", out)
    beyond = shell("retrieve", "query", out, pictures / "2.png", "--crop", "70,0,20,20")
    assert beyond.returncode == 2
    assert "reaches beyond" in beyond.stderr
    assert "is an index of" in shell("retrieve", "index", uncalibrated, pictures / "sub", "-o", out).stderr


def test_retrieve_train_writes_a_model_that_indexes(shell: Shell, people: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.twin"
    done = shell("retrieve", "train", people, "-o", model, "--size", 16, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["steps"] == 0  # so few things get no network
    assert shell("retrieve", "index", model, people, "-o", tmp_path / "index").returncode == 0


def test_duplicates_groups_copies_and_nothing_else(shell: Shell, pictures: Path, tmp_path: Path) -> None:
    with Image.open(pictures / "2.png") as image:
        image.save(pictures / "2.jpg", quality=50)
        image.resize((160, 120)).save(pictures / "sub" / "large.png")
        image.crop((6, 4, 78, 58)).save(pictures / "cropped.png")
    shutil.copy(pictures / "4.png", pictures / "sub" / "same.png")
    (pictures / "bad.png").write_bytes(b"nothing")
    page = tmp_path / "copies.html"
    done = shell("duplicates", pictures, "-o", page, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {frozenset(group["pictures"]) for group in answer["groups"]} == {
        frozenset({"2.png", "2.jpg", "sub/large.png", "cropped.png"}),
        frozenset({"4.png", "sub/same.png"}),
    }
    assert (answer["counts"]["exact"], answer["counts"]["skipped"]) == (1, 1)
    assert 0 < answer["metrics"]["threshold"]["value"] < 0.35
    assert "Group 2" in page.read_text(encoding="utf-8")


def test_duplicates_refuses_a_rate_that_so_few_pictures_cannot_support(shell: Shell, pictures: Path) -> None:
    done = shell("duplicates", pictures, "--far", 1e-6)
    assert done.returncode == 2
    assert "ask for --far" in done.stderr
