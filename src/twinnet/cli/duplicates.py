"""`twinnet duplicates`: which pictures of a folder are copies of each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from twinnet.cli.training import Json, Seed


def duplicates(
    folder: Annotated[Path, typer.Argument(help="Pictures, in any subfolders, or a zip.")],
    out: Annotated[Optional[Path], typer.Option("-o", "--out", help="Write a page with the groups here.")] = None,  # noqa: UP045  (Typer)
    far: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="How often two different pictures may be called copies, such as 1e-5."),
    ] = None,
    threshold: Annotated[Optional[float], typer.Option(help="A distance of your own instead, from 0 to 1.")] = None,  # noqa: UP045
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Groups of copies: resized, saved anew, cropped by up to a fifth, turned a little, brighter, grey, written on.

    Needs no model. The threshold is learned on the folder itself, from copies altered in known ways and from pictures
    beside mirrored others. Nothing is moved or deleted.

    Example: `twinnet duplicates photos/ -o copies.html`
    """
    from twinnet.apps.duplicates import find_duplicates, write_report
    from twinnet.apps.duplicates.page import decided
    from twinnet.cli.progress import bars
    from twinnet.cli.render import notes, print_json, say
    from twinnet.evaluation import bare, report_json
    from twinnet.training.facts import versions

    found = find_duplicates(folder, far=far, threshold=threshold, seed=seed, progress=bars())
    if out:
        write_report(out, found)
    keys = found.data.keys
    if json:
        metrics = {"threshold": bare(found.limit)}
        if (t := found.threshold) is not None:
            metrics |= {"far": t.far, "frr": t.frr}
            metrics |= {f"found_{kind}": share for kind, share in t.found.items()}
        counts = {
            "pictures": found.n_pictures, "pairs_compared": found.compared, "pairs": found.pairs, "exact": found.exact,
            "groups": len(found.groups), "skipped": len(found.skipped),
        }  # fmt: skip
        answer = report_json("duplicates", None, metrics, counts, str(folder), "", seed, versions())
        groups = [
            {"pictures": [keys[row] for row in g.rows], "farthest": g.farthest, "weakest_link": g.weakest}
            for g in found.groups
        ]
        skipped = [{"item": s.item, "reason": s.reason} for s in found.skipped]
        print_json({**answer, "complete": found.complete, "groups": groups, "skipped": skipped})
        return
    notes(f"skipped {skip.item}: {skip.reason}" for skip in found.skipped)
    if not found.complete:
        notes([f"more than {found.pairs:,} pairs: the rest was left. Next: a smaller --far"])
    for group in found.groups:
        say(f"{keys[group.rows[0]]}  (weakest link {group.weakest:.3f}, farthest {group.farthest:.3f})")
        for row in group.rows[1:]:
            say(f"    {keys[row]}")
    extra = sum(len(group.rows) - 1 for group in found.groups)
    say(f"{len(found.groups):,} groups among {found.n_pictures:,} pictures; {extra:,} pictures are copies of another")
    for what, figure in decided(found):
        say(f"  {what}: {figure}")
    if out:
        say(f"written: {out}")
