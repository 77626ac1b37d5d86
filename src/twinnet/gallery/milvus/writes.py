"""The steps of a write, each safe to repeat, with one moment of truth between them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from twinnet.core.errors import GalleryAway, GalleryError
from twinnet.gallery.milvus.ledger import LINGERS_S, STALE_S, Ledger
from twinnet.gallery.milvus.schema import all_of, chunks, one_of
from twinnet.gallery.milvus.table import Table


class Writes:
    """Rows go in unseen, then are settled all at once; see `ledger`."""

    def __init__(self, table: Table, ledger: Ledger) -> None:
        self._table, self._ledger = table, ledger

    def put(self, batch: int, rows: Sequence[dict[str, Any]], replaced: Sequence[int]) -> None:
        """Rows of one batch, in place of the rows with the keys `replaced`: all of it or nothing."""
        self._ledger.open(batch, replaced)
        try:
            self._table.send(rows)
        except BaseException:
            with contextlib.suppress(GalleryError):
                self._undo(batch)
            raise
        if not self._ledger.is_open(batch):
            raise GalleryError("this enrolment took so long that another writer took it for dead. Next: repeat it.")
        self._settle(batch, keys=replaced)

    def forget(self, batch: int, names: Sequence[str]) -> None:
        """All rows of these names with a key below `batch`: all of them or none."""
        self._settle(batch, names=names)

    def sweep(self, older_s: float = STALE_S) -> None:
        """Finish what others settled but did not clean up, and undo what dead writers began `older_s` ago."""
        gone = []
        for intent in self._ledger.intents():
            age = time.time() - intent.at
            if intent.done and not intent.closed:
                self._clean(intent.batch, intent.names, intent.keys)
            elif not intent.done and not intent.aborted and age > older_s:
                self._undo(intent.batch)
            elif intent.aborted and age > STALE_S:
                self._table.drop(f"batch == {intent.batch}")  # once more: a late request may have come in
                gone.append(intent.batch)
            elif intent.closed and age > LINGERS_S:
                gone.append(intent.batch)
        self._ledger.forget(gone)

    def _settle(self, batch: int, *, names: Sequence[str] = (), keys: Sequence[int] = ()) -> None:
        """The moment of truth, and what follows from it. Raises GalleryAway where it is not known whether it came."""
        try:
            self._ledger.settle(batch, names, keys)
        except GalleryAway as error:
            raise GalleryAway(
                f"{error} The answer to the last step is missing, so it is either wholly done or wholly not. "
                "Next: look (twinnet gallery list), then repeat where it is not."
            ) from error
        if names or keys:
            with contextlib.suppress(GalleryError):  # it holds already; the next writer finishes what is left
                self._clean(batch, names, keys)

    def _clean(self, batch: int, names: Sequence[str], keys: Sequence[int]) -> None:
        for part in chunks(list(names), 200):
            self._table.drop(all_of(f"key < {batch}", one_of("name", part)))
        for some in chunks(list(keys), 1000):
            self._table.drop(one_of("key", some))
        self._ledger.close(batch)

    def _undo(self, batch: int) -> None:
        self._table.drop(f"batch == {batch}")
        self._ledger.abort(batch)
