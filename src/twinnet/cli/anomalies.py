"""`twinnet anomalies …`: learn from good samples alone, and keep a promised rate of false alarms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

app = typer.Typer(
    no_args_is_help=True, suggest_commands=True, rich_markup_mode="markdown",
    help="Learn what good looks like from good samples alone; find what is not, at a promised rate of false alarms.",
)  # fmt: skip

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
DetectorFile = Annotated[Path, typer.Argument(metavar="DETECTOR", help="The file that `fit` wrote.")]
Good = Annotated[Path, typer.Option(help="Folder of good images.")]
Group = Annotated[
    bool, typer.Option("--group", help="Each subfolder is one object: its pictures stay together, and are one sample.")
]


@app.command()
def fit(
    good: Annotated[Path, typer.Argument(help="Folder of good images, also in subfolders.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the detector goes.")],
    false_alarms: Annotated[float, typer.Option(help="How many of 1 good samples may raise an alarm.")] = 0.05,
    minutes: Annotated[float, typer.Option(help="How long to learn, in all.")] = 6.0,
    steps: Annotated[int, typer.Option(min=0, help="Steps of each twin instead: the same on any machine.")] = 0,
    way: Annotated[
        Literal["auto", "split", "cross"],
        typer.Option(help="Keep a third of the good samples back (split), or each once (cross: few samples)."),
    ] = "auto",
    model: Annotated[
        Optional[Path],  # noqa: UP045  (Typer)
        typer.Option(help="A trained model file: use its feature maps instead of teaching a twin."),
    ] = None,
    by: Annotated[
        Literal["patches", "whole"], typer.Option(help="With --model: by its patches or the image.")
    ] = "patches",
    eyes: Annotated[
        Literal["own", "lite0"],
        typer.Option(help="Without --model: teach a twin to see, or see with a network pre-trained on ImageNet."),
    ] = "own",
    group: Group = False,
    turns: Annotated[bool, typer.Option("--turns", help="The thing may lie in any of four directions.")] = False,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    json: Json = False,
) -> None:
    """Learn from good images.

    Example: `twinnet anomalies fit good/ -o casting.detector --false-alarms 0.05`
    """
    from twinnet.cli import anomalies_answers as answers

    answers.fitted(good, out, false_alarms, minutes, steps, way, model, by, eyes, group, turns, seed, json)


@app.command()
def inspect(
    detector: DetectorFile,
    images: Annotated[list[Path], typer.Argument(help="Images, or folders of them.")],
    heat_maps: Annotated[Optional[Path], typer.Option(help="Write a picture of each here, strange places red.")] = None,  # noqa: UP045
    json: Json = False,
) -> None:
    """Is this good? A p-value and a verdict for each image; exit code 1 where there was an alarm.

    Example: `twinnet anomalies inspect casting.detector new/ --heat-maps seen/`
    """
    from twinnet.cli import anomalies_answers as answers

    answers.inspected(detector, images, heat_maps, json)


@app.command()
def evaluate(
    detector: DetectorFile,
    good: Good,
    bad: Annotated[Path, typer.Option(help="Folder of bad images; subfolders are kinds of defect.")],
    masks: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of masks, laid out and named as the bad images, .png, white at the defect."),
    ] = None,
    group: Group = False,
    json: Json = False,
) -> None:
    """How many of the bad ones are found, and how often good ones raise an alarm, with intervals.

    Example: `twinnet anomalies evaluate casting.detector --good kept-back/ --bad defects/`
    """
    from twinnet.cli import anomalies_answers as answers

    answers.evaluated(detector, good, bad, masks, group, json)


@app.command()
def watch(
    detector: DetectorFile,
    images: Annotated[list[Path], typer.Argument(help="The stream so far: images in order, or folders, by name.")],
    rate: Annotated[float, typer.Option(help="How likely a false drift alarm may be, over the whole stream.")] = 0.01,
    group: Group = False,
    json: Json = False,
) -> None:
    """Has the stream changed? Single odd images are for `inspect`; this tells that too many are somewhat odd.

    The exit code is 1 where it has. Example: `twinnet anomalies watch casting.detector today/`
    """
    from twinnet.cli import anomalies_answers as answers

    answers.watched(detector, images, rate, group, json)
