"""`twinnet export`: the file, the certificate, the refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from twinnet.engine import Engine

pytest.importorskip("onnx")
Shell = Callable[..., CompletedProcess[str]]


def test_export_writes_a_file_that_decides_as_the_model(shell: Shell, calibrated: Path, tmp_path: Path) -> None:
    done = shell("export", calibrated, "-o", tmp_path / "m.onnx")
    assert done.returncode == 0, done.stderr
    assert "no verdict flips" in done.stdout
    assert "twinnet serve" in done.stdout
    assert Engine(tmp_path / "m.onnx").rule is not None


def test_export_with_a_golden_set_answers_with_one_object(
    shell: Shell, calibrated: Path, people: Path, tmp_path: Path
) -> None:
    out = tmp_path / "m.onnx"
    done = shell("export", calibrated, "-o", out, "--golden", people, "--int8-flips", "1", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["files"] == [str(out), str(out.with_suffix(".int8.onnx"))]
    assert answer["counts"]["flipped"] == 0
    assert answer["metrics"]["int8_threshold"]["value"] > 0


def test_export_refuses_a_file_that_is_no_model(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.twin").write_text("no model")
    done = shell("export", tmp_path / "x.twin", "-o", tmp_path / "m.onnx")
    assert done.returncode == 2
    assert "ModelFileError" in done.stderr
