"""Looking at a local gallery: its numbers, and whether every byte is whole."""

from __future__ import annotations

import numpy as np

from twinnet.core.errors import TwinnetError
from twinnet.gallery.local import rows
from twinnet.gallery.local.seal import Open
from twinnet.gallery.local.vault import Vault
from twinnet.gallery.types import Info


def info(vault: Vault) -> Info:
    """A gallery in numbers."""
    vault.level()
    templates, items = vault.read("SELECT count(*), coalesce(sum(n_items), 0) FROM template")[0]
    return Info(
        vault.binding,
        vault.read("SELECT count(*) FROM identity")[0][0],
        templates,
        items,
        vault.read("SELECT count(*) FROM original")[0][0],
        vault.live.index.kind,
        not isinstance(vault.seal, Open),
        sum(file.stat().st_size for file in vault.folder.iterdir() if file.is_file()),
        tuple(vault.notes),
    )


def problems(vault: Vault) -> list[str]:
    """Every page, reference, row and vector; what is wrong is named, and everything is looked at."""
    found = [f"record: {row[0]}" for row in vault.read("PRAGMA integrity_check") if row[0] != "ok"]
    found += [f"record: {row[0]} {row[1]} refers to nothing" for row in vault.read("PRAGMA foreign_key_check")]
    if found:
        return found  # rows of a damaged file mean nothing
    for (name,) in vault.read("SELECT id FROM identity WHERE id NOT IN (SELECT identity FROM template)"):
        found.append(f"identity {name}: it has no template")
    last = 0
    while some := vault.read(
        "SELECT template.id, handle, n_items, source, metadata, embedding, digest FROM template "
        "JOIN identity ON identity.id = identity WHERE template.id > ? ORDER BY template.id LIMIT 4096",
        (last,),
    ):
        last = some[-1][0]
        found += [f"template {row[0]}: its bytes have changed" for row in some if rows.digest(*row[1:6]) != row[6]]
        try:
            vectors = vault.prepared([(row[0], row[1], row[5]) for row in some])
        except TwinnetError as error:
            found.append(f"templates {some[0][0]} to {last}: {error}")
            continue
        keys = np.array([row[0] for row in some], np.int64)
        vault.level()
        if not np.array_equal(vault.live.vectors(keys), vectors):
            found.append(f"index: templates {keys[0]} to {last} are not as in the record. Next: rebuild")
    templates, indexed = vault.read("SELECT count(*) FROM template")[0][0], len(vault.live.index)
    if templates != indexed:
        found.append(f"index: {indexed:,} vectors for {templates:,} templates. Next: rebuild")
    return found
