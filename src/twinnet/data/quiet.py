"""Pillow's warnings, silenced while any thread decodes: what matters of them is said by `UnreadableItem`."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_depth = 0
_filters = warnings.catch_warnings()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's warnings while any thread decodes.

    Counted, because `catch_warnings` swaps state of the whole process: interleaved among threads it would leave the
    wrong filters behind.
    """
    global _depth, _filters
    with _lock:
        if _depth == 0:
            _filters = warnings.catch_warnings()
            _filters.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _filters.__exit__(None, None, None)
