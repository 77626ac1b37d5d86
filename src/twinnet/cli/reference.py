"""The reference of all commands as Markdown, made from the commands themselves: `python -m twinnet.cli.reference`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import typer

from twinnet.cli.main import app


def reference() -> str:
    """Every command with its example, arguments and options; `docs/cli.md` is this text."""
    lines = ["# Commands", "", "Made by `python -m twinnet.cli.reference`; a test holds it up to date.", ""]
    for name, command in _all(typer.main.get_command(app)):
        lines += [f"## twinnet {name}", "", inspect.cleandoc(command.help or ""), ""]
        rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
        lines += ["| | | default |", "| --- | --- | --- |", *rows, ""] if rows else []
    return "\n".join(lines)


def _all(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        yield before + name, command
        if hasattr(command, "commands"):
            yield from _all(command, f"{before}{name} ")


def _row(parameter: Any) -> str:
    names = parameter.name.upper() if parameter.param_type_name == "argument" else " ".join(parameter.opts)
    annotation = parameter.type_descriptor.annotation
    choices = " " + ", ".join(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ""
    default = "" if parameter.default is None or parameter.default is False else f"`{parameter.default}`"
    if parameter.required:
        default = "required"
    return f"| `{names}`{choices} | {(parameter.help or '').strip()} | {default} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
