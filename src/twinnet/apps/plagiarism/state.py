"""What is known so far, in one SQLite file: documents read, pairs compared. A run that was killed goes on from it."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from twinnet.apps.plagiarism.align import Passage
from twinnet.apps.plagiarism.marks import Keys
from twinnet.apps.plagiarism.measures import Shared
from twinnet.core.errors import DataError
from twinnet.data.documents import Document, Finding

FORMAT = "1"
_WAIT_S = 5.0
_TABLES = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS document (
  id INTEGER PRIMARY KEY AUTOINCREMENT, side INTEGER NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL,
  stamp TEXT NOT NULL, problem TEXT NOT NULL, kind TEXT NOT NULL, content BLOB NOT NULL, sketch BLOB NOT NULL,
  phrases BLOB NOT NULL, findings TEXT NOT NULL, mask TEXT NOT NULL, hidden INTEGER NOT NULL,
  compared INTEGER NOT NULL, UNIQUE (side, name));
CREATE TABLE IF NOT EXISTS pair (
  a INTEGER NOT NULL REFERENCES document (id) ON DELETE CASCADE,
  b INTEGER NOT NULL REFERENCES document (id) ON DELETE CASCADE,
  masks TEXT NOT NULL, measures BLOB NOT NULL, passages BLOB NOT NULL, share_a REAL NOT NULL, share_b REAL NOT NULL,
  verbatim INTEGER NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pair_b ON pair (b);
"""


class Row(NamedTuple):
    """One document as the state keeps it. `problem` says why it could not be read, empty where it was."""

    id: int
    side: int
    name: str
    owner: str
    stamp: str
    problem: str
    kind: str
    hidden: int  # words that do not count
    findings: tuple[Finding, ...]
    compared: bool


class State:
    """One writer at a time; every `with state.change():` is on disk as a whole or not at all."""

    def __init__(self, path: Path | None, settings: Mapping[str, object]) -> None:
        """Open, or make. Raises DataError for a foreign or damaged file, other settings, or a file in use."""
        self._path = path
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path or ":memory:", timeout=_WAIT_S, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.executescript(_TABLES)
            with self.change():
                self._agree(json.dumps(dict(settings), sort_keys=True))
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _agree(self, settings: str) -> None:
        known = dict(self._db.execute("SELECT name, value FROM fact"))
        if not known:
            self._db.executemany("INSERT INTO fact VALUES (?, ?)", [("format", FORMAT), ("settings", settings)])
        elif known.get("format") != FORMAT:
            raise DataError(f"{self._path}: made by another version of twinnet. Next: delete it and run again")
        elif known.get("settings") != settings:
            raise DataError(
                f"{self._path}: made with other settings (--against, --template, --by, --skip-quoted, --common). "
                "Next: use another --state for these, or delete it"
            )

    def _unusable(self, error: sqlite3.Error) -> DataError:
        if "locked" in str(error) or "busy" in str(error):
            return DataError(f"{self._path}: another run is using it. Next: wait for it, or use another --state")
        return DataError(f"{self._path}: this is no readable state ({error}). Next: delete it and run again")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def change(self) -> _Change:
        """A transaction."""
        return _Change(self._db)

    def rows(self) -> list[Row]:
        """All documents by id, those that could not be read too."""
        found = self._db.execute(
            "SELECT id, side, name, owner, stamp, problem, kind, hidden, findings, compared FROM document ORDER BY id"
        )
        return [
            Row(i, side, name, owner, stamp, problem, kind, hidden, _findings(findings), bool(compared))
            for i, side, name, owner, stamp, problem, kind, hidden, findings, compared in found
        ]

    def add(self, side: int, name: str, owner: str, stamp: str, document: Document, kind: str, phrases: Keys) -> int:
        """Keep a document, and say its id. Its sketch follows when it is known what of it counts."""
        content = json.dumps({"text": document.text, "language": document.language}, ensure_ascii=False)
        packed = zlib.compress(content.encode("utf-8", "surrogatepass"), 1)
        findings = json.dumps([[f.kind, f.count, f.example] for f in document.findings]) if document.findings else ""
        return self._insert(side, name, owner, stamp, "", kind, packed, phrases.tobytes(), findings)

    def add_problem(self, side: int, name: str, owner: str, stamp: str, problem: str) -> None:
        """Keep why a document could not be read, so that it is not tried again until it changes."""
        self._insert(side, name, owner, stamp, problem, "", b"", b"", "")

    def _insert(self, *values: object) -> int:
        done = self._db.execute(
            "INSERT INTO document (side, name, owner, stamp, problem, kind, content, phrases, findings, sketch, mask, "
            "hidden, compared) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, x'', '', 0, 0)", values,
        )  # fmt: skip
        return int(done.lastrowid or 0)

    def forget(self, ids: Iterable[int]) -> None:
        """Documents that are gone or have changed, with their pairs."""
        self._db.executemany("DELETE FROM document WHERE id = ?", [(i,) for i in ids])

    def document(self, row: int) -> Document:
        """The text of a document."""
        found = self._db.execute("SELECT name, content, findings FROM document WHERE id = ?", (row,))
        name, packed, findings = found.fetchone()
        content = json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass"))
        return Document(name, content["text"], content["language"], _findings(findings))

    def phrases(self, kind: str) -> dict[int, Keys]:
        """Keys of the runs of all documents of a kind, by id."""
        found = self._db.execute("SELECT id, phrases FROM document WHERE kind = ? ORDER BY id", (kind,))
        return {row: np.frombuffer(blob, np.uint64) for row, blob in found}

    def masks(self) -> dict[int, str]:
        """Which words of each document are left out, as a digest; empty where all count."""
        return dict(self._db.execute("SELECT id, mask FROM document WHERE problem = ''"))

    def set_mask(self, row: int, mask: str, sketch: Keys, hidden: int) -> None:
        """What of a document counts has been decided: its digest, its sampled marks, how many words are left out."""
        self._db.execute(
            "UPDATE document SET mask = ?, sketch = ?, hidden = ? WHERE id = ?", (mask, sketch.tobytes(), hidden, row)
        )

    def sketches(self, kind: str) -> dict[int, Keys]:
        """Sampled marks of all documents of a kind, by id."""
        found = self._db.execute("SELECT id, sketch FROM document WHERE kind = ? ORDER BY id", (kind,))
        return {row: np.frombuffer(blob, np.uint64) for row, blob in found}

    def set_compared(self, ids: Iterable[int]) -> None:
        """These have been compared with all that were there before them."""
        self._db.executemany("UPDATE document SET compared = 1 WHERE id = ?", [(i,) for i in ids])

    def add_pair(self, a: int, b: int, masks: str, shared: Shared) -> None:
        """Keep the result of one comparison, in place of an older one."""
        places = np.array([[*p.a, *p.b] for p in shared.passages], np.int64).tobytes()
        density = np.array([p.density for p in shared.passages], np.float64).tobytes()
        self._db.execute(
            "INSERT OR REPLACE INTO pair VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (a, b, masks, shared.measures.tobytes(), places + density, shared.share_a, shared.share_b, shared.verbatim),
        )

    def pair_masks(self) -> dict[tuple[int, int], str]:
        """The pairs that are there, and which words were left out when they were compared."""
        return {(a, b): masks for a, b, masks in self._db.execute("SELECT a, b, masks FROM pair")}

    def pairs(self) -> Iterable[tuple[int, int, Shared]]:
        """All results."""
        for a, b, measures, blob, share_a, share_b, verbatim in self._db.execute(
            "SELECT a, b, measures, passages, share_a, share_b, verbatim FROM pair ORDER BY a, b"
        ):
            n = len(blob) // 40
            places = np.frombuffer(blob[: 32 * n], np.int64).reshape(n, 4).tolist()
            density = np.frombuffer(blob[32 * n :], np.float64).tolist()
            passages = tuple(Passage((p, q), (r, s), d) for (p, q, r, s), d in zip(places, density, strict=True))
            yield a, b, Shared(np.frombuffer(measures, np.float64), passages, share_a, share_b, verbatim)


class _Change:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _findings(text: str) -> tuple[Finding, ...]:
    return tuple(Finding(*finding) for finding in json.loads(text)) if text else ()
