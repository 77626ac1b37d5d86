from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from twinnet import load

Shell = Callable[..., CompletedProcess[str]]
REPORT = ["command", "protocol", "metrics", "counts", "data", "model", "seed", "versions", "notes"]


def answer(done: CompletedProcess[str]) -> dict[str, Any]:
    """The one JSON object on stdout, whose figures have the one form."""
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout, parse_constant=pytest.fail)  # NaN and Infinity are not JSON
    assert list(value)[: len(REPORT)] == REPORT
    for figure in value["metrics"].values():
        assert set(figure) == {"value", "low", "high"}
        assert figure["low"] is None or figure["low"] <= figure["value"] <= figure["high"]
    assert value["versions"]["twinnet"]
    return value


def test_a_process_of_its_own_prints_one_object_and_nothing_else(
    process: Shell, calibrated: Path, people: Path
) -> None:
    value = answer(process("verify", calibrated, people / "town0/p00/0.png", people / "town1/p11/2.png", "--json"))
    assert value["command"] == "verify"


def test_verify_gives_the_decision_of_the_library(shell: Shell, calibrated: Path, people: Path) -> None:
    a, b = people / "town0/p00/0.png", people / "town1/p11/2.png"
    decision = load(calibrated).verify(a, b)
    value = answer(shell("verify", calibrated, a, b, "--json"))
    assert value["same"] is decision.same
    assert value["metrics"]["distance"]["value"] == pytest.approx(decision.distance, abs=1e-9)
    assert value["metrics"]["threshold"]["value"] == decision.threshold
    assert value["metrics"]["probability"]["value"] == pytest.approx(decision.probability, abs=1e-6)
    assert value["model"] == load(calibrated).fingerprint
    swapped = answer(shell("verify", calibrated, b, a, "--json"))
    assert swapped["metrics"] == value["metrics"]
    assert shell("verify", calibrated, a, a).stdout.startswith("the same: distance 0.0000 < threshold ")


def test_embed_writes_what_the_library_embeds(shell: Shell, calibrated: Path, people: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "people.parquet"
    value = answer(shell("embed", calibrated, people, "-o", out, "--json"))
    assert value["counts"] == {"items": 48, "skipped": 0, "dim": 8}
    table = pq.read_table(out)
    assert table.column_names == ["key", "identity", "group", "embedding"]
    model = load(calibrated)
    assert table.schema.metadata[b"twinnet.fingerprint"].decode() == model.fingerprint
    paths = [people / key for key in table["key"].to_pylist()]
    assert np.array_equal(np.array(table["embedding"].to_pylist(), np.float32), model.embed(paths))
    assert [path.parent.parent.name for path in paths] == table["group"].to_pylist()
    people_of = [identity.split("/")[-1] for identity in table["identity"].to_pylist()]
    assert people_of == [path.parent.name for path in paths]
    assert list(out.parent.iterdir()) == [out]


def test_embed_takes_loose_images_and_skips_a_broken_one(
    shell: Shell, uncalibrated: Path, people: Path, tmp_path: Path
) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    for i, path in enumerate(sorted((people / "town0/p00").iterdir())):
        (loose / f"{i}.png").write_bytes(path.read_bytes())
    (loose / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = shell("embed", uncalibrated, loose, "-o", tmp_path / "e.parquet", "--json")
    assert answer(done)["counts"] == {"items": 4, "skipped": 1, "dim": 8}
    assert "note: skipped broken.png: " in done.stderr
    table = pq.read_table(tmp_path / "e.parquet")
    assert table["identity"].to_pylist() == [None] * 4
    assert str(table.schema.field("identity").type) == "string"


def test_evaluate_verification_counts_every_pair(shell: Shell, calibrated: Path, people: Path, tmp_path: Path) -> None:
    page = tmp_path / "new" / "report.html"
    value = answer(shell("evaluate", calibrated, people, "--report", page, "--json"))
    assert value["protocol"] == "verification"
    assert (value["counts"]["genuine_pairs"], value["counts"]["impostor_pairs"]) == (12 * 6, 66 * 16)
    assert value["metrics"]["accuracy"]["low"] is not None
    assert "<html" in page.read_text(encoding="utf-8")
    only = answer(shell("evaluate", calibrated, people, "--group", "town1", "--json"))
    assert only["counts"]["impostor_pairs"] == 15 * 16


def test_evaluate_nway_stamps_its_rules(shell: Shell, uncalibrated: Path, people: Path) -> None:
    words = ["--protocol", "nway", "--ways", 5, "--shots", 2, "--episodes", 40, "--within-groups", "--json"]
    value = answer(shell("evaluate", uncalibrated, people, *words))
    assert value["protocol"] == "nway 5-way 2-shot within one group"
    assert value["metrics"]["accuracy"]["value"] + value["metrics"]["error"]["value"] == pytest.approx(1)


def test_calibrate_changes_the_rule_and_not_the_twins(
    shell: Shell, uncalibrated: Path, people: Path, tmp_path: Path
) -> None:
    out = tmp_path / "c.twin"
    before = uncalibrated.read_bytes()
    value = answer(shell("calibrate", uncalibrated, people, "-o", out, "--far", "0.05", "--json"))
    model = load(out)
    assert value["metrics"]["far"]["value"] <= 0.05
    assert value["metrics"]["threshold"]["value"] == model.known_rule.threshold
    assert model.fingerprint == load(uncalibrated).fingerprint == value["model"]
    assert uncalibrated.read_bytes() == before
    answer(shell("calibrate", out, people, "--threshold", "0.125", "--json"))
    assert load(out).known_rule.threshold == 0.125


def test_info_is_the_card(shell: Shell, calibrated: Path) -> None:
    from twinnet.model import card

    assert shell("info", calibrated).stdout.strip() == card(load(calibrated)).strip()
    value = answer(shell("info", calibrated, "--json"))
    assert value["counts"]["dim"] == 8
    assert value["metrics"]["far"]["low"] is not None


def test_train_then_verify_as_the_readme_says(shell: Shell, people: Path, tmp_path: Path) -> None:
    out = tmp_path / "people.twin"
    words = ["--steps", 12, "-P", 4, "-K", 2, "--dim", 8, "--encoder", "compact", "--seed", 3]
    shares = ["--validation", "0.2", "--calibration", "0.2"]
    value = answer(shell("train", people, "-o", out, *words, *shares, "--json"))
    model = load(out)
    assert (value["counts"]["steps"], value["seed"], value["model"]) == (12, 3, model.fingerprint)
    assert model.facts["config"]["dim"] == model.spec.dim == 8
    verdict = answer(shell("verify", out, people / "town0/p00/0.png", people / "town0/p00/1.png", "--json"))
    assert isinstance(verdict["same"], bool)
    assert list(tmp_path.iterdir()) == [out]  # no checkpoint is left behind
    seen = shell("calibrate", out, people)
    assert seen.returncode == 2
    assert "LeakError" in seen.stderr


def test_a_recipe_sets_what_was_not_asked_for(shell: Shell, people: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.twin"
    done = shell("train", people, "-o", out, "--recipe", "handwriting", "--steps", 2, "--dim", 392, "--accept-leaks")
    assert done.returncode == 0, done.stderr
    config = load(out).facts["config"]
    assert (config["fit"], config["head"], config["loss_settings"]) == (
        "adaptive",
        "map",
        {"temperature": 0.015, "hard": 1.0},
    )
    assert config["dim"] == 392, "what was typed wins"


def test_what_train_returns_embeds_as_what_it_saved(people: Path, tmp_path: Path) -> None:
    from twinnet import TrainConfig, train

    config = TrainConfig(encoder="resnet", dim=8, width=4, steps=3, identities_per_batch=4, items_per_identity=2)
    model = train(people, config, out=tmp_path / "m")
    paths = sorted(people.rglob("*.png"))
    assert np.array_equal(model.embed(paths), load(tmp_path / "m").embed(paths))
