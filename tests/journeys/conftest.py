from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import torch
from PIL import Image

from twinnet import Model, Preprocess, compare, encoders
from twinnet.cli.main import main
from twinnet.encoders import EncoderSpec

Shell = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="session")
def process() -> Shell:
    """`process("info", path)`: the command as a user runs it, in a process of its own."""

    def run(*arguments: object) -> CompletedProcess[str]:
        command = [sys.executable, "-X", "faulthandler", "-W", "error", "-m", "twinnet.cli.main", *map(str, arguments)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
            try:
                out, err = running.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                running.send_signal(signal.SIGABRT)  # the fault handler then says where every thread stands
                pytest.fail(f"stuck for 120 s: {running.communicate()[1]}")
        return CompletedProcess(command, running.returncode, out, err)

    return run


@pytest.fixture(scope="session")
def shell() -> Shell:
    """The same without the seconds that a new process needs to import torch."""

    def run(*arguments: object) -> CompletedProcess[str]:
        out, err, code = io.StringIO(), io.StringIO(), 0
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["twinnet", *map(str, arguments)])
            try:
                main()
            except SystemExit as done:
                code = done.code if isinstance(done.code, int) else int(done.code is not None)
        return CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people in two groups, four noisy pictures each: group/person/0.png."""
    root, rng = tmp_path_factory.mktemp("data") / "people", np.random.default_rng(0)
    for person in range(12):
        face = rng.integers(0, 256, (16, 16))
        folder = root / f"town{person // 6}" / f"p{person:02d}"
        folder.mkdir(parents=True)
        for i in range(4):
            noisy = np.clip(face + rng.normal(0, 20, face.shape), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(folder / f"{i}.png")
    return root


@pytest.fixture(scope="session")
def uncalibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model of random weights, without a threshold."""
    spec = EncoderSpec("compact", 1, 8, width=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = encoders.build(spec)
    path = tmp_path_factory.mktemp("models") / "plain.twin"
    Model(encoder, compare.build("cosine", 8), Preprocess(16, 16), None, {}, spec).save(path)
    return path


@pytest.fixture(scope="session")
def calibrated(uncalibrated: Path, people: Path, shell: Shell) -> Path:
    path = uncalibrated.with_name("calibrated.twin")
    done = shell("calibrate", uncalibrated, people, "-o", path)
    assert done.returncode == 0, done.stderr
    return path
