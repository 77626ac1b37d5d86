"""Making and opening the folder of a local gallery."""

from __future__ import annotations

import json
from pathlib import Path

from twinnet.core.errors import GalleryError
from twinnet.gallery.local import erasure, record
from twinnet.gallery.local.seal import Open, Sealed, seal_for
from twinnet.gallery.local.vault import Vault
from twinnet.gallery.types import Binding


def created(folder: Path, binding: Binding, key: str | None, wait_s: float, exact_limit: int) -> Vault:
    """A new gallery in a new or empty folder, encrypted where `key` is given. Raises GalleryError."""
    seal = Sealed(key) if key else Open()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = next((file for file in folder.iterdir() if not file.name.startswith(record.FILE)), None)
    except OSError as error:
        raise GalleryError(f"{folder}: no gallery can be made here ({error.strerror}).") from error
    if taken is not None:
        raise GalleryError(f"{folder}: the folder is not empty (it has {taken.name}). Next: name a new folder.")
    connection, _ = record.connect(folder, create=True)
    facts = {"format": record.FORMAT, "binding": json.dumps(binding.to_dict()), "seal": json.dumps(seal.facts)}
    try:
        with record.writing(connection, folder, wait_s, lambda text: None):
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise GalleryError(f"{folder}: there is a gallery already. Next: open it, or name a new folder.")
            for statement in record.SCHEMA.split(";"):
                connection.execute(statement)
            connection.executemany("INSERT INTO fact VALUES (?, ?)", facts.items())
    except BaseException:
        connection.close()
        raise
    return Vault(folder, connection, True, seal, binding, wait_s, exact_limit)


def opened(folder: Path, key: str | None, wait_s: float, exact_limit: int) -> Vault:
    """An existing gallery. Raises GalleryError, GalleryDamaged or WrongKey."""
    connection, writable = record.connect(folder)
    try:
        with record.translated(folder):
            facts = dict(connection.execute("SELECT name, value FROM fact"))
            erasing = connection.execute("SELECT erasing FROM state").fetchone()[0]
        if facts["format"] != record.FORMAT:
            raise GalleryError(f"{folder}: made by a newer twinnet (format {facts['format']}). Next: update twinnet.")
        seal = seal_for(json.loads(facts["seal"]), key)
        binding = Binding(**json.loads(facts["binding"]))
        vault = Vault(folder, connection, writable, seal, binding, wait_s, exact_limit)
        if erasing and writable:
            erasure.finish(vault)  # whoever removed something was stopped before the bytes were gone
    except BaseException:
        connection.close()
        raise
    return vault
