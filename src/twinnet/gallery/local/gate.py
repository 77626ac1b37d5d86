"""Many may search at once; whoever changes the index is alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """A lock for readers and writers. A waiting writer goes first, so that readers cannot keep it out for ever."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._readers = 0
        self._writers_waiting = 0

    def enter(self) -> None:
        """Begin to read; `leave` must follow."""
        with self._turn:
            while self._writers_waiting:
                self._turn.wait()
            self._readers += 1

    def leave(self) -> None:
        """Reading is done."""
        with self._turn:
            self._readers -= 1
            if not self._readers:
                self._turn.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody reads inside this."""
        with self._turn:
            self._writers_waiting += 1
            try:
                while self._readers:
                    self._turn.wait()
                yield
            finally:
                self._writers_waiting -= 1
                self._turn.notify_all()
