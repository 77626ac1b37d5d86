"""Ask an index for the pictures most like one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from twinnet.apps.gallery import Gallery
from twinnet.apps.retrieve.index import facts_of
from twinnet.apps.retrieve.regions import Box
from twinnet.core.errors import ConfigError
from twinnet.core.types import Image, Item
from twinnet.data import decode
from twinnet.gallery import Match
from twinnet.model import Model


@dataclass(frozen=True, slots=True)
class Hit:
    """One picture of the answer: its name under the folder, its distance, and the region that was nearest.

    `same` and `probability` are the model's verdict; None where it was not calibrated.
    """

    name: str
    path: Path
    distance: float
    same: bool | None
    probability: float | None
    box: Box


@dataclass(frozen=True, slots=True)
class Found:
    """The question as it was asked, `(H, W, C)`, and the pictures of the answer, nearest first."""

    asked: Image
    hits: tuple[Hit, ...]
    n_pictures: int
    model: str  # fingerprint


def query(
    index: str | Path, image: Item, *, k: int = 10, crop: Box | None = None, model: Model | str | Path | None = None
) -> Found:
    """The `k` pictures of an index nearest to `image`, or to its part `crop`; each once, by its nearest region.

    `model` is needed only where the model's file is no longer where it was. Raises UnreadableItem, ConfigError for a
    crop outside the picture, GalleryError or WrongModel.
    """
    if k < 1:
        raise ConfigError(f"k must be 1 or more, not {k}.")
    facts = facts_of(index)
    asked = decode(image)
    asked = crop.cut(asked) if crop else asked
    with Gallery.open(index, model) as gallery:
        n, templates = gallery.store.n_identities, gallery.store.n_templates
        wanted = min(k, n) * (4 if facts["parts"] else 1)
        while True:  # many regions of one picture may stand in the way of the next picture
            nearest = _first_of_each(gallery.search(asked, max(1, min(wanted, templates))))
            if len(nearest) >= min(k, n) or wanted >= templates:
                break
            wanted *= 4
        known = gallery.model.rule is not None
        root = Path(facts["folder"])
        hits = tuple(
            Hit(
                match.identity,
                root / match.identity,
                match.distance,
                match.same if known else None,
                match.probability,
                Box.read(match.source),
            )
            for match in nearest[:k]
        )
        return Found(asked, hits, n, gallery.model.fingerprint)


def _first_of_each(ranked: Sequence[Match]) -> list[Match]:
    best: dict[str, Match] = {}
    for match in ranked:
        best.setdefault(match.identity, match)
    return list(best.values())
