"""The gallery behind a server: one store to read and one to write, so that reading never waits for a slow writer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, final

from twinnet.core.errors import WrongModel
from twinnet.core.types import Decision
from twinnet.engine import Embeddings, Engine
from twinnet.gallery import (
    AnyStore,
    Binding,
    Enrolled,
    Entry,
    Forgotten,
    Keep,
    LocalStore,
    Match,
    Place,
    Receipt,
    Row,
    Templates,
    create_store,
    open_store,
    there,
)

WAIT_S = 3.0
"""So long a request waits for another writer, or for a server that is away, before it is told."""


@final
class Known:
    """A gallery and the engine it is bound to. Raises WrongModel, GalleryError and its kinds."""

    def __init__(self, place: Place, engine: Engine, *, key: str | None = None, keep_originals: bool = False) -> None:
        self.place, self._key = place, key
        if not there(place):
            binding = Binding(
                engine.fingerprint, engine.comparison, engine.dim, engine.normalise, keep_originals=keep_originals
            )
            create_store(place, binding, key=key).close()
        self._reader = open_store(place, key=key, wait_s=WAIT_S)
        try:
            self._templates = Templates(self._reader, engine.fingerprint, engine.cross, engine.rule)
            self._writer = self._reader
            if isinstance(self._reader, LocalStore):
                self._writer = open_store(place, key=key, wait_s=WAIT_S)
        except BaseException:
            self._reader.close()
            raise

    @property
    def keeps_originals(self) -> bool:
        """Whether enrolled pictures are stored too."""
        return self._reader.binding.keep_originals

    def enrol(
        self, name: str, embeddings: Embeddings, originals: Sequence[bytes], keep: Keep, metadata: Mapping[str, Any]
    ) -> Receipt:
        """`embeddings (N, D)` of one identity; on disk when this returns."""
        kept = tuple(originals) if self.keeps_originals else ()
        return self._writer.add([Entry(name, embeddings, keep, metadata, (), kept)])[0]

    def forget(self, name: str) -> Forgotten:
        """Erase an identity. Raises NotEnrolled."""
        return self._writer.forget([name])

    def verify(self, name: str, probe: Embeddings) -> Decision:
        """Is `probe (D,)` this identity?"""
        return self._templates.verify(name, probe)

    def identify(self, probe: Embeddings, k: int) -> list[Match]:
        """At most k identities that `probe (D,)` is the same as, nearest first."""
        return self._templates.identify(probe, k)

    def search(self, probe: Embeddings, k: int, where: Mapping[str, Any] | None) -> list[Match]:
        """The k nearest templates."""
        return self._templates.search(probe, k, where)

    def enrolled(self) -> list[Enrolled]:
        """Everybody, in the order of enrolment."""
        return self._reader.enrolled()

    def rows(self, name: str) -> list[Row]:
        """What is stored of one identity, without embeddings. Raises NotEnrolled."""
        return list(self._reader.rows(self._reader.keys_of(name)).values())

    def picture(self, name: str) -> bytes | None:
        """One enrolled picture, where they are kept. Raises NotEnrolled."""
        return self._reader.original_of(name)

    def count(self) -> int:
        """How many identities there are; also tells whether the gallery answers."""
        return self._reader.n_identities

    def stamp(self) -> object:
        """What changes when the folder was replaced by another, or migrated to another model."""
        if not isinstance(self._reader, LocalStore):
            return None
        with contextlib.suppress(OSError):
            return (self._reader.folder / "record.sqlite").stat().st_ino, self._migrated()
        return "gone"

    def close(self) -> None:
        """Let go of the files; the writer erases what it replaced."""
        for store in self._stores():
            store.close()

    def _stores(self) -> Iterator[AnyStore]:
        yield self._reader
        if self._writer is not self._reader:
            yield self._writer

    def _migrated(self) -> bool:
        try:
            self.count()
        except WrongModel:
            return True
        return False
