from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from twinnet import __version__
from twinnet.cli.main import app

COMMANDS = [command.name for command in app.registered_commands]


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from twinnet.cli.main import app\n"
        "for words in (['--help'], ['train', '--help'], ['evaluate', '--help']):\n"
        "    assert CliRunner().invoke(app, words).exit_code == 0\n"
        "print(sorted({'torch', 'sklearn', 'scipy', 'matplotlib', 'pyarrow', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example_of_itself(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], terminal_width=200)
    assert shown.exit_code == 0
    assert f"Example: twinnet {command} " in " ".join(shown.output.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_reporting_command_offers_json(command: str) -> None:
    assert "--json" in CliRunner().invoke(app, [command, "--help"], terminal_width=200).output


def test_the_commands_are_those_of_the_plan() -> None:
    assert {"demo", "doctor", "train", "calibrate", "evaluate", "verify", "embed", "info"} <= set(COMMANDS)


@pytest.mark.parametrize(("typo", "meant"), [("verfy", "verify"), ("trian", "train"), ("evalute", "evaluate")])
def test_a_typo_names_the_nearest_command(typo: str, meant: str) -> None:
    shown = CliRunner().invoke(app, [typo])
    assert shown.exit_code == 2
    assert f"Did you mean '{meant}'" in shown.output  # the nearest first


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"twinnet {__version__}\n"
