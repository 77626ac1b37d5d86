"""What docs/serving.md says is run, against a server."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main

from twinnet.cli.main import app

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|json|python)\n(.*?)```", DOC, re.DOTALL)


@pytest.fixture
def port(talk: Any, face: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    for name, content in (("a.png", face(3, 0)), ("b.png", face(3, 1)), ("c.png", face(5)), ("notes.txt", b"notes")):
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    server = talk(gallery="staff")
    return int(server.port)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl; next: apt-get install curl")
def test_every_curl_line_is_answered_as_it_is_said(port: int) -> None:
    shown = []
    for kind, text in BLOCKS:
        if kind == "json":
            assert shape(json.loads(text)) == shape(shown[-1])
            continue
        for line in text.splitlines() if kind == "sh" else ():
            if not line.startswith("curl "):
                continue
            words = shlex.split(line.replace(":8000", f":{port}"))
            done = subprocess.run([words[0], "-sS", *words[1:]], capture_output=True, text=True, check=True)
            if "/metrics" in line:
                assert "twinnet_requests_total" in done.stdout
                continue
            shown.append(json.loads(done.stdout))
            refused = "notes.txt" in line
            assert ("code" in shown[-1]) == refused, (line, done.stdout)
    assert len(shown) >= 13


def shape(answer: dict[str, Any]) -> dict[str, Any]:
    """Fields and the types of what is in them, and the words of a problem."""
    words = ("type", "title", "status", "code", "detail", "next")
    return {
        name: value if name in words else shape(value) if isinstance(value, dict) else type(value).__name__
        for name, value in answer.items()
    }


def test_the_python_runs(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    code = next(text for kind, text in BLOCKS if kind == "python")
    exec(compile(code.replace(":8000", f":{port}"), "serving.md", "exec"), {})
    assert capsys.readouterr().out == "True\n['Ada']\n"


def test_every_twinnet_line_has_options_that_there_are() -> None:
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("twinnet ")]
    assert len(lines) >= 6
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_every_route_is_in_the_table(plain: Any) -> None:
    for path in plain.http.get("/openapi.json").json()["paths"]:
        assert path.replace("{identity}", "NAME") in DOC


def test_the_openapi_has_schemas_alone_where_schemas_belong(plain: Any) -> None:
    def look(at: Any) -> None:
        for name, inner in at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ():
            assert name not in ("items", "schema", "additionalProperties") or isinstance(inner, dict | bool), inner
            look(inner)

    spec = plain.http.get("/openapi.json").json()
    look(spec)
