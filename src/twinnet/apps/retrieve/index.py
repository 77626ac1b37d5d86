"""An index over a folder: what is new or changed is embedded, what is gone is forgotten, the rest stays."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.apps.gallery import Gallery
from twinnet.apps.retrieve.regions import Box, boxes
from twinnet.core.errors import DataError, GalleryError, UnreadableItem
from twinnet.core.progress import SILENT, Progress, Task
from twinnet.core.types import Skipped
from twinnet.core.whole import whole
from twinnet.data import Preprocess, decode
from twinnet.data.listing import list_images
from twinnet.data.parallel import each
from twinnet.gallery import Entry
from twinnet.model import Model

FACTS = "retrieve.json"
_AT_ONCE = 128  # pictures of one transaction: what an interruption costs


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one run did, in pictures; `regions` are the embeddings that the index now holds."""

    added: int
    changed: int
    removed: int
    kept: int
    regions: int
    skipped: tuple[Skipped, ...]
    model: str  # fingerprint


def index_folder(
    model: Model | str | Path,
    folder: str | Path,
    out: str | Path,
    *,
    parts: bool | None = None,
    progress: Progress = SILENT,
) -> Indexed:
    """Bring the index at `out` level with the pictures under `folder`; make it where there is none.

    A picture counts as changed where its size or time of change differs. With `parts` overlapping crops of each picture
    are indexed too (see `boxes`); None keeps what the index does already. Pictures that cannot be read are skipped and
    listed, and tried again next time. Every 128 pictures are durable, so an interrupted run is simply repeated.

    Raises DataError for a folder without pictures, WrongModel for an index of another model, GalleryError for an index
    of another folder or of other regions.
    """
    folder, out = Path(folder), Path(out)
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder. Next: give the folder whose pictures are to be found again.")
    listing = list_images(folder)
    there = {str(path.relative_to(folder)): path for path in listing.images.values() if isinstance(path, Path)}
    skipped = list(listing.skipped)
    with _Opened(out, model, folder, parts) as (gallery, whole):
        before = _stamps(gallery)
        now = {name: stamp for name, path in there.items() if (stamp := _stamp(path))}
        gone = [name for name in before if name not in there]
        changed = [name for name, stamp in now.items() if name in before and before[name] != stamp]
        if gone or changed:
            gallery.forget(*gone, *changed)
        new = [name for name in now if name not in before or before[name] != now[name]]
        done = 0
        with progress.task("indexing", len(new)) as task:
            for start in range(0, len(new), _AT_ONCE):
                some = new[start : start + _AT_ONCE]
                entries, bad = _embedded(gallery.model, [(n, there[n], now[n]) for n in some], not whole, task)
                if entries:
                    gallery.store.add(entries)
                skipped += bad
                done += len(entries)
                if skipped:
                    task.note(f"{len(skipped):,} skipped")
        unread = {skip.item for skip in skipped}
        again = sum(name not in unread for name in changed)
        return Indexed(
            done - again,
            again,
            len(gone),
            len(now) - len(new),
            gallery.store.n_templates,
            tuple(skipped),
            gallery.model.fingerprint,
        )


def facts_of(index: str | Path) -> dict[str, Any]:
    """The folder and the kind of regions that an index was made of. Raises GalleryError where it is none."""
    try:
        facts = json.loads((Path(index) / FACTS).read_text(encoding="utf-8"))
        return {"folder": str(facts["folder"]), "parts": bool(facts["parts"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GalleryError(
            f"{index} is no index of pictures ({error}). Next: twinnet retrieve index MODEL FOLDER -o {index}"
        ) from error


class _Opened:
    """The gallery and whether only whole pictures are indexed, as a context."""

    def __init__(self, out: Path, model: Model | str | Path, folder: Path, parts: bool | None) -> None:
        here = str(folder.absolute())
        if not (out / "record.sqlite").exists():
            self.gallery, self.parts = Gallery.create(out, model), bool(parts)
        else:
            facts = facts_of(out) if (out / FACTS).exists() else {"folder": here, "parts": bool(parts)}
            if facts["folder"] != here:
                raise GalleryError(f"{out} is an index of {facts['folder']}. Next: name another index for {here}.")
            if parts is not None and parts != facts["parts"]:
                raise GalleryError(
                    f"{out} was made {'with' if facts['parts'] else 'without'} regions. Next: a new one."
                )
            self.gallery, self.parts = Gallery.open(out, model), bool(facts["parts"])
        if not (out / FACTS).exists():
            if self.gallery.store.n_templates:
                self.gallery.close()
                raise GalleryError(f"{out} is a gallery of identities, not of pictures. Next: name another index.")
            with whole(out / FACTS) as partial:
                partial.write_text(json.dumps({"folder": here, "parts": self.parts}), encoding="utf-8")

    def __enter__(self) -> tuple[Gallery, bool]:
        return self.gallery, not self.parts

    def __exit__(self, *exc: object) -> None:
        self.gallery.close()


def _stamps(gallery: Gallery) -> dict[str, list[int]]:
    return {
        row.name: [int(v) for v in row.metadata.get("stamp", ())]
        for batch in gallery.store.scan()
        for row in batch.rows
    }


def _stamp(path: Path) -> list[int]:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _embedded(
    model: Model, some: Sequence[tuple[str, Path, list[int]]], parts: bool, task: Task
) -> tuple[list[Entry], list[Skipped]]:
    """One entry per readable picture, an embedding for each of its regions."""

    def seen(i: int) -> tuple[list[Box], Any] | Skipped:
        name, path, _ = some[i]
        try:
            return _regions(path, name, model.preprocess, parts)
        except UnreadableItem as error:
            return Skipped(name, error.reason)

    entries, bad = [], []
    for (name, _, stamp), found in zip(some, _flat(each(len(some), seen)), strict=True):
        task.advance(1)
        if isinstance(found, Skipped):
            bad.append(found)
            continue
        where, pixels = found
        sources = tuple(map(str, where))
        entries.append(Entry(name, model.embed_images(pixels), "all", {"stamp": stamp}, sources))
    return entries, bad


def _regions(path: Path, name: str, preprocess: Preprocess, parts: bool) -> tuple[list[Box], Any]:
    image = decode(path, name=name)
    where = list(boxes(image, parts=parts))
    return where, np.stack([preprocess.apply(box.cut(image)) for box in where])  # (R, height, width, C)


def _flat(chunks: Iterator[list[Any]]) -> Iterator[Any]:
    for chunk in chunks:
        yield from chunk
