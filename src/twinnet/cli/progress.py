"""Progress bars on stderr; silent where nobody looks, so that logs and pipes stay clean."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from twinnet.core.progress import SILENT
from twinnet.core.progress import Progress as Shows
from twinnet.core.progress import Task as Tells


class _Bar:
    def __init__(self, progress: Progress, description: str, total: float | None) -> None:
        self._progress = progress
        self._task = progress.add_task(description, total=total, note="")

    def advance(self, n: float = 1) -> None:
        self._progress.advance(self._task, n)

    def note(self, text: str) -> None:
        self._progress.update(self._task, note=text)


class Bars:
    """Implements `core.progress.Progress` with Rich."""

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Tells]:
        """One bar, with its share, time gone, time to go, and a note."""
        columns = (
            TextColumn("{task.description:>12}"), BarColumn(30), TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True)) as progress:
            yield _Bar(progress, description, total)


def bars() -> Shows:
    """Bars on a terminal, nothing elsewhere."""
    return Bars() if sys.stderr.isatty() else SILENT
