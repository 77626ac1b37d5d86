"""What a place for templates must do. Local is one, a server another; `tests/gallery/contract.py` is its contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from twinnet.core.types import FloatArray, IntArray
from twinnet.gallery.types import Binding, Embeddings, Enrolled, Entry, Forgotten, Info, Receipt, Row


class Shortlist(NamedTuple):
    """Candidates of Q probes: `keys (Q, k)`, −1 where there are none, and `distances (Q, k)`, ∞ there, ascending."""

    keys: IntArray
    distances: FloatArray


class Batch(NamedTuple):
    """Some rows and their `embeddings (N, D)` as they were stored, and of each row the originals behind it."""

    rows: list[Row]
    embeddings: Embeddings
    originals: list[list[bytes]]


class Store(Protocol):
    """Rows of templates. Names and embeddings go in and come out; models, thresholds and pictures are unknown here."""

    @property
    def binding(self) -> Binding: ...

    @property
    def notes(self) -> list[str]:
        """What the user should know, such as that the index was rebuilt."""
        ...

    def add(self, entries: Sequence[Entry]) -> list[Receipt]:
        """All of them or none, durable on return.

        With keep = "prototype" an identity has one template afterwards: the mean of all its items so far.
        """
        ...

    def forget(self, names: Sequence[str]) -> Forgotten:
        """Erase identities and all that is theirs. Raises NotEnrolled, and then forgets none."""
        ...

    def replace(self, binding: Binding, embeddings: Embeddings, expected: int) -> None:
        """Another model's embeddings `(N, D)` for all templates, in the order of their keys, in one step.

        Raises GalleryBusy where `changes` is no longer `expected`.
        """
        ...

    def shortlist(self, probes: Embeddings, k: int, among: IntArray | None = None) -> Shortlist:
        """The templates nearest to each of `probes (Q, D)`; distances by the binding's comparison.

        For the learned comparison they are Euclidean, so its caller asks for more and ranks them again.
        """
        ...

    def rows(self, keys: Sequence[int]) -> dict[int, Row]:
        """Those of the keys that are still there."""
        ...

    def templates(self, keys: Sequence[int]) -> Embeddings:
        """`(N, D)` as they are compared, so on the unit sphere where the binding says so. NotEnrolled where gone."""
        ...

    def keys_of(self, name: str) -> list[int]:
        """Raises NotEnrolled."""
        ...

    def original_of(self, name: str) -> bytes | None:
        """One of an identity's enrolled pictures, None where none were kept. Raises NotEnrolled."""
        ...

    def keys_where(self, where: Mapping[str, Any]) -> IntArray:
        """The templates whose metadata has all of these values."""
        ...

    def enrolled(self) -> list[Enrolled]:
        """All identities, in the order of their enrolment."""
        ...

    def scan(self, batch: int = 4096) -> Iterator[Batch]:
        """Everything, by ascending key."""
        ...

    def info(self) -> Info: ...

    @property
    def n_identities(self) -> int: ...

    @property
    def n_templates(self) -> int: ...

    @property
    def changes(self) -> int:
        """How many writes there have been."""
        ...

    def problems(self) -> list[str]:
        """Look at every byte; empty where all is whole."""
        ...

    def rebuild(self) -> None:
        """The index anew, from the record."""
        ...

    def close(self) -> None: ...
