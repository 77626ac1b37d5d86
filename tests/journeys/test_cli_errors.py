"""A user's mistake is one clear line on stderr and exit code 2; never a traceback, never half an answer."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("info missing.twin", "ModelFileError: missing.twin: there is no readable model file"),
        ("info {people}", "this is a folder, not a model file"),
        ("info {picture}", "ModelFileError: .*0.png: not a model"),
        ("verify {plain} {picture} {picture}", "NotCalibrated: .*Next: twinnet calibrate"),
        ("verify {ready} {picture} missing.png", "UnreadableItem: missing.png"),
        ("verify {ready} {picture} {plain}", "UnreadableItem: .*plain.twin"),
        ("embed {plain} missing -o e.parquet", "DataError: missing does not exist"),
        ("embed {plain} {people} -o {people}", "people: the embeddings cannot be written"),
        ("evaluate {plain} {people} --protocol nway --ways 50", "TooFewIdentities: .*lower --ways"),
        ("evaluate {plain} {people} --protocol openset --ways 5", "ConfigError: ways does not belong to .*openset"),
        ("evaluate {plain} {people} --group atlantis", "DataError: .*atlantis"),
        ("evaluate {plain} {people} --report {picture}/r.html", "0.png"),
        ("calibrate {plain} {people} -o c.twin --far 0.0001", "TooFewImpostors: .*at least 29,956 impostor pairs"),
        ("calibrate {plain} {people} -o {people}", "people: the model cannot be written"),
        ("train {people} -o m.twin --steps 2 --epochs 3", "ConfigError: give one of"),
        ("train {people} -o m.twin --steps 2 --dropout 2", "ConfigError: dropout must be in"),
        ("train {people} -o m.twin --steps 2 --augment glitter", "ConfigError: augment 'glitter' is unknown"),
        ("train {people} -o m.twin --steps 2 --device cuda:99", "ConfigError: device cuda:99 was asked for"),
        ("train {people} -o m.twin --steps 2 --hold-out atlantis", "DataError: .*atlantis"),
    ],
)
def test_a_mistake_is_one_clear_line(
    shell: Shell,
    people: Path,
    uncalibrated: Path,
    calibrated: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    says: str,
) -> None:
    places = {"people": people, "plain": uncalibrated, "ready": calibrated, "picture": people / "town0/p00/0.png"}
    monkeypatch.chdir(tmp_path)
    done = shell(*(word.format(**places) for word in words.split()))
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len([line for line in lines if not line.startswith("note: ")]) == 1, done.stderr
    assert re.search(says, lines[-1])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        "evaluate m d --seed -1",
        "evaluate m d --ways 1",
        "evaluate m d --shots 0",
        "evaluate m d --episodes 0",
        "evaluate m d --protocol astrology",
        "train d --encoder transformer",
        "verify m only_one",
    ],
)
def test_a_value_out_of_range_is_refused_before_anything_is_read(shell: Shell, words: str) -> None:
    done = shell(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: " in done.stderr
    assert "Traceback" not in done.stderr


def test_progress_and_colour_stay_out_of_pipes(shell: Shell, calibrated: Path, people: Path) -> None:
    done = shell("evaluate", calibrated, people)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert all(line.startswith("note: ") for line in done.stderr.splitlines())


def test_a_mistake_in_a_process_of_its_own_leaves_no_traceback(process: Shell, people: Path) -> None:
    done = process("info", people)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"ModelFileError: {people}: this is a folder, not a model file. " + (
        "Next: give the file that train -o wrote.\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_a_terminal_sees_bars_and_ctrl_c_says_how_to_go_on(people: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    words = ["train", people, "-o", tmp_path / "m.twin", "--minutes", "5", "-P", "4", "-K", "2"]
    command = [sys.executable, "-m", "twinnet.cli.main", *map(str, words)]
    # A shell starts background jobs with SIGINT ignored, and children inherit that: here it must be heard.
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        os.close(theirs)
        said = b""
        while b"training" not in said:
            said += os.read(ours, 4096)  # an error, should the process end before
        running.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # how Linux says that the other side is closed
            while more := os.read(ours, 4096):
                said += more
    os.close(ours)
    assert running.returncode == 130
    assert b"Reading images" in said
    assert b"interrupted. Next: repeat the command; train goes on from its last checkpoint, if any." in said
    assert b"Traceback" not in said
    assert not (tmp_path / "m.twin").exists()
