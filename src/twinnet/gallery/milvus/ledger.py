"""Writes that are there as a whole or not at all, on a server that promises this for single rows only.

Before an enrolment's rows are sent, an *intent* is written: one row of a second, small collection. While it says
`open`, nobody sees the rows of its batch. One upsert of that one row, to `done`, is the moment of truth: at once the
new rows are seen, and the rows they replace are not. What remains to be cleaned up afterwards can be done by anybody,
at any time, twice. A writer that dies before that moment leaves rows that nobody ever sees; `sweep` removes them.
Readers look at the intents after each question, and ask again where one has come or was settled meanwhile.
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

LINGERS_S = 300.0
"""A closed intent is kept for so long. A read that lasts longer may miss a write that began and ended inside it."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Rows of `batch` replace those of `keys`, and all older rows of `names`; `done` says whether that is so already.

    One that was `aborted` hides its batch for long, because a request that was given up may still arrive.
    """

    batch: int
    done: bool
    names: tuple[str, ...]
    at: float
    keys: tuple[int, ...] = ()
    aborted: bool = False

    @property
    def closed(self) -> bool:
        """Whether it hides nothing any more."""
        return self.done and not self.names and not self.keys

    def hides(self, row: Mapping[str, Any]) -> bool:
        """Whether a row with `key`, `batch` and `name` must not be seen."""
        if not self.done:
            return int(row["batch"]) == self.batch
        return int(row["key"]) in self.keys or (int(row["key"]) < self.batch and row["name"] in self.names)


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
            Intent(batch, body["done"], tuple(body["names"]), body["at"], tuple(body["keys"]), body["aborted"])
            for batch, body in sorted(found.items())
        )

    def open(self, batch: int, keys: Sequence[int]) -> None:
        """Before the first row of this batch is sent. With all that will stand there, so that it surely fits."""
        self._say(batch, keys=keys)

    def is_open(self, batch: int) -> bool:
        """Whether nobody took the writer of this batch for dead."""
        return any(intent.batch == batch and not intent.done and not intent.aborted for intent in self.intents())

    def settle(self, batch: int, names: Sequence[str] = (), keys: Sequence[int] = ()) -> None:
        """The moment of truth."""
        self._say(batch, done=True, names=names, keys=keys)

    def abort(self, batch: int) -> None:
        """It never will be; see `Intent`."""
        self._say(batch, aborted=True)

    def close(self, batch: int) -> None:
        """Nothing is left to clean up. The row stays for a while, so that a read that lasted meanwhile notices it."""
        self.settle(batch)

    def forget(self, batches: Sequence[int]) -> None:
        """Drop intents that say nothing to anybody any more."""
        if batches:
            self._link.call("delete", self.collection, ids=list(batches))

    def _say(
        self,
        batch: int,
        *,
        done: bool = False,
        names: Sequence[str] = (),
        keys: Sequence[int] = (),
        aborted: bool = False,
    ) -> None:
        body = {"done": done, "names": list(names), "keys": list(keys), "aborted": aborted, "at": time.time()}
        self.put(batch, body)

    def _bodies(self, which: str) -> dict[int, dict[str, Any]]:
        rows = self._link.call(
            "query", self.collection, filter=which, output_fields=["id", "body"], consistency_level="Strong"
        )
        return {int(row["id"]): json.loads(row["body"]) for row in rows}


def spoiled(before: Sequence[Intent], after: Sequence[Intent]) -> bool:
    """Whether an answer to a question that was asked under `before` may show half of a write."""
    then, now = ({intent.batch: intent for intent in some} for some in (before, after))
    came = any(batch not in then or (intent.done and not then[batch].done) for batch, intent in now.items())
    return came or any(batch not in now and not intent.done and not intent.aborted for batch, intent in then.items())
