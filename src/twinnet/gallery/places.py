"""Where a gallery lies: a folder here, or `milvus://host:19530/name` on a server. All else is the same."""

from __future__ import annotations

from pathlib import Path

from twinnet.gallery.local import LocalStore
from twinnet.gallery.local.store import WAIT_S
from twinnet.gallery.milvus import MilvusStore, is_address
from twinnet.gallery.milvus.link import PATIENCE_S
from twinnet.gallery.types import Binding

Place = str | Path
AnyStore = LocalStore | MilvusStore


def create_store(place: Place, binding: Binding, *, key: str | None = None) -> AnyStore:
    """A new gallery, encrypted where `key` is given (in a folder only). Raises GalleryError or ConfigError."""
    if is_address(place):
        return MilvusStore.create(str(place), binding, key=key)
    return LocalStore.create(place, binding, key=key)


def open_store(place: Place, *, key: str | None = None, wait_s: float | None = None) -> AnyStore:
    """An existing gallery. Raises GalleryError, GalleryDamaged or WrongKey.

    `wait_s` is how long a call waits for another writer or for a server that is away; usual times where None.
    """
    if is_address(place):
        return MilvusStore.open(str(place), key=key, patience_s=PATIENCE_S if wait_s is None else wait_s)
    return LocalStore.open(place, key=key, wait_s=WAIT_S if wait_s is None else wait_s)


def there(place: Place) -> bool:
    """Whether there is a gallery already. Raises GalleryError where a server does not answer."""
    if is_address(place):
        return MilvusStore.there(str(place))
    return (Path(place) / "record.sqlite").exists()
