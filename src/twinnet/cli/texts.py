"""`twinnet texts …`: do two short texts say the same?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from twinnet.cli.training import Json, Seed

app = typer.Typer(
    no_args_is_help=True, suggest_commands=True, rich_markup_mode="markdown",
    help="Do two short texts say the same? For copied passages in long ones: `twinnet plagiarism`.",
)  # fmt: skip
ModelFile = Annotated[Path, typer.Argument(help="A file that texts train wrote.")]


@app.command()
def train(
    pairs: Annotated[Path, typer.Argument(help="A CSV or TSV with the columns first, second, same (0 to 1).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The model file to write.")],
    sentences: Annotated[
        Optional[str],  # noqa: UP045  (Typer)
        typer.Option(help="Folder of a sentence-transformers model, or wordllama, as one more measure."),
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Learn from labelled pairs; the threshold comes from pairs held out in turn.

    Example: `twinnet texts train pairs.csv -o texts.twin`
    """
    from twinnet.apps.texts import read_pairs, train_texts
    from twinnet.cli.render import print_json, say

    taught = read_pairs(pairs)
    twins = train_texts(taught, sentences=sentences, seed=seed, learned_on=str(pairs))
    twins.save(out)
    rule = twins.rule
    if json:
        print_json({"out": str(out), "pairs": len(taught), "rule": rule.to_dict() if rule else None})
    elif rule and rule.far and rule.frr:
        say(
            f"{out}: taught by {len(taught):,} pairs. On pairs held out in turn it takes {rule.far.point:.1%} of the "
            f"different for the same, and {rule.frr.point:.1%} of the same for different."
        )
    else:
        say(f"{out}: taught by {len(taught):,} graded pairs; it measures distances and does not decide.")
    if not json:
        say(f'next:  twinnet texts compare {out} "one text" "another"')


@app.command()
def compare(
    model: ModelFile,
    first: Annotated[str, typer.Argument(help="A text.")],
    second: Annotated[str, typer.Argument(help="Another.")],
    json: Json = False,
) -> None:
    """Compare two texts.

    Example: `twinnet texts compare texts.twin "It rained all day." "All day long there was rain."`
    """
    from twinnet.apps.texts import load_texts
    from twinnet.cli.render import print_json, say

    twins = load_texts(model)
    if twins.rule is None:
        distance = float(twins.distances([first], [second])[0])
        if json:
            print_json({"distance": distance})
        else:
            say(f"distance {distance:.3f}")
        return
    answer = twins.verify(first, second)
    if json:
        print_json(
            {"same": answer.same, "distance": answer.distance, "threshold": answer.threshold,
             "probability": answer.probability}
        )  # fmt: skip
    else:
        say(
            f"{'the same' if answer.same else 'different'}: distance {answer.distance:.3f}, threshold "
            f"{answer.threshold:.3f}, probability {answer.probability:.0%} of saying the same"
        )
