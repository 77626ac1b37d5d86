"""`twinnet track …`: follow what is in a box through a video, and say when it is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from twinnet.cli.training import Json, Seed

_FOLLOW = "follow"


class _FollowsByDefault(TyperGroup):
    """`twinnet track VIDEO …` means `twinnet track follow VIDEO …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """A first word that is no command and no help is what to follow in, or an option of that."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_FOLLOW, *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(
    cls=_FollowsByDefault, no_args_is_help=True, suggest_commands=True, rich_markup_mode="markdown",
    help="Follow what is in a box through a video, and say when it is lost. `twinnet track VIDEO --box x,y,w,h` is "
    "short for `twinnet track follow …`.",
)  # fmt: skip

TrackerFile = Annotated[
    Optional[Path],  # noqa: UP045  (Typer)
    typer.Option("--model", help="A tracker that `train` wrote; by default the one that comes with twinnet."),
]


@app.command(_FOLLOW)
def follow(
    video: Annotated[
        list[str],
        typer.Argument(metavar="[MODEL] VIDEO", help="A video file, a folder of pictures, or a camera's number."),
    ],
    box: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="x,y,width,height in pixels of the first frame. Again for each further target."),
    ] = None,
    interactive: Annotated[bool, typer.Option("--interactive", help="Draw the boxes with the mouse.")] = False,
    out: Annotated[Optional[Path], typer.Option("-o", "--out", help="Write the video with boxes here, .mp4.")] = None,  # noqa: UP045
    csv: Annotated[Optional[Path], typer.Option(help="Write a row per frame and target here.")] = None,  # noqa: UP045
    preview: Annotated[Optional[Path], typer.Option(help="Write some frames with boxes into this folder.")] = None,  # noqa: UP045
    every: Annotated[int, typer.Option(min=1, help="With --preview: each how manieth frame.")] = 25,
    json: Json = False,
) -> None:
    """Follow one or several targets from the first frame on.

    Example: `twinnet track street.mp4 --box 120,80,40,60 -o followed.mp4 --csv boxes.csv`
    """
    from twinnet.cli import track_answers as answers

    answers.followed(video, box or [], interactive, out, csv, preview, every, json)


@app.command()
def train(
    data: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Argument(
            help="Pictures, videos, folders of them, labelled sequences; without any, pictures are invented."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the tracker goes.")] = Path("tracker.twin"),
    steps: Annotated[int, typer.Option(min=1, help="Steps of learning.")] = 3000,
    start: Annotated[Optional[Path], typer.Option("--from", help="Go on from this tracker's weights.")] = None,  # noqa: UP045
    sequences: Annotated[int, typer.Option(min=4, help="Staged sequences to learn from when it is lost.")] = 16,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Teach a tracker, from any pictures or video without labels, or with boxes as VOT and OTB keep them.

    A run that was cut off goes on from where it was.

    Example: `twinnet track train photos/ -o mine.twin`
    """
    from twinnet.cli import track_answers as answers

    answers.trained(data or [], out, steps, start, sequences, seed, json)


@app.command()
def evaluate(
    data: Annotated[Path, typer.Argument(help="A folder of frames with groundtruth.txt, or a folder of such folders.")],
    model: TrackerFile = None,
    figures: Annotated[Optional[Path], typer.Option(help="Write the curves into this folder.")] = None,  # noqa: UP045
    restarts: Annotated[bool, typer.Option(help="Also count failures, starting again after each (VOT).")] = True,
    json: Json = False,
) -> None:
    """Success (AUC), precision, failures and speed on labelled sequences.

    Example: `twinnet track evaluate sequences/ --figures curves/`
    """
    from twinnet.cli import track_answers as answers

    answers.evaluated(data, model, figures, restarts, json)
