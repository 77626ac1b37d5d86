"""`twinnet`: the command line. Nothing heavy is imported before a command runs, so `--help` is instant."""

from __future__ import annotations

import difflib
import os
import sys
from typing import Any

import click
import typer
from typer.core import TyperGroup

from twinnet import __version__
from twinnet.cli import commands, training
from twinnet.core.errors import TwinnetError


class _Suggesting(TyperGroup):
    """Names the nearest command for a typo."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As usual, with a better message."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            near = difflib.get_close_matches(args[0], self.commands, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"no command {args[0]!r}.{hint} Known: {', '.join(self.commands)}.")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="twinnet", cls=_Suggesting, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="The same or different? Train twins, learn the threshold, say how sure it is.\n\n"
    "Start with `twinnet demo`, or `twinnet train FOLDER -o model.twin` on a folder with one subfolder per identity.",
)  # fmt: skip
app.command("demo")(training.demo)
app.command("train")(training.train)
app.command("calibrate")(training.calibrate)
app.command("evaluate")(commands.evaluate)
app.command("verify")(commands.verify)
app.command("embed")(commands.embed)
app.command("info")(commands.info)


def _version(shown: bool) -> None:
    if shown:
        sys.stdout.write(f"twinnet {__version__}\n")
        raise typer.Exit


@app.callback()
def root(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print it.")) -> None:
    """Run one command."""


def main() -> None:
    """Entry point: a user's mistake is one clear line and exit code 2, never a traceback."""
    try:
        app()
    except TwinnetError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; a training run goes on from its last checkpoint when the command is repeated\n")
        sys.exit(130)
    except BrokenPipeError:
        # The reader went away, as `| head` does; Python must not complain about it while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
