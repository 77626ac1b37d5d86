"""What the handwriting commands share: data in, answers out."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def trained(
    run: Any, config: Any, data: Path, out: Path, steps: int, held: list[str] | None, leaks: bool, fresh: bool
) -> Any:
    """Open the data and train by `run`, with what a person should know said on the way."""
    from dataclasses import replace

    from twinnet.apps.handwriting import open_characters
    from twinnet.cli.progress import bars
    from twinnet.cli.render import notes
    from twinnet.data import hold_out

    known = open_characters(data)
    if held:
        known, _ = hold_out(known, held)
    if steps:
        config = replace(config, minutes=0.0, steps=steps)
    model = run(
        known, config, out=out, resume=not fresh, accept_leaks=leaks, tell=notes, progress=bars()
    )  # fmt: skip
    if model.facts["skipped"]:
        notes([f"{model.facts['skipped']} items were skipped; the first: {model.facts['skipped_first']}"])
    return model


def probes(
    paths: list[Path], cut: bool, direction: Any, cells: tuple[int, int] | None
) -> tuple[list[tuple[str, Any]], list[tuple[Path, Any]]]:
    """Name and picture of each probe, and the sheets that they were cut of."""
    if not cut:
        return [(str(path), path) for path in paths], []
    from twinnet.apps.handwriting import cut as run

    sheets = [(path, run(path, direction=direction, grid=cells)) for path in paths]
    named: list[tuple[str, Any]] = [
        (f"{path}#{number}", one.image) for path, sheet in sheets for number, one in enumerate(sheet.cuts, 1)
    ]
    return named, sheets


def pictures(path: Path) -> list[Any]:
    """The pictures of a folder, or the one picture."""
    from twinnet.core.errors import EmptyDataset
    from twinnet.data.decode import SUFFIXES

    if not path.is_dir():
        return [path]
    found: list[Any] = [p for p in sorted(path.iterdir()) if p.suffix.lower() in SUFFIXES]
    if not found:
        raise EmptyDataset(f"{path} has no pictures. Next: give a folder of characters by one writer.")
    return found


def grid(text: str | None) -> tuple[int, int] | None:
    """Columns and rows of `5x4`."""
    from twinnet.core.errors import ConfigError

    if text is None:
        return None
    columns, _, rows = text.lower().replace("×", "x").partition("x")
    if not (columns.strip().isdigit() and rows.strip().isdigit()):
        raise ConfigError(f"--grid takes columns x rows, such as 5x4; got {text!r}.")
    return int(columns), int(rows)


def printed(
    command: str, model: Any, metrics: Any, counts: dict[str, int], data: str, seed: int | None, **more: Any
) -> None:
    """The one JSON object."""
    from twinnet.cli.render import print_json
    from twinnet.evaluation import report_json
    from twinnet.training.facts import versions

    answer = report_json(f"handwriting {command}", None, metrics, counts, data, model.fingerprint, seed, versions())
    print_json({**answer, **more})
