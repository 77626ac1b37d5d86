"""Forgetting: the bytes leave the index, the record, its log and its free pages. In this order, so that a process
killed half way leaves nothing behind that the next one does not finish.

Templates that an enrolment replaced go the same way, but only when the writer closes: to write the record anew after
each of a thousand enrolments would take a thousand times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

from twinnet.core.errors import GalleryBusy, GalleryDamaged, GalleryError, NotEnrolled
from twinnet.gallery.local import index_file
from twinnet.gallery.local.rows import keys_of
from twinnet.gallery.local.vault import Vault
from twinnet.gallery.types import Forgotten
from twinnet.index import Graph


def forget(vault: Vault, names: Sequence[str]) -> Forgotten:
    """See `Store.forget`."""
    distinct = list(dict.fromkeys(names))
    # NotEnrolled before anything is touched
    templates = sum(len(keys_of(vault.read, vault.seal, vault.folder, name)) for name in distinct)
    vault.level()
    drop_index(vault)  # 1 the index first: should the process die now, it is rebuilt
    with vault.writing() as connection:  # 2 the rows; `erasing` says that their bytes are still to go
        for name in distinct:
            done = connection.execute("DELETE FROM identity WHERE handle = ?", (vault.seal.handle(name),))
            if not done.rowcount:
                raise NotEnrolled(f"{name}: somebody else forgot it just now. Next: repeat without it.")
        connection.execute("UPDATE state SET changes = changes + 1, removals = removals + 1, erasing = 1")
    vault.level()
    return Forgotten(tuple(distinct), templates, finish(vault))


def finish(vault: Vault) -> bool:
    """3 the bytes: false where another process still reads an older state, or the disk is full; the next to open it
    finishes.
    """
    vault.level()
    drop_index(vault)
    changes = vault.read("SELECT changes FROM state")[0][0]
    try:
        # secure_delete zeroes what is deleted, but a page that was rearranged may keep a stale copy in its slack:
        # only writing the whole record anew is certain.
        vault.vacuum()
        if not vault.checkpointed():
            return False
        with vault.writing() as connection:  # what somebody else removed just now is still to be erased
            connection.execute("UPDATE state SET erasing = 0 WHERE changes = ?", (changes,))
    except GalleryDamaged:
        raise
    except GalleryError as error:  # such as a full disk, or another writer
        if not isinstance(error, GalleryBusy):
            vault.tell(
                f"{vault.folder}: what was removed is gone from the gallery, but its bytes are still on the disk, "
                f"because the record could not be written anew. Next: free as much space as it takes, and open it "
                f"({error})"
            )
        return False
    vault.owes_erasing = False
    vault.checkpointed()
    save_index(vault)
    return True


def drop_index(vault: Vault) -> None:
    """Overwrite and remove the index on disk."""
    for file in vault.folder.glob(f"{index_file.FILE}*"):
        index_file.erase(file)
    vault.live.dropped()


def save_index(vault: Vault) -> None:
    """The graph to disk, where there is one and it is newer than what lies there."""
    live = vault.live
    if not (vault.writable and live.stored and live.unsaved and isinstance(live.index, Graph)):
        return
    with vault.writing() as connection:  # nobody forgets in the meantime, and file and digest change together
        live.refresh(connection)
        fresh, digest = index_file.save(vault.folder, live.index, live.seen, live.removals)
        try:
            connection.execute("INSERT OR REPLACE INTO fact VALUES ('index', ?)", (digest,))
            fresh.replace(vault.folder / index_file.FILE)
        except BaseException:
            index_file.erase(fresh)
            raise
    live.saved()
