"""The nouns of a gallery: what is stored, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from twinnet.core.types import Interval

Embeddings = npt.NDArray[np.float32]
Keep = Literal["prototype", "all"]
Dtype = Literal["float32", "float16", "int8"]


@dataclass(frozen=True, slots=True)
class Binding:
    """What ties a gallery to one model: a distance between embeddings of two models means nothing.

    `normalise`: embeddings lie on the unit sphere, and so must templates.
    """

    fingerprint: str
    comparison: str
    dim: int
    normalise: bool
    dtype: Dtype = "float32"
    model_path: str = ""
    keep_originals: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Entry:
    """Items of one identity, to be enrolled together: `embeddings (N, D)`, and of each its source and original.

    `n_items` above 1 is for a template that is itself a mean, of so many items, with all their originals.
    """

    name: str
    embeddings: Embeddings
    keep: Keep = "prototype"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    originals: tuple[bytes, ...] = ()
    n_items: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One stored template, without its embedding; `n_items` items are behind it."""

    key: int
    name: str
    n_items: int
    source: str
    metadata: Mapping[str, Any]
    created: float


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One identity of the list."""

    name: str
    templates: int
    items: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is now on disk, whatever happens next."""

    name: str
    keys: tuple[int, ...]
    items: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was forgotten. Where `erased` is false another process still reads an older state of the record, or the
    disk is full; who opens the gallery next erases the bytes.
    """

    names: tuple[str, ...]
    templates: int
    erased: bool
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """One answer of a search, as `verify` decides it.

    `far` is the rate of a single comparison; `far_in_gallery` the chance that a stranger is accepted as anybody in a
    gallery of this size. Both are None where the model's rule did not measure them.
    """

    identity: str
    distance: float
    threshold: float
    same: bool
    abstained: bool
    probability: float | None
    far: Interval | None
    far_in_gallery: float | None
    source: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Near:
    """Two identities that the threshold would take for one."""

    first: str
    second: str
    distance: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Info:
    """A gallery in numbers."""

    binding: Binding
    identities: int
    templates: int
    items: int
    originals: int
    index: str
    encrypted: bool
    bytes_on_disk: int
    notes: tuple[str, ...]
