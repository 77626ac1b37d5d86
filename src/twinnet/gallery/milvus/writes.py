"""The steps of a write, each safe to repeat, with one moment of truth between them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from twinnet.core.errors import GalleryError
from twinnet.gallery.milvus.ledger import STALE_S, Ledger
from twinnet.gallery.milvus.link import Away
from twinnet.gallery.milvus.schema import all_of, chunks, one_of
from twinnet.gallery.milvus.table import Table


class Writes:
    """Rows go in unseen, then are settled all at once; see `ledger`."""

    def __init__(self, table: Table, ledger: Ledger) -> None:
        self._table, self._ledger = table, ledger

    def put(self, batch: int, rows: Sequence[dict[str, Any]], replaced: Sequence[str]) -> None:
        """Rows of one batch, in place of the older rows of the names `replaced`: all of it or nothing."""
        self._ledger.open(batch)
        try:
            self._table.send(rows)
        except BaseException:
            with contextlib.suppress(GalleryError):
                self._undo(batch)
            raise
        self.settle(batch, replaced)

    def settle(self, batch: int, replaced: Sequence[str]) -> None:
        """The moment of truth, and what follows from it. Raises Away where it is not known whether it came."""
        try:
            self._ledger.settle(batch, replaced)
        except Away as error:
            raise Away(
                f"{error} The answer to the last step is missing, so it is either wholly done or wholly not. "
                "Next: look (twinnet gallery list), then repeat where it is not."
            ) from error
        if replaced:
            with contextlib.suppress(GalleryError):  # it holds already; the next writer finishes what is left
                self._clean(batch, replaced)

    def sweep(self, older_s: float = STALE_S) -> None:
        """Finish what others settled but did not clean up, and undo what dead writers began `older_s` ago."""
        found = self._ledger.intents()
        for intent in found:
            if intent.done and not intent.closed:
                self._clean(intent.batch, intent.names)
            elif not intent.done and time.time() - intent.at > older_s:
                self._undo(intent.batch)
        self._ledger.forget(found)

    def _clean(self, batch: int, replaced: Sequence[str]) -> None:
        for part in chunks(list(replaced), 200):
            self._table.drop(all_of(f"key < {batch}", one_of("name", part)))
        self._ledger.close(batch)

    def _undo(self, batch: int) -> None:
        self._table.drop(f"batch == {batch}")
        self._ledger.close(batch)
