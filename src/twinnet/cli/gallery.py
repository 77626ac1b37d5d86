"""`twinnet gallery …`: enrol once, recognise ever after."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from twinnet.cli.training import Json

app = typer.Typer(
    no_args_is_help=True, suggest_commands=True, rich_markup_mode="markdown",
    help="Enrol people or things once, recognise them ever after, forget them for good.",
)  # fmt: skip

Where = Annotated[str, typer.Argument(metavar="GALLERY", help="The gallery's folder, or milvus://host:19530/name.")]
ModelFile = Annotated[
    Optional[Path],  # noqa: UP045  (Typer)
    typer.Option("--model", help="The model file; needed once, then remembered."),
]
KeyFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--key-file", help="Encrypted galleries: a file with the key; or TWINNET_GALLERY_KEY."),
]
Picture = Annotated[Path, typer.Argument(help="An image.")]
Keep = Annotated[
    Literal["prototype", "all"], typer.Option(help="One template per identity, the mean, or one per image.")
]
Dtype = Annotated[Literal["float32", "float16", "int8"], typer.Option(help="A new gallery: how numbers are stored.")]
Originals = Annotated[bool, typer.Option("--keep-originals", help="A new gallery: keep the images, for migrate.")]
Encrypt = Annotated[bool, typer.Option("--encrypt", help="A new gallery: encrypt it with the key.")]


@app.command()
def enrol(
    gallery: Where,
    name: Annotated[str, typer.Argument(help="Whose images these are.")],
    images: Annotated[list[Path], typer.Argument(help="One image or more.")],
    model: ModelFile = None,
    keep: Keep = "prototype",
    meta: Annotated[Optional[list[str]], typer.Option(help="NAME=VALUE to search by; repeatable.")] = None,  # noqa: UP045
    dtype: Dtype = "float32",
    keep_originals: Originals = False,
    encrypt: Encrypt = False,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Add images of one identity; the first enrolment makes the gallery.

    Example: `twinnet gallery enrol staff Ada ada1.jpg ada2.jpg --model people.twin`
    """
    from twinnet.cli import gallery_answers as answers

    with answers.made(gallery, model, dtype, keep_originals, encrypt, key_file) as opened:
        receipt = opened.enrol(name, images, keep=keep, metadata=answers.metadata(meta))
        answers.counted(
            opened, "enrol", {"items": receipt.items, "templates": len(receipt.keys)}, json,
            f"{name}: {receipt.items} images enrolled in {gallery}", identity=name,
        )  # fmt: skip


@app.command("enrol-folder")
def enrol_folder(
    gallery: Where,
    data: Annotated[Path, typer.Argument(help="Folder or zip with one folder per identity, or a CSV.")],
    model: ModelFile = None,
    keep: Keep = "prototype",
    dtype: Dtype = "float32",
    keep_originals: Originals = False,
    encrypt: Encrypt = False,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Enrol every identity of a folder. Unreadable images and identities enrolled already are skipped and listed.

    Example: `twinnet gallery enrol-folder staff people/ --model people.twin`
    """
    from twinnet.cli import gallery_answers as answers
    from twinnet.cli.progress import bars
    from twinnet.cli.render import notes

    with answers.made(gallery, model, dtype, keep_originals, encrypt, key_file) as opened:
        done = opened.enrol_folder(data, keep=keep, progress=bars())
        notes(f"skipped {skip.item}: {skip.reason}" for skip in done.skipped)
        counts = {
            "identities": len(done.receipts), "items": sum(r.items for r in done.receipts), "skipped": len(done.skipped)
        }  # fmt: skip
        said = (
            f"{counts['identities']:,} identities enrolled with {counts['items']:,} images, {counts['skipped']} skipped"
        )
        answers.counted(opened, "enrol-folder", counts, json, said,
                        skipped=[{"item": s.item, "reason": s.reason} for s in done.skipped])  # fmt: skip


@app.command()
def verify(
    gallery: Where,
    name: Annotated[str, typer.Argument(help="Who it is said to be.")],
    image: Picture,
    model: ModelFile = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Is this image that identity? Distance, threshold, verdict, probability.

    Example: `twinnet gallery verify staff Ada door.jpg`
    """
    from twinnet.cli import gallery_answers as answers

    with answers.opened(gallery, model, key_file) as known:
        answers.decided(known, name, image, known.verify(name, image), json)


@app.command()
def identify(
    gallery: Where,
    image: Picture,
    k: Annotated[int, typer.Option("-k", min=1, help="At most so many identities.")] = 1,
    model: ModelFile = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Who is this? Says *unknown* where nobody is nearer than the threshold.

    Example: `twinnet gallery identify staff door.jpg`
    """
    from twinnet.cli import gallery_answers as answers

    with answers.opened(gallery, model, key_file) as known:
        answers.matched(
            known, "identify", image, known.identify(image, k), json, "unknown: nobody enrolled is this near"
        )


@app.command()
def search(
    gallery: Where,
    image: Picture,
    k: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 10,
    where: Annotated[Optional[list[str]], typer.Option(help="NAME=VALUE that metadata must have; repeatable.")] = None,  # noqa: UP045
    model: ModelFile = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """The nearest stored items, nearest first, with no verdict asked.

    Example: `twinnet gallery search staff door.jpg -k 5 --where town=Ulm`
    """
    from twinnet.cli import gallery_answers as answers

    with answers.opened(gallery, model, key_file) as known:
        answers.matched(known, "search", image, known.search(image, k, answers.metadata(where)), json, "nothing found")


@app.command("list")
def list_(gallery: Where, key_file: KeyFile = None, json: Json = False) -> None:
    """Who is enrolled.

    Example: `twinnet gallery list staff`
    """
    from twinnet.cli import gallery_answers as answers

    answers.listed(gallery, key_file, json)


@app.command()
def info(gallery: Where, key_file: KeyFile = None, json: Json = False) -> None:
    """The gallery in numbers, and the model that it is bound to.

    Example: `twinnet gallery info staff`
    """
    from twinnet.cli import gallery_answers as answers

    answers.described(gallery, key_file, json)


@app.command()
def forget(
    gallery: Where,
    names: Annotated[list[str], typer.Argument(help="Whom to forget.")],
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Erase identities: their bytes leave the record, its log, its free pages and the index.

    Example: `twinnet gallery forget staff Ada`
    """
    from twinnet.cli import gallery_answers as answers

    answers.forgotten(gallery, names, key_file, json)


@app.command()
def export(
    gallery: Where,
    out: Annotated[Path, typer.Option("-o", "--out", help="The Parquet file to write.")],
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Everything as one Parquet table, in plain text also from an encrypted gallery.

    Example: `twinnet gallery export staff -o staff.parquet`
    """
    from twinnet.cli import gallery_answers as answers

    answers.exported(gallery, out, key_file, json)


@app.command("import")
def import_(
    gallery: Where,
    file: Annotated[Path, typer.Argument(help="A file that export wrote.")],
    model: ModelFile = None,
    encrypt: Encrypt = False,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Enrol all of an export, into a new gallery or one of the same model.

    Example: `twinnet gallery import copy staff.parquet`
    """
    from twinnet.cli import gallery_answers as answers

    answers.imported(gallery, file, model, encrypt, key_file, json)


@app.command("verify-integrity")
def verify_integrity(gallery: Where, key_file: KeyFile = None, json: Json = False) -> None:
    """Look at every byte of record and index. The exit code is 1 where something is wrong.

    Example: `twinnet gallery verify-integrity staff`
    """
    from twinnet.cli import gallery_answers as answers

    answers.checked(gallery, key_file, json)


@app.command()
def rebuild(gallery: Where, key_file: KeyFile = None, json: Json = False) -> None:
    """Make the index anew from the record.

    Example: `twinnet gallery rebuild staff`
    """
    from twinnet.cli import gallery_answers as answers

    answers.rebuilt(gallery, key_file, json)


@app.command()
def duplicates(gallery: Where, model: ModelFile = None, key_file: KeyFile = None, json: Json = False) -> None:
    """Identities nearer to each other than the threshold: one enrolled under two names?

    Example: `twinnet gallery duplicates staff`
    """
    from twinnet.cli import gallery_answers as answers

    with answers.opened(gallery, model, key_file) as known:
        answers.doubled(known, json)


@app.command()
def migrate(
    gallery: Where,
    to: Annotated[Path, typer.Option(help="The new model file.")],
    model: ModelFile = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Embed the kept originals with another model; refused where they were not kept.

    Example: `twinnet gallery migrate staff --to better.twin`
    """
    from twinnet.cli import gallery_answers as answers
    from twinnet.cli.progress import bars

    with answers.opened(gallery, model, key_file) as known:
        n = known.migrate(to, progress=bars())
        answers.counted(known, "migrate", {"templates": n}, json, f"{n:,} templates are now of {to}")
