"""The record on disk: one SQLite file, its tables, and what its errors mean in words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from twinnet.core.errors import GalleryBusy, GalleryDamaged, GalleryError, GalleryFull

FILE = "record.sqlite"
FORMAT = "1"
_WAIT_QUIETLY_S = 1.0

# AUTOINCREMENT: SQLite then never gives a deleted row's number to another, so a stale index cannot confuse two people.
SCHEMA = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), changes INTEGER NOT NULL, removals INTEGER NOT NULL,
    erasing INTEGER NOT NULL);
CREATE TABLE identity (id INTEGER PRIMARY KEY AUTOINCREMENT, handle BLOB NOT NULL UNIQUE, name BLOB NOT NULL);
CREATE TABLE template (id INTEGER PRIMARY KEY AUTOINCREMENT,
    identity INTEGER NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
    n_items INTEGER NOT NULL CHECK (n_items > 0), source BLOB NOT NULL, metadata BLOB NOT NULL, created REAL NOT NULL,
    embedding BLOB NOT NULL, digest BLOB NOT NULL);
CREATE INDEX template_identity ON template (identity);
CREATE TABLE original (id INTEGER PRIMARY KEY AUTOINCREMENT,
    template INTEGER NOT NULL REFERENCES template (id) ON DELETE CASCADE, content BLOB NOT NULL);
CREATE INDEX original_template ON original (template);
INSERT INTO state VALUES (1, 0, 0, 0);
"""


def connect(folder: Path, *, create: bool = False) -> tuple[sqlite3.Connection, bool]:
    """A connection, and whether it can write. Raises GalleryError or GalleryDamaged."""
    file = folder / FILE
    if not create:
        check_whole(file)
    if not (os.access(folder, os.W_OK) and (create or os.access(file, os.W_OK))):
        if create:
            raise GalleryError(f"{folder}: nothing can be written here. Next: check the folder's permissions.")
        return _read_only(folder), False
    with translated(folder):
        made = _open(f"{file.absolute().as_uri()}?mode={'rwc' if create else 'rw'}")
        if create:
            made.execute("PRAGMA journal_mode = WAL").fetchall()
        return made, True


def _read_only(folder: Path) -> sqlite3.Connection:
    file = folder / FILE
    pending = file.with_name(f"{FILE}-wal")
    for how in ("mode=ro", "mode=ro&immutable=1"):
        # Immutable is safe only where nobody can have written what the main file lacks.
        if "immutable" in how and pending.exists() and pending.stat().st_size:
            break
        with contextlib.suppress(sqlite3.OperationalError):
            made = _open(f"{file.absolute().as_uri()}?{how}")
            made.execute("SELECT * FROM sqlite_master").fetchall()
            return made
    raise GalleryError(f"{folder}: the gallery cannot be opened. Next: check the folder's permissions.")


def _open(uri: str) -> sqlite3.Connection:
    made = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_WAIT_QUIETLY_S)
    for pragma in (
        "synchronous = FULL", "fullfsync = ON", "foreign_keys = ON", "secure_delete = ON",
        "temp_store = MEMORY",  # no second copy of anybody's embedding in a temporary file
    ):  # fmt: skip
        made.execute(f"PRAGMA {pragma}").fetchall()
    return made


def check_whole(file: Path) -> None:
    """Raises where the file is missing, foreign, or shorter than its own header says."""
    if not file.is_file():
        raise GalleryError(f"{file.parent}: there is no gallery here. Next: twinnet gallery enrol makes one.")
    with file.open("rb") as opened:
        head = opened.read(100)
    if head[:16] != b"SQLite format 3\0":
        raise GalleryDamaged(f"{file}: this is not a gallery's record. Next: restore it from a backup or an export.")
    page = int.from_bytes(head[16:18], "big")
    pages, size = int.from_bytes(head[28:32], "big"), file.stat().st_size
    # With a log beside it the main file may rightly be behind; SQLite then knows.
    log = file.with_name(f"{file.name}-wal")
    if size < pages * (65536 if page == 1 else page) and not (log.exists() and log.stat().st_size):
        raise GalleryDamaged(
            f"{file}: the record is cut short, {size:,} bytes where {pages * page:,} belong. "
            "Next: restore it from a backup or an export."
        )


@contextmanager
def writing(
    connection: sqlite3.Connection, folder: Path, wait_s: float, tell: Callable[[str], None]
) -> Iterator[sqlite3.Connection]:
    """One transaction: all of it on disk, or none. Another writer is waited for, with a word about it."""
    begun, told = time.monotonic(), False  # a wall clock may be set back
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise _said(folder, error) from error
            waited = time.monotonic() - begun
            if waited >= wait_s:
                raise GalleryBusy(
                    f"{folder}: another process has been writing to this gallery for {waited:.0f} s. "
                    "Next: let it finish and repeat; nothing was changed."
                ) from error
            if not told:
                tell(f"{folder}: another process is writing; waiting up to {wait_s:.0f} s")
                told = True
    try:
        with translated(folder):
            yield connection
            connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _said(folder, error) from error


def _is_busy(error: BaseException) -> bool:
    return "locked" in str(error) or "busy" in str(error)


def _said(folder: Path, error: BaseException) -> GalleryError:
    text = str(error)
    if isinstance(error, GalleryError):
        return error
    if _is_busy(error):
        return GalleryBusy(f"{folder}: another process is writing to this gallery. Next: let it finish and repeat.")
    if "malformed" in text or "not a database" in text or "no such table" in text:
        return GalleryDamaged(f"{folder}: the record is damaged ({text}). Next: restore it from a backup or an export.")
    if "readonly" in text or "unable to open" in text:
        return GalleryError(f"{folder}: the gallery cannot be written here ({text}). Next: check its permissions.")
    if "full" in text or "I/O" in text:
        return GalleryFull(
            f"{folder}: the disk took no more ({text}); nothing of this was kept, and all that was acknowledged before "
            "is whole. Next: free some space and repeat."
        )
    return GalleryError(f"{folder}: {text}.")
