"""`twinnet retrieve …`: find a picture again, by itself, by another of the same thing, or by a part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from twinnet.cli.training import Json, Seed

app = typer.Typer(
    no_args_is_help=True, suggest_commands=True, rich_markup_mode="markdown",
    help="Index a folder of pictures, ask it by a picture or a crop, see a contact sheet.",
)  # fmt: skip
ModelFile = Annotated[
    Optional[Path],  # noqa: UP045  (Typer)
    typer.Option("--model", help="The model file, if it is no longer where it was."),
]


@app.command()
def train(
    folder: Annotated[Path, typer.Argument(help="One subfolder per thing, with several pictures of it.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The model file to write.")],
    minutes: Annotated[float, typer.Option(help="Minutes for everything, reading included.")] = 5.0,
    size: Annotated[int, typer.Option(help="Side of the pictures as they are looked at, in pixels.")] = 64,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Train twins with settings chosen for finding things again. Interrupted, it goes on when repeated.

    Example: `twinnet retrieve train things/ -o things.twin --minutes 10`
    """
    from twinnet.apps.retrieve import train_retrieval
    from twinnet.cli.progress import bars
    from twinnet.cli.render import notes, print_json, say
    from twinnet.evaluation import report_json
    from twinnet.model import card
    from twinnet.training.facts import versions

    model = train_retrieval(folder, out, minutes=minutes, size_px=size, seed=seed, tell=notes, progress=bars())
    if json:
        counts = {name: model.facts[name] for name in ("steps", "items_seen", "skipped")}
        print_json(report_json("retrieve train", None, {}, counts, str(folder), model.fingerprint, seed, versions()))
        return
    say(card(model))
    say(f"written: {out}\nnext:    twinnet retrieve index {out} PICTURES -o pictures.index")


@app.command()
def index(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    folder: Annotated[Path, typer.Argument(help="The pictures, in any subfolders.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The index, a folder; brought up to date if it is there.")],
    regions: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option("--regions/--whole", help="Index 13 overlapping crops of each picture too, to be found by parts."),
    ] = None,
    json: Json = False,
) -> None:
    """Index a folder of pictures. Repeat it after changes: only new and changed pictures are embedded.

    Unreadable pictures are skipped and listed. The pictures are not copied.

    Example: `twinnet retrieve index things.twin photos/ -o photos.index --regions`
    """
    from twinnet.apps.retrieve import index_folder
    from twinnet.cli.progress import bars
    from twinnet.cli.render import notes, print_json, say
    from twinnet.evaluation import report_json
    from twinnet.training.facts import versions

    done = index_folder(model, folder, out, parts=regions, progress=bars())
    counts = {
        "added": done.added, "changed": done.changed, "removed": done.removed, "kept": done.kept,
        "skipped": len(done.skipped), "regions": done.regions,
    }  # fmt: skip
    if json:
        answer = report_json("retrieve index", None, {}, counts, str(folder), done.model, 0, versions())
        print_json({**answer, "skipped": [{"item": s.item, "reason": s.reason} for s in done.skipped]})
        return
    notes(f"skipped {skip.item}: {skip.reason}" for skip in done.skipped)
    say(
        f"{done.added:,} added, {done.changed:,} changed, {done.removed:,} removed, {done.kept:,} kept, "
        f"{len(done.skipped):,} skipped; {done.regions:,} embeddings in {out}"
    )


@app.command()
def query(
    index: Annotated[Path, typer.Argument(help="An index that `retrieve index` made.")],
    image: Annotated[Path, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 10,
    crop: Annotated[Optional[str], typer.Option(help="Only this part of it: x,y,width,height in pixels.")] = None,  # noqa: UP045
    sheet: Annotated[Optional[Path], typer.Option(help="Write a contact sheet here, .html or .png.")] = None,  # noqa: UP045
    model: ModelFile = None,
    json: Json = False,
) -> None:
    """The pictures most like one, nearest first.

    Example: `twinnet retrieve query photos.index mug.jpg -k 12 --crop 40,60,200,180 --sheet found.html`
    """
    from twinnet.apps.retrieve import Box, write_sheet
    from twinnet.apps.retrieve import query as run
    from twinnet.cli.render import print_json, say
    from twinnet.evaluation import report_json
    from twinnet.training.facts import versions

    found = run(index, image, k=k, crop=Box.read(crop) if crop else None, model=model)
    if sheet:
        write_sheet(sheet, found)
    if json:
        counts = {"pictures": found.n_pictures, "hits": len(found.hits)}
        answer = report_json("retrieve query", None, {}, counts, str(index), found.model, 0, versions())
        hits = [
            {
                "name": hit.name, "path": str(hit.path), "distance": hit.distance, "same": hit.same,
                "probability": hit.probability, "region": [hit.box.x, hit.box.y, hit.box.width, hit.box.height],
            }
            for hit in found.hits
        ]  # fmt: skip
        print_json({**answer, "hits": hits})
        return
    for place, hit in enumerate(found.hits, 1):
        sure = "" if hit.probability is None else f"  {hit.probability:.0%} same"
        say(f"{place:>3}  {hit.distance:.4f}{sure}  {hit.name}  [{hit.box}]")
    if not found.hits:
        say("the index is empty")
    if sheet:
        say(f"written: {sheet}")
