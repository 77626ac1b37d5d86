"""The groups as one page, for a person to look through."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from twinnet.apps.duplicates.groups import Group
from twinnet.apps.duplicates.run import Duplicates
from twinnet.core.errors import UnreadableItem
from twinnet.core.types import Image
from twinnet.page import Page, Picture

MOST_GROUPS = 200
_MOST_SHOWN = 8


def write_report(path: str | Path, found: Duplicates) -> None:
    """Write groups, largest first, with pictures of the first 200, as one self-contained page. Raises TwinnetError."""
    extra = sum(len(group.rows) - 1 for group in found.groups)
    page = Page(
        "Copies in this folder",
        f"{len(found.groups):,} groups among {found.n_pictures:,} pictures; {extra:,} pictures could go.",
    )
    page.section("How they were decided").table(["what", "figure"], [list(row) for row in decided(found)])
    for n, group in enumerate(found.groups[:MOST_GROUPS], 1):
        page.section(f"Group {n}: {len(group.rows)} pictures").pictures(
            [
                Picture([_shown(found, row)], found.data.keys[row], f"a picture of group {n}")
                for row in group.rows[:_MOST_SHOWN]
            ],
            small=True,
        )
        page.text(_words(group))
        if len(group.rows) > _MOST_SHOWN:
            page.text("Also: " + ", ".join(found.data.keys[row] for row in group.rows[_MOST_SHOWN:]))
    if len(found.groups) > MOST_GROUPS:
        page.text(f"{len(found.groups) - MOST_GROUPS:,} more groups are in the answer of --json.")
    page.write(path)


def decided(found: Duplicates) -> list[tuple[str, str]]:
    """Threshold and error rates in words."""
    rows = [("copies are at a distance below", f"{found.limit:.3f}")]
    if found.threshold is not None:
        t = found.threshold
        rows += [
            ("different pictures called copies, per pair", f"{t.far.point:.2g}, 95 % below {t.far.high:.2g}"),
            ("pairs of different pictures behind it", f"{t.n_impostor:,}"),
            ("known copies found", f"{1 - t.frr.point:.1%} ({1 - t.frr.high:.1%} to {1 - t.frr.low:.1%})"),
            *(
                (f"… {kind}", f"{share.point:.0%} of {t.n_genuine // len(t.found):,}")
                for kind, share in t.found.items()
            ),
        ]
    return rows


def _words(group: Group) -> str:
    return (
        f"The first is the one nearest to all others. Farthest from it: {group.farthest:.3f}; "
        f"weakest link: {group.weakest:.3f}."
    )


def _shown(found: Duplicates, row: int) -> Image:
    try:
        return found.data.read(row)
    except UnreadableItem:
        return np.full((64, 64, 1), 230, np.uint8)
