"""`twinnet serve` and `twinnet keys`: what is refused before anything listens."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from typer.testing import CliRunner

from twinnet.cli.serve import keys

pytest.importorskip("fastapi")
Shell = Callable[..., CompletedProcess[str]]


def test_beyond_the_loopback_keys_are_asked_for(shell: Shell, tmp_path: Path) -> None:
    done = shell("serve", tmp_path / "m.onnx", "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "Next: twinnet keys add" in done.stderr


def test_a_missing_model_a_foreign_file_and_a_taken_port_are_named(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_text("no model")
    assert "this is no exported model" in shell("serve", tmp_path / "m.onnx", "--port", "0").stderr
    assert "this is no exported model" in shell("serve", tmp_path / "none.onnx", "--port", "0").stderr
    assert "there is no such file" in shell("serve", tmp_path / "none.twin", "--port", "0").stderr
    assert "this is a folder" in shell("serve", tmp_path, "--port", "0").stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = shell("serve", tmp_path / "m.onnx", "--port", taken.getsockname()[1])
    assert done.returncode == 2
    assert "cannot be listened on" in done.stderr


def test_keys_are_shown_once_listed_without_secret_rotated_and_revoked(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    made = shell("keys", "add", "door", "--keys", file, "--scope", "read", "--scope", "enrol", "--json")
    token = json.loads(made.stdout)["key"]
    listed = shell("keys", "list", "--keys", file)
    assert "door: read, enrol" in listed.stdout
    assert token not in listed.stdout + shell("keys", "list", "--keys", file, "--json").stdout
    assert "there is a key 'door' already" in shell("keys", "add", "door", "--keys", file).stderr
    rotated = shell("keys", "rotate", "door", "--keys", file)
    assert rotated.stdout.startswith("tw_")
    assert rotated.stdout.split()[0] != token
    assert shell("keys", "revoke", "door", "--keys", file).stdout == "2 removed: door\n"
    assert shell("keys", "revoke", "door", "--keys", file).returncode == 2
    assert "scope 'write' is unknown" in shell("keys", "add", "x", "--keys", file, "--scope", "write").stderr


@pytest.mark.parametrize("verb", ["add", "rotate", "revoke", "list"])
def test_every_verb_of_keys_helps_with_an_example(verb: str) -> None:
    shown = CliRunner().invoke(keys, [verb, "--help"], terminal_width=200).output
    assert f"Example: twinnet keys {verb} " in " ".join(shown.split())
    assert "--json" in shown
