"""Writes that are there as a whole or not at all, on a server that promises this for single rows only.

Before an enrolment's rows are sent, an *intent* is written: one row of a second, small collection. While it says
`open`, nobody sees the rows of its batch. One upsert of that one row, to `done`, is the moment of truth: at once the
new rows are seen, and the rows they replace are not. What remains to be cleaned up afterwards can be done by anybody,
at any time, twice. A writer that dies before that moment leaves rows that nobody ever sees; `sweep` removes them.
Readers look at the intents after each question, and ask again where these have changed since the last.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twinnet.core.errors import ConfigError
from twinnet.gallery.milvus.link import Link

_FIRST_INTENT = 16  # ids below are facts: 0 the binding, 1 the stamp
_LONGEST = 60_000  # characters of one row; Milvus takes 65,535
STALE_S = 3600.0
"""An open intent this old belongs to a writer that died."""

LINGERS_S = 30.0
"""A closed intent is kept for so long: no read takes longer."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Rows of `batch` replace those of `names` with a key below `batch`; `done` says whether that is so already."""

    batch: int
    done: bool
    names: tuple[str, ...]
    at: float

    @property
    def closed(self) -> bool:
        """Whether it hides nothing any more."""
        return self.done and not self.names

    def hides(self, row: Mapping[str, Any]) -> bool:
        """Whether a row with `key`, `batch` and `name` must not be seen."""
        if not self.done:
            return int(row["batch"]) == self.batch
        return int(row["key"]) < self.batch and row["name"] in self.names


class Ledger:
    """The second collection."""

    def __init__(self, link: Link, collection: str) -> None:
        self._link, self.collection = link, collection

    def create(self) -> None:
        """The empty collection."""
        types = self._link.types
        schema = self._link.client.create_schema(auto_id=False)
        schema.add_field("id", types.INT64, is_primary=True)
        schema.add_field("body", types.VARCHAR, max_length=65_535)
        schema.add_field("nothing", types.FLOAT_VECTOR, dim=2)  # Milvus has no collection without vectors
        index = self._link.client.prepare_index_params()
        index.add_index("nothing", index_type="FLAT", metric_type="L2")
        self._link.call(
            "create_collection", self.collection, schema=schema, index_params=index, consistency_level="Strong"
        )

    def fact(self, number: int) -> dict[str, Any] | None:
        """The binding (0) or the stamp (1)."""
        return self._bodies(f"id == {number}").get(number)

    def put(self, number: int, body: Mapping[str, Any]) -> None:
        """One row, as a whole."""
        text = json.dumps(body, ensure_ascii=True)
        if len(text) > _LONGEST:
            raise ConfigError("too many identities are changed at once. Next: give them in several calls.")
        self._link.call("upsert", self.collection, data=[{"id": number, "body": text, "nothing": [0.0, 0.0]}])

    def intents(self) -> tuple[Intent, ...]:
        """Everything that is under way or not yet cleaned up, by batch."""
        found = self._bodies(f"id >= {_FIRST_INTENT}")
        return tuple(
            Intent(batch, body["done"], tuple(body["names"]), body["at"]) for batch, body in sorted(found.items())
        )

    def open(self, batch: int) -> None:
        """Before the first row of this batch is sent."""
        self.put(batch, {"done": False, "names": [], "at": time.time()})

    def settle(self, batch: int, replaced: Sequence[str]) -> None:
        """The moment of truth."""
        self.put(batch, {"done": True, "names": list(replaced), "at": time.time()})

    def close(self, batch: int) -> None:
        """Nothing is left to clean up. The row stays for a while, so that a read that lasted meanwhile notices it."""
        self.settle(batch, ())

    def forget(self, closed: Sequence[Intent]) -> None:
        """Drop closed intents that no read can have lasted through."""
        old = [intent.batch for intent in closed if intent.closed and time.time() - intent.at > LINGERS_S]
        if old:
            self._link.call("delete", self.collection, ids=old)

    def _bodies(self, which: str) -> dict[int, dict[str, Any]]:
        rows = self._link.call(
            "query", self.collection, filter=which, output_fields=["id", "body"], consistency_level="Strong"
        )
        return {int(row["id"]): json.loads(row["body"]) for row in rows}
