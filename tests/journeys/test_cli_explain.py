from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from PIL import Image

Shell = Callable[..., CompletedProcess[str]]


def test_explain_draws_a_picture_and_says_where_the_distance_falls(
    shell: Shell, calibrated: Path, people: Path, tmp_path: Path
) -> None:
    a, b, why = people / "town0" / "p00" / "0.png", people / "town0" / "p00" / "1.png", tmp_path / "why.png"
    done = shell("verify", calibrated, a, b, "--explain", why)
    assert done.returncode == 0, done.stderr
    assert "of impostor pairs are nearer" in done.stdout
    with Image.open(why) as picture:
        assert picture.format == "PNG"
    answer = json.loads(shell("verify", calibrated, a, b, "--json").stdout)
    for name in ("nearer_genuine", "nearer_impostor"):
        assert 0 <= answer["metrics"][name]["value"] <= 1


def test_a_picture_format_that_nobody_knows_is_refused_by_name(
    shell: Shell, calibrated: Path, people: Path, tmp_path: Path
) -> None:
    a = people / "town0" / "p00" / "0.png"
    done = shell("verify", calibrated, a, a, "--explain", tmp_path / "why.docx")
    assert done.returncode == 2
    assert "unknown picture format" in done.stderr
