"""Forgetting: the bytes leave the index, the record, its log and its free pages. In this order, so that a process
killed half way leaves nothing behind that the next one does not finish.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twinnet.core.errors import GalleryBusy, NotEnrolled
from twinnet.gallery.local import index_file
from twinnet.gallery.types import Forgotten
from twinnet.index import Graph

if TYPE_CHECKING:
    from twinnet.gallery.local.store import LocalStore


def forget(store: LocalStore, names: Sequence[str]) -> Forgotten:
    """See `Store.forget`."""
    distinct = list(dict.fromkeys(names))
    templates = sum(len(store.keys_of(name)) for name in distinct)  # NotEnrolled before anything is touched
    store.level()
    drop_index(store)  # 1 the index first: should the process die now, it is rebuilt
    with store.writing() as connection:  # 2 the rows; `erasing` says that their bytes are still to go
        for name in distinct:
            done = connection.execute("DELETE FROM identity WHERE handle = ?", (store.seal.handle(name),))
            if not done.rowcount:
                raise NotEnrolled(f"{name}: somebody else forgot it just now. Next: repeat without it.")
        connection.execute("UPDATE state SET changes = changes + 1, removals = removals + 1, erasing = 1")
    store.level()
    return Forgotten(tuple(distinct), templates, finish(store))


def finish(store: LocalStore) -> bool:
    """3 the bytes: false where another process still reads an older state; the next to open it finishes."""
    try:
        # secure_delete zeroes what is deleted, but a page that was rearranged may keep a stale copy in its slack:
        # only writing the whole record anew is certain.
        store.vacuum()
        if not store.checkpointed():
            return False
    except GalleryBusy:
        return False
    with store.writing() as connection:
        connection.execute("UPDATE state SET erasing = 0")
    store.checkpointed()
    save_index(store)
    return True


def drop_index(store: LocalStore) -> None:
    """Overwrite and remove the index on disk."""
    for file in store.folder.glob(f"{index_file.FILE}*"):
        index_file.erase(file)
    store.live.dropped()


def save_index(store: LocalStore) -> None:
    """The graph to disk, where there is one and it is newer than what lies there."""
    live = store.live
    if not (store.writable and live.stored and live.unsaved and isinstance(live.index, Graph)):
        return
    with store.writing() as connection:  # nobody forgets in the meantime, and file and digest change together
        live.refresh(connection)
        fresh, digest = index_file.save(store.folder, live.index, live.seen, live.removals)
        try:
            connection.execute("INSERT OR REPLACE INTO fact VALUES ('index', ?)", (digest,))
            fresh.replace(store.folder / index_file.FILE)
        except BaseException:
            index_file.erase(fresh)
            raise
    live.saved()
