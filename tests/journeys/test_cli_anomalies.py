"""Good plates and spotted ones, through the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image

Shell = Callable[..., CompletedProcess[str]]


def plate(path: Path, seed: int, spot: bool = False) -> None:
    rng = np.random.default_rng(seed)
    picture = 140 + 30 * np.sin(np.linspace(0, 20, 48))[None] + rng.normal(0, 5, (48, 48))
    mask = np.zeros((48, 48), np.uint8)
    if spot:
        row, column = rng.integers(8, 36, 2)
        picture[row : row + 8, column : column + 8] -= 90
        mask[row : row + 8, column : column + 8] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)
    if spot:
        masks = path.parents[1] / "masks"
        masks.mkdir(exist_ok=True)
        Image.fromarray(mask).save(masks / path.name)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    for i in range(36):
        plate(folder / f"good/{i:02d}.png", i)
    for i in range(12):
        plate(folder / f"fresh/{i:02d}.png", 100 + i)
        plate(folder / f"bad/{i:02d}.png", 200 + i, spot=True)
    (folder / "good/broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def detector(parts: Path, shell: Shell) -> Path:
    out = parts / "plate.detector"
    done = shell("anomalies", "fit", parts / "good", "-o", out, "--false-alarms", 0.1, "--steps", 150, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"] == {"good_samples": 36, "held_out": 12, "skipped": 1}
    return out


def test_an_alarm_is_said_and_is_the_exit_code(detector: Path, parts: Path, shell: Shell, tmp_path: Path) -> None:
    done = shell(
        "anomalies",
        "inspect",
        detector,
        parts / "bad",
        parts / "good/broken.png",
        "--heat-maps",
        tmp_path / "h",
        "--json",
    )
    answer = json.loads(done.stdout)
    assert answer["counts"]["images"] == 12
    assert answer["counts"]["skipped"] == 1
    assert done.returncode == (1 if answer["counts"]["alarms"] else 0)
    assert len(list((tmp_path / "h").iterdir())) == 12
    assert all(row["alarm"] == (row["p"] <= 0.1 + 1e-9) for row in answer["images"])
    assert "12 were held out" in answer["promise"]


def test_evaluation_has_intervals_and_the_place(detector: Path, parts: Path, shell: Shell) -> None:
    done = shell("anomalies", "evaluate", detector, "--good", parts / "fresh", "--bad", parts / "bad",
                 "--masks", parts / "masks", "--json")  # fmt: skip
    metrics = json.loads(done.stdout)["metrics"]
    assert set(metrics) == {"auroc", "false_alarm_rate", "found_rate", "pixel_auroc"}
    assert metrics["auroc"]["low"] <= metrics["auroc"]["value"] <= metrics["auroc"]["high"]
    assert metrics["auroc"]["value"] > 0.8


def test_masks_of_like_named_images_of_two_kinds_are_told_apart(
    detector: Path, parts: Path, shell: Shell, tmp_path: Path
) -> None:
    for kind, name in (("crack", "00.png"), ("hole", "01.png")):
        (tmp_path / "bad" / kind).mkdir(parents=True)
        (tmp_path / "masks" / kind).mkdir(parents=True)
        (tmp_path / "bad" / kind / "same.png").write_bytes((parts / "bad" / name).read_bytes())
        (tmp_path / "masks" / kind / "same.png").write_bytes((parts / "masks" / name).read_bytes())
    asked = ("anomalies", "evaluate", detector, "--good", parts / "fresh", "--bad", tmp_path / "bad", "--masks")
    right = shell(*asked, tmp_path / "masks", "--json")
    assert json.loads(right.stdout)["metrics"]["pixel_auroc"]["value"] > 0.9
    (tmp_path / "masks" / "hole" / "same.png").write_bytes(b"no image")
    one = shell(*asked, tmp_path / "masks", "--json")
    assert json.loads(one.stdout)["counts"]["skipped"] == 1
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "same.png").write_bytes((parts / "masks" / "00.png").read_bytes())
    none = shell(*asked, tmp_path / "flat")
    assert none.returncode != 0
    assert "several images of one name" in none.stderr


def test_a_mask_beside_its_picture_is_no_bad_image(detector: Path, parts: Path, shell: Shell, tmp_path: Path) -> None:
    for name in ("00", "01"):
        Image.open(parts / f"bad/{name}.png").save(tmp_path / f"{name}.bmp")
        (tmp_path / f"{name}.png").write_bytes((parts / f"masks/{name}.png").read_bytes())
    done = shell("anomalies", "evaluate", detector, "--good", parts / "fresh", "--bad", tmp_path,
                 "--masks", tmp_path, "--json")  # fmt: skip
    answer = json.loads(done.stdout)
    assert answer["counts"]["bad"] == 2
    assert answer["metrics"]["pixel_auroc"]["value"] > 0.9


def test_where_nothing_could_be_read_there_is_no_verdict(detector: Path, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    done = shell("anomalies", "inspect", detector, tmp_path)
    assert done.returncode != 0
    assert "none of 1 images could be read" in done.stderr


def test_a_stream_of_good_ones_is_no_change_and_one_of_bad_ones_is(detector: Path, parts: Path, shell: Shell) -> None:
    calm = json.loads(shell("anomalies", "watch", detector, parts / "fresh", "--json").stdout)
    assert calm["alarm"] is False
    done = shell("anomalies", "watch", detector, parts / "bad", parts / "bad", "--rate", "0.2", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["at"].endswith(".png")


def test_too_few_good_ones_for_the_rate_is_one_clear_line(parts: Path, shell: Shell, tmp_path: Path) -> None:
    done = shell("anomalies", "fit", parts / "fresh", "-o", tmp_path / "d", "--false-alarms", "0.01")
    assert done.returncode == 2
    assert "takes 99" in done.stderr
    assert not (tmp_path / "d").exists()


def test_an_empty_folder_and_a_foreign_file_are_said(shell: Shell, tmp_path: Path, detector: Path) -> None:
    assert "no images" in shell("anomalies", "fit", tmp_path, "-o", tmp_path / "d").stderr
    (tmp_path / "x").write_bytes(b"nothing")
    assert "no readable detector" in shell("anomalies", "inspect", tmp_path / "x", detector).stderr


@pytest.mark.parametrize("verb", ["fit", "inspect", "evaluate", "watch"])
def test_every_verb_has_an_example(verb: str, shell: Shell) -> None:
    assert f"twinnet anomalies {verb} " in " ".join(shell("anomalies", verb, "--help").stdout.split())
