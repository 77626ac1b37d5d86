"""`twinnet handwriting …`: cut sheets, read scripts nobody trained on, tell writers apart."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from twinnet.cli import handwriting_answers as answers
from twinnet.cli.training import Json, Names, Seed

app = typer.Typer(
    no_args_is_help=True, suggest_commands=True, rich_markup_mode="markdown",
    help="Cut a sheet into characters, read a script from one example of each, tell writers apart.",
)  # fmt: skip
writers = typer.Typer(no_args_is_help=True, suggest_commands=True, help="Are two samples by one writer?")
app.add_typer(writers, name="writers")

Out = Annotated[Path, typer.Option("-o", "--out", help="The model file to write.")]
Minutes = Annotated[float, typer.Option(help="Minutes for everything, reading included.")]
Leaks = Annotated[bool, typer.Option("--accept-leaks", help="Train despite a leak (flatters).")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ignore a checkpoint of an interrupted run.")]
Way = Annotated[Literal["ltr", "rtl"], typer.Option(help="Which way its lines are read.")]
Grid = Annotated[
    Optional[str],  # noqa: UP045  (Typer)
    typer.Option(metavar="5x4", help="One character in each cell, ruled or not: columns x rows."),
]


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help="`alphabet/character/*.png` or `character/*.png`, a folder or zip.")],
    out: Out = Path("handwriting.twin"),
    minutes: Minutes = 5.0,
    steps: Annotated[int, typer.Option(help="Batches, in place of minutes.")] = 0,
    hold_out: Names = None,
    accept_leaks: Leaks = False,
    fresh: Fresh = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Train twins that read; probabilities and *unknown* are learned on alphabets that training never saw.

    Example: `twinnet handwriting train images_background.zip -o reader.twin --minutes 5`
    """
    from twinnet.apps.handwriting import ReadingRule, recipe
    from twinnet.apps.handwriting import train as run
    from twinnet.cli.render import say
    from twinnet.evaluation import bare

    model = answers.trained(run, recipe(minutes, seed), data, out, steps, hold_out, accept_leaks, fresh)
    rule = ReadingRule.from_facts(model.facts)
    metrics = {"temperature": bare(rule.temperature), "unknown_from": bare(rule.unknown_from)}
    if rule.ece is not None:
        metrics["ece"] = bare(rule.ece)
    if json:
        answers.printed(
            "train", model, metrics, {"steps": model.facts["steps"], "probes": rule.probes}, str(data), seed
        )
        return
    error = f", expected calibration error {rule.ece:.3f}" if rule.ece is not None else ""
    say(f"read {rule.probes:,} drawings of {rule.learned_on} held out: temperature {rule.temperature:.4f}{error}")
    say(f"unknown from distance {rule.unknown_from:.4f}: {rule.refused:.1%} of known ones are, and {rule.taken:.1%} of "
        "unknown ones are not")  # fmt: skip
    say(f"written: {out}\nnext:    twinnet handwriting read PROBE.png --examples FOLDER --model {out}")


@app.command("model")
def shipped_model(
    out: Out = Path("handwriting.twin"),
    json: Json = False,
) -> None:
    """Write the model that comes with twinnet as a file, for `serve`, `gallery`, `evaluate`, `export` and the others.

    Example: `twinnet handwriting model -o reader.twin`
    """
    from twinnet.apps.handwriting import shipped
    from twinnet.cli.render import say

    model = shipped()
    model.save(out)
    if json:
        answers.printed("model", model, {}, {}, str(out), None)
        return
    say(f"written: {out}\nnext:    twinnet info {out}; twinnet serve {out} --gallery GALLERY, and its Draw tab")


@app.command()
def cut(
    sheet: Annotated[Path, typer.Argument(help="A picture of a sheet of characters.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the characters; must be empty or new.")],
    direction: Way = "ltr",
    grid: Grid = None,
    min_size: Annotated[float, typer.Option(help="Drop what is smaller than this share of the usual one.")] = 0.2,
    gap: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Largest gap inside a character, as a share of its size; default: found."),
    ] = None,
    json: Json = False,
) -> None:
    """Cut a sheet into its characters: pictures in reading order, their boxes, and the sheet with boxes drawn on it.

    Example: `twinnet handwriting cut sheet.jpg -o characters --grid 5x4`
    """
    from twinnet.apps.handwriting import cut as run
    from twinnet.apps.handwriting import write_cuts
    from twinnet.cli.render import print_json, say
    from twinnet.evaluation import bare, report_json
    from twinnet.training.facts import versions

    found = run(sheet, direction=direction, grid=answers.grid(grid), min_size=min_size, gap=gap)
    paths = write_cuts(found, out)
    lines = len({one.row for one in found.cuts})
    if json:
        counts = {"characters": len(found.cuts), "lines": lines, "dropped": found.dropped}
        turned = {"angle_deg": bare(found.angle_deg)}
        answer = report_json("handwriting cut", None, turned, counts, str(sheet), "", None, versions())
        rows = [{"file": path.name, "box": one.box} for path, one in zip(paths, found.cuts, strict=True)]
        print_json({**answer, "items": rows})
        return
    say(f"{len(found.cuts)} characters in {lines} lines, {found.dropped} smaller pieces dropped")
    say(f"written: {out} (boxes.json has the places; look at boxes.png)")


@app.command()
def read(
    probes: Annotated[list[Path], typer.Argument(help="Pictures of one character each; or sheets, with --cut.")],
    examples: Annotated[Path, typer.Option(help="`name.png`, or `name/*.png`, in a folder; or a sheet to be cut.")],
    model: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A model that `handwriting train` wrote; without one, the model that comes with twinnet."),
    ] = None,
    names: Annotated[str, typer.Option(help="Of the examples in reading order, with spaces between.")] = "",
    cut: Annotated[bool, typer.Option("--cut", help="The probes are sheets: cut them first.")] = False,
    direction: Way = "ltr",
    grid: Annotated[
        Optional[str], typer.Option(metavar="5x4", help="Cells of the examples' sheet: columns x rows.")  # noqa: UP045
    ] = None,
    probe_grid: Annotated[
        Optional[str], typer.Option(metavar="5x4", help="Cells of the probes' sheets.")  # noqa: UP045
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the ranking to show.")] = 3,
    json: Json = False,
) -> None:
    """Read characters of a script that the model never saw, from one example of each (or more).

    A probability supposes that it is one of the examples' characters; *unknown* means that it seems to be none.

    Example: `twinnet handwriting read a.png b.png --examples script/`

    Example: `twinnet handwriting read a.png --examples script/ --model reader.twin`
    """
    from twinnet.apps.handwriting import Reader, shipped
    from twinnet.apps.handwriting import examples as known
    from twinnet.cli.render import say
    from twinnet.model import load

    reader = Reader(load(model) if model else shipped())
    for name, item in known(examples, names.split(), grid=answers.grid(grid), direction=direction):
        reader.learn(name, item)
    asked, sheets = answers.probes(probes, cut, direction, answers.grid(probe_grid))
    readings = reader.read_all([item for _, item in asked])
    if json:
        rows = [
            {"item": name, "unknown": one.unknown, "ranking": [asdict(guess) for guess in one.ranking]}
            for (name, _), one in zip(asked, readings, strict=True)
        ]  # fmt: skip
        counts = {"characters": len(reader.names), "probes": len(rows), "unknown": sum(o.unknown for o in readings)}
        answers.printed("read", reader.model, {}, counts, str(examples), None, readings=rows)
        return
    for (name, _), one in zip(asked, readings, strict=True):
        ranked = ", ".join(f"{guess.name} {guess.probability:.1%}" for guess in one.ranking[:top])
        say(f"{name}: {'unknown; nearest: ' if one.unknown else ''}{ranked}")
    at = 0
    for path, sheet in sheets:
        here, at = readings[at : at + len(sheet.cuts)], at + len(sheet.cuts)
        lines: dict[int, list[str]] = {}
        for place, one in zip(sheet.cuts, here, strict=True):
            lines.setdefault(place.row, []).append("?" if one.unknown else one.best.name)
        say(f"{path} reads:\n" + "\n".join(" ".join(words) for words in lines.values()))


@writers.command("train")
def train_writers(
    data: Annotated[Path, typer.Argument(help="Laid out as Omniglot, with drawers; or one folder per writer.")],
    out: Out = Path("writers.twin"),
    minutes: Minutes = 5.0,
    steps: Annotated[int, typer.Option(help="Batches, in place of minutes.")] = 0,
    hold_out: Names = None,
    accept_leaks: Leaks = False,
    fresh: Fresh = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Train twins whose identities are writers; a threshold for 1, 5, 10 and 20 characters a side is learned on others.

    Example: `twinnet handwriting writers train images_background.zip -o writers.twin`
    """
    from twinnet.apps.handwriting import train_writers as run
    from twinnet.apps.handwriting.writers import recipe
    from twinnet.cli.render import say
    from twinnet.evaluation import bare

    model = answers.trained(run, recipe(minutes, seed), data, out, steps, hold_out, accept_leaks, fresh)
    rules = model.facts["writers"]
    if json:
        metrics = {f"threshold_{size}": bare(rule["threshold"]) for size, rule in rules.items()}
        answers.printed("writers train", model, metrics, {"steps": model.facts["steps"]}, str(data), seed)
        return
    for size, rule in rules.items():
        say(f"{size} characters a side: the same writer means distance < {rule['threshold']:.4f}")
    say(f"written: {out}\nnext:    twinnet handwriting writers verify {out} ONE/ OTHER/")


@writers.command("verify")
def verify_writers(
    model: Annotated[Path, typer.Argument(help="A model that `handwriting writers train` wrote.")],
    first: Annotated[Path, typer.Argument(help="A folder of characters by one writer, or one picture.")],
    second: Annotated[Path, typer.Argument(help="Another.")],
    json: Json = False,
) -> None:
    """One writer or two? The more characters on both sides, the surer. Pictures must be framed as in training.

    Example: `twinnet handwriting writers verify writers.twin letter1/ letter2/`
    """
    from twinnet.apps.handwriting import same_writer
    from twinnet.cli.render import say
    from twinnet.evaluation import bare
    from twinnet.model import load

    loaded = load(model)
    sides = [answers.pictures(path) for path in (first, second)]
    decision, size = same_writer(loaded, *sides)
    if json:
        metrics = {"distance": bare(decision.distance), "threshold": bare(decision.threshold)}
        if decision.probability is not None:
            metrics["probability"] = bare(decision.probability)
        counts = {"first": len(sides[0]), "second": len(sides[1]), "threshold_for": size}
        answers.printed("writers verify", loaded, metrics, counts, f"{first} {second}", None, same=decision.same)
        return
    verdict, sign = ("the same writer", "<") if decision.same else ("different writers", "≥")
    say(f"{verdict}: distance {decision.distance:.4f} {sign} threshold {decision.threshold:.4f}")
    say(f"{len(sides[0])} and {len(sides[1])} characters; the threshold is for {size} on each side")
    if decision.probability is not None:
        say(f"probability of one writer: {decision.probability:.1%} (where half of the comparisons are)")
