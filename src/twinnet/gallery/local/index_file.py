"""The graph on disk: disposable, and never believed unless the record says that this program wrote it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from pathlib import Path

from twinnet.core.errors import TwinnetError
from twinnet.index import Graph

FILE = "index.graph"
_MAGIC = b"twinidx1"
_HEAD = struct.Struct("<8sqq32s")  # magic, changes and removals of the record at that time, SHA-256 of the rest


def save(folder: Path, graph: Graph, changes: int, removals: int) -> tuple[Path, str]:
    """Write it beside its place; gives that file, to be moved into place, and the digest for the record to keep."""
    content = graph.to_bytes()
    head = _HEAD.pack(_MAGIC, changes, removals, hashlib.sha256(content).digest())
    fresh = folder / f"{FILE}.{os.getpid()}.new"
    try:
        with fresh.open("wb") as file:
            file.write(head)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        erase(fresh)
        raise
    return fresh, hashlib.sha256(head).hexdigest()


def read(folder: Path, dim: int, digest: str) -> tuple[Graph, int, int] | str:
    """The graph with the record's `changes` and `removals` when it was saved; or why it cannot be used."""
    file = folder / FILE
    if not file.exists():
        return "it is missing"
    try:
        content = memoryview(file.read_bytes())
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if len(content) < _HEAD.size or hashlib.sha256(content[: _HEAD.size]).hexdigest() != digest:
        return "it is not the one that the record knows"
    _, changes, removals, sha = _HEAD.unpack_from(content)
    if hashlib.sha256(content[_HEAD.size :]).digest() != sha:
        return "it is damaged"
    try:
        return Graph.from_bytes(content[_HEAD.size :], dim), changes, removals
    except (TwinnetError, RuntimeError, ValueError) as error:
        return f"it cannot be used ({error})"


def erase(file: Path) -> None:
    """Overwrite and remove, where it exists."""
    with contextlib.suppress(FileNotFoundError), file.open("r+b") as opened:
        for start in range(0, file.stat().st_size, 1 << 20):
            opened.seek(start)
            opened.write(bytes(min(1 << 20, file.stat().st_size - start)))
        opened.flush()
        os.fsync(opened.fileno())
    file.unlink(missing_ok=True)
