"""Enrol once, recognise ever after: a model and a store of templates, as one thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np

from twinnet.core.errors import ConfigError, GalleryError, TwinnetError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Decision, Item, Skipped
from twinnet.data import load as load_images
from twinnet.data import open_dataset
from twinnet.data.sources import read_bytes
from twinnet.gallery import (
    AnyStore,
    Binding,
    Dtype,
    Embeddings,
    Enrolled,
    Entry,
    Forgotten,
    Info,
    Keep,
    Match,
    Near,
    Place,
    Receipt,
    Templates,
    binding_of,
    create_store,
    entries_of,
    export,
    import_,
    import_entries,
    open_store,
    there,
)
from twinnet.model import Model, load
from twinnet.model.model import comparison_name

_AT_ONCE = 256  # identities in one transaction of a folder


@dataclass(frozen=True, slots=True)
class FolderReceipt:
    """What a folder's enrolment put on disk, and what it passed over."""

    receipts: tuple[Receipt, ...]
    skipped: tuple[Skipped, ...]


@final
class Gallery:
    """Who is known. Make one with `create`, or `open` one; use it in `with`, or `close` it.

    Every write is on disk when its call returns. Threads may share a gallery; many processes may read beside one that
    writes.
    """

    def __init__(self, store: AnyStore, model: Model) -> None:
        self.store, self.model = store, model
        self._templates = Templates(store, model.fingerprint, model.cross, model.rule)

    @classmethod
    def create(
        cls,
        path: Place,
        model: Model | str | Path,
        *,
        dtype: Dtype = "float32",
        keep_originals: bool = False,
        key: str | None = None,
    ) -> Gallery:
        """A new gallery at `path`, a folder or `milvus://host:19530/name`, bound to this model; encrypted where `key`
        is given.

        A model given by its path is remembered, so that `open` needs no model. `keep_originals` stores the enrolled
        pictures too, which is what `migrate` needs. Raises GalleryError where something is there already.
        """
        known, where = _model(model)
        return cls(create_store(path, bound(known, dtype, keep_originals, where), key=key), known)

    @classmethod
    def open(
        cls,
        path: Place,
        model: Model | str | Path | None = None,
        *,
        key: str | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> Gallery:
        """An existing gallery. `tell` is given remarks, such as that another writer is waited for.

        Raises WrongModel for another model than the gallery's, WrongKey, GalleryDamaged or GalleryError.
        """
        store = open_store(path, key=key)
        if tell is not None:
            store.tell = tell
        try:
            if model is None and not store.binding.model_path:
                raise GalleryError(f"{path}: where its model lies is not known. Next: give the model, as --model FILE.")
            known, where = _model(store.binding.model_path if model is None else model)
            opened = cls(store, known)
            if where and where != store.binding.model_path and store.writable:
                store.remember_model(where)
        except BaseException:
            store.close()
            raise
        return opened

    def enrol(
        self,
        identity: str,
        items: Sequence[Item],
        *,
        keep: Keep = "prototype",
        metadata: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """Add items of one identity: to its one prototype, their mean, or each as a template of its own.

        Durable on return. Raises UnreadableItem, and then nothing is enrolled.
        """
        if isinstance(items, str | bytes | Path | np.ndarray) or not len(items):
            raise ConfigError("enrol takes a list of items. Next: put the one item into a list, [item].")
        kept = self.store.binding.keep_originals
        originals = tuple(_original(item) for item in items) if kept else ()
        sources = tuple(str(item) if isinstance(item, str | Path) else "" for item in items)
        entry = Entry(identity, self.model.embed(items), keep, metadata or {}, sources, originals)
        return self.store.add([entry])[0]

    def enrol_folder(self, data: str | Path, *, keep: Keep = "prototype", progress: Progress = SILENT) -> FolderReceipt:
        """Every identity of a folder, zip or CSV. Bad images and identities that are enrolled already are skipped.

        So an interrupted run is repeated as it was.
        """
        images = load_images(open_dataset(data, least_identities=1), self.model.preprocess, progress=progress)
        known, there = images.dataset, set(self.names)
        skipped, entries, receipts = list(images.skipped), [], []
        embeddings = self.model.embed(images, progress=progress)
        for label, rows in known.by_identity().items():
            name = known.identity_names[label]
            if name in there:
                skipped.append(Skipped(name, "is enrolled already"))
                continue
            sources = tuple(known.keys[int(i)] for i in rows)
            originals = tuple(_original(known.items[int(i)]) for i in rows) if self.store.binding.keep_originals else ()
            entries.append(Entry(name, embeddings[rows], keep, {}, sources, originals))
        with progress.task("enrolling", len(entries)) as task:
            for start in range(0, len(entries), _AT_ONCE):
                receipts += self.store.add(entries[start : start + _AT_ONCE])
                task.advance(len(entries[start : start + _AT_ONCE]))
        return FolderReceipt(tuple(receipts), tuple(skipped))

    def verify(self, identity: str, probe: Item) -> Decision:
        """1:1, is the probe this identity? Raises NotEnrolled or NotCalibrated."""
        return self._templates.verify(identity, self._embed(probe))

    def identify(self, probe: Item, k: int = 1) -> list[Match]:
        """1:N, at most k identities that the probe is the same as, nearest first; [] is nobody."""
        return self._templates.identify(self._embed(probe), k)

    def search(self, probe: Item, k: int = 10, where: Mapping[str, Any] | None = None) -> list[Match]:
        """The k nearest templates, whether or not they are the same; `where` = {name: value} of their metadata."""
        return self._templates.search(self._embed(probe), k, where)

    @property
    def names(self) -> list[str]:
        """All identities, in the order of their enrolment."""
        return [one.name for one in self.enrolled()]

    def enrolled(self) -> list[Enrolled]:
        """All identities with how much is stored of each."""
        return self.store.enrolled()

    def info(self) -> Info:
        """The gallery in numbers."""
        return self.store.info()

    def forget(self, *identities: str) -> Forgotten:
        """Erase: the bytes leave record, log, free pages and index. Raises NotEnrolled, and then forgets none."""
        return self.store.forget(identities)

    def export(self, out: str | Path, *, progress: Progress = SILENT) -> int:
        """All templates as Parquet, in plain text also from an encrypted gallery; gives their number."""
        return export(self.store, out, progress=progress)

    def import_(self, file: str | Path, *, progress: Progress = SILENT) -> int:
        """All of an export, in one step; gives the number of templates."""
        return import_(self.store, file, progress=progress)

    def verify_integrity(self) -> list[str]:
        """Look at every byte; what is wrong, or []."""
        return self.store.problems()

    def rebuild(self) -> None:
        """The index anew, from the record."""
        self.store.rebuild()

    def duplicates(self, *, progress: Progress = SILENT) -> list[Near]:
        """Pairs of identities nearer than the threshold, nearest first: somebody enrolled under two names?"""
        return self._templates.near(progress=progress)

    def migrate(self, model: Model | str | Path, *, progress: Progress = SILENT) -> int:
        """Embed the stored originals with another model, in one step; gives the number of templates.

        Raises GalleryError where originals were not kept: an embedding cannot be turned into another model's.
        """
        new, where = _model(model)
        old, expected, parts = self.store.binding, self.store.changes, list[Embeddings]()
        if not old.keep_originals:
            raise GalleryError(
                "this gallery did not keep the enrolled pictures, and an embedding cannot be turned into another "
                "model's. Next: enrol the pictures again into a new gallery, with --keep-originals to migrate later."
            )
        with progress.task("embedding", self.store.n_templates) as task:
            for batch in self.store.scan(64):
                for row, originals in zip(batch.rows, batch.originals, strict=True):
                    if len(originals) != row.n_items:
                        raise GalleryError(
                            f"{row.name}: {len(originals)} of its {row.n_items} pictures were kept. "
                            "Next: forget it and enrol it again."
                        )
                    parts.append(new.embed(originals).mean(0))
                task.advance(len(batch.rows))
        embeddings = np.stack(parts) if parts else np.zeros((0, new.spec.dim), np.float32)
        self.store.replace(bound(new, old.dtype, True, where), embeddings, expected)
        self.model = new
        self._templates = Templates(self.store, new.fingerprint, new.cross, new.rule)
        return len(parts)

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _embed(self, probe: Item) -> Embeddings:
        embedded: Embeddings = self.model.embed([probe])[0]
        return embedded


def bound(model: Model, dtype: Dtype = "float32", keep_originals: bool = False, model_path: str = "") -> Binding:
    """What ties a gallery to this model."""
    name = comparison_name(model.comparison)
    return Binding(model.fingerprint, name, model.spec.dim, model.spec.normalise, dtype, model_path, keep_originals)


def import_into(
    path: Place,
    file: str | Path,
    model: Model | str | Path | None,
    *,
    key: str | None,
    progress: Progress = SILENT,
) -> int:
    """`Gallery.import_` into an existing gallery, or into a new one bound as the export's was."""
    if there(path):
        with Gallery.open(path, model, key=key) as gallery:
            return gallery.import_(file, progress=progress)
    was = binding_of(file)
    known, where = _model(was.model_path if model is None else model)
    if known.fingerprint != was.fingerprint:
        raise GalleryError(
            f"{file} was made with model {was.fingerprint}, not {known.fingerprint}. Next: --model FILE."
        )
    entries = entries_of(file, progress=progress)  # a bad file makes no gallery
    with create_store(path, replace(was, model_path=where), key=key) as store:
        return import_entries(store, entries, file)


def _model(model: Model | str | Path) -> tuple[Model, str]:
    if isinstance(model, Model):
        return model, ""
    return load(model), str(Path(model).absolute())


def _original(item: Any) -> bytes:
    if isinstance(item, np.ndarray):
        raise TwinnetError("originals are kept of files and encoded bytes, not of arrays. Next: give files.")
    return read_bytes(Path(item) if isinstance(item, str) else item, str(item)[:100])
