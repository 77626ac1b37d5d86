"""Progress of long work, as an argument: the library is silent unless the caller hands in something that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One bar. `total` may be unknown; `note` is a short text beside it, such as the loss or a skip count."""

    def advance(self, n: float = 1) -> None: ...

    def note(self, text: str) -> None: ...


class Progress(Protocol):
    """Whoever shows progress: the command line's bar, a notebook's, or nobody."""

    def task(self, description: str, total: float | None = None) -> AbstractContextManager[Task]: ...


class _SilentTask:
    def advance(self, n: float = 1) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class Silent:
    """Shows nothing."""

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:
        yield _SilentTask()


SILENT = Silent()
