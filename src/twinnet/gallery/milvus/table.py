"""The collection of templates, read so that nobody sees half a write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from twinnet.core.errors import GalleryError
from twinnet.gallery.milvus import schema
from twinnet.gallery.milvus.ledger import Intent, Ledger, spoiled
from twinnet.gallery.milvus.link import Link
from twinnet.gallery.milvus.schema import all_of, chunks, one_of, seen
from twinnet.gallery.types import Embeddings

AT_ONCE = 1000
"""Rows or keys of one message."""

_TRIES = 32  # readers repeat where a write was settled meanwhile


class Table:
    """Reads ask the ledger before and after, and again where its word has changed in between."""

    def __init__(self, link: Link, collection: str, ledger: Ledger) -> None:
        self.link, self.collection, self._ledger = link, collection, ledger
        self._known = tuple[Intent, ...]()

    def create(self, dim: int) -> None:
        """The empty collection."""
        schema.create(self.link, self.collection, dim)

    def misfit(self, dim: int) -> str | None:
        """Why a collection of this name that is there already is not one of ours; None where it is."""
        fields = {field["name"]: field for field in self.link.call("describe_collection", self.collection)["fields"]}
        if set(fields) != {*schema.FIELDS, "length", "digest", "embedding"}:
            return "there is another collection of that name"
        if int(fields["embedding"]["params"]["dim"]) != dim:
            return (
                f"an unfinished gallery of that name has embeddings of {fields['embedding']['params']['dim']} numbers"
            )
        return None

    def send(self, rows: Sequence[dict[str, Any]]) -> None:
        """In messages of a size that the server takes."""
        for part in chunks(rows, AT_ONCE):
            self.link.call("upsert", self.collection, data=list(part))

    def drop(self, which: str) -> None:
        """Every row that the filter finds."""
        self.link.call("delete", self.collection, filter=which)

    def page(self, which: str, fields: Sequence[str]) -> list[Any]:
        """The rows that a filter finds, where these are few."""
        found: list[Any] = self._settled(
            lambda hidden: [
                dict(row)
                for row in self.link.call(
                    "query", self.collection, filter=all_of(which, hidden), output_fields=_wanted(fields),
                    limit=16_384, consistency_level="Strong",
                )
            ]
        )  # fmt: skip
        return found

    def all(self, fields: Sequence[str], which: str = "") -> list[Any]:
        """The rows that a filter finds, however many, by ascending key."""
        found: list[Any] = self._settled(lambda hidden: self._pages(fields, all_of(which, hidden) or "key >= 0"))
        return found

    def of(self, names: Sequence[str]) -> list[Any]:
        """All rows of these identities, with everything."""
        parts = chunks(list(dict.fromkeys(names)), 200)
        return [row for part in parts for row in self.all(["*"], one_of("name", part))]

    def count(self) -> int:
        """How many rows are seen."""
        answer = self._settled(
            lambda hidden: self.link.call(
                "query", self.collection, filter=hidden, output_fields=["count(*)"], consistency_level="Strong"
            )
        )
        return int(answer[0]["count(*)"])

    def search(self, probes: Embeddings, k: int, which: str) -> list[list[tuple[int, float]]]:
        """Of each of `probes (Q, D)` its k nearest, as key and squared distance, filled up with −1 and ∞."""
        answers = self._settled(
            lambda hidden: self.link.call(
                "search", self.collection, data=probes.tolist(), anns_field="embedding", limit=k,
                filter=all_of(which, hidden), output_fields=["key"],
                search_params={"metric_type": "L2", "params": {"ef": max(64, 2 * k)}}, consistency_level="Strong",
            )
        )  # fmt: skip
        found = [[(int(hit["entity"]["key"]), float(hit["distance"])) for hit in hits] for hits in answers]
        return [(hits + [(-1, np.inf)] * k)[:k] for hits in found]

    def _settled(self, ask: Any) -> Any:
        for _ in range(_TRIES):
            before = self._known  # what held at the last question mostly still holds, which saves asking twice
            answer = ask(seen(before))
            self._known = self._ledger.intents()
            if not spoiled(before, self._known):
                return answer
        raise GalleryError(f"{self.link.uri}: it is being written to without a pause. Next: repeat.")

    def _pages(self, fields: Sequence[str], which: str) -> list[Any]:
        def once() -> list[Any]:
            found: list[Any] = []
            pages = self.link.client.query_iterator(
                self.collection, batch_size=AT_ONCE, filter=which, output_fields=_wanted(fields),
                consistency_level="Strong", timeout=self.link.patience_s,
            )  # fmt: skip
            try:
                while page := pages.next():
                    found += [dict(row) for row in page]
            finally:
                pages.close()
            return found

        # All pages in one try: a page that fails is asked for again with those before it.
        found: list[Any] = self.link.repeated(once, self.collection)
        return sorted(found, key=lambda row: int(row["key"]))


def _wanted(fields: Sequence[str]) -> list[str]:
    return list(fields) if "*" in fields else list({*fields, "key"})
