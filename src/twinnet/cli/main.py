"""`twinnet`: the command line. Nothing heavy is imported before a command runs, so `--help` is instant."""

from __future__ import annotations

import os
import sys

import typer

from twinnet.cli import (
    anomalies,
    commands,
    doctor,
    duplicates,
    evaluate,
    export,
    faces,
    gallery,
    handwriting,
    plagiarism,
    retrieve,
    serve,
    signatures,
    texts,
    track,
    training,
)
from twinnet.core.errors import TwinnetError
from twinnet.core.version import __version__

_INTERRUPTED = 130
_GO_ON = "interrupted. Next: repeat the command; train goes on from its last checkpoint, if any.\n"

app = typer.Typer(
    name="twinnet", no_args_is_help=True, suggest_commands=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="The same or different? Train twins, learn the threshold, say how sure it is.\n\n"
    "Start with `twinnet demo`, or `twinnet train FOLDER -o model.twin` on a folder with one subfolder per identity.",
)  # fmt: skip
app.command("demo")(training.demo)
app.command("doctor")(doctor.doctor)
app.command("train")(training.train)
app.command("calibrate")(training.calibrate)
app.command("evaluate")(evaluate.evaluate)
app.command("verify")(commands.verify)
app.command("embed")(commands.embed)
app.command("info")(commands.info)
app.command("export")(export.export)
app.command("serve")(serve.serve)
app.add_typer(serve.keys, name="keys")
app.add_typer(gallery.app, name="gallery")
app.add_typer(anomalies.app, name="anomalies")
app.add_typer(retrieve.app, name="retrieve")
app.command("duplicates")(duplicates.duplicates)
app.command("plagiarism")(plagiarism.plagiarism)
app.add_typer(texts.app, name="texts")
app.add_typer(handwriting.app, name="handwriting")
app.add_typer(faces.app, name="faces")
app.add_typer(signatures.app, name="signatures")
app.add_typer(track.app, name="track")


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
    except SystemExit as done:
        if done.code == _INTERRUPTED:  # Typer turns Ctrl-C into a silent exit
            sys.stderr.write(_GO_ON)
        raise
    except KeyboardInterrupt:  # before Typer took over, or after
        sys.stderr.write(_GO_ON)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader went away, as `| head` does; Python must not complain about it while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"{where}{error.strerror or error}. Next: check the path and its permissions.\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
