"""The command evaluate: how good is a model, by the rules of a named protocol?"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from twinnet.cli.given import was_given
from twinnet.cli.training import Json, Seed

Protocol = Literal[
    "verification", "lfw", "nway", "lake20", "lake20-assignment", "koch", "retrieval", "openset", "robustness"
]
_OPTIONS = (
    "pairs", "max_pairs", "all_pairs", "max_memory", "ways", "shots", "episodes", "within_groups", "across_sessions",
    "koch_pairs", "drawers", "at", "across_groups", "max_items",
)  # fmt: skip


def evaluate(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="A model file that train wrote.")],
    data: Annotated[Path, typer.Argument(help="Identities that training never saw, or a pairs CSV.")],
    protocol: Annotated[Protocol, typer.Option(help="The rules of the evaluation: docs/evaluation.md.")] = (
        "verification"
    ),
    kind: Annotated[Optional[str], typer.Option(help="How to read DATA, such as omniglot, signature-pairs.")] = None,  # noqa: UP045
    root: Annotated[Optional[Path], typer.Option(help="The folder or zip that paths in a CSV are relative to.")] = None,  # noqa: UP045
    group: Annotated[Optional[list[str]], typer.Option(help="Evaluate only this group; repeatable.")] = None,  # noqa: UP045
    max_pairs: Annotated[int, typer.Option(min=2, help="verification, robustness: sample above so many.")] = 200_000,
    all_pairs: Annotated[bool, typer.Option("--all-pairs", help="verification: every pair, exactly.")] = False,
    max_memory: Annotated[int, typer.Option(min=1, help="all pairs, retrieval: bytes at most.")] = 1 << 30,
    pairs: Annotated[Optional[Path], typer.Option(help="lfw: the pairs.txt; DATA is the images' folder.")] = None,  # noqa: UP045
    ways: Annotated[int, typer.Option(min=2, help="nway: classes in an episode.")] = 20,
    shots: Annotated[int, typer.Option(min=1, help="nway, openset: items behind each template.")] = 1,
    episodes: Annotated[int, typer.Option(min=1, help="nway: how many.")] = 400,
    within_groups: Annotated[
        bool, typer.Option("--within-groups", help="nway: all classes of an episode from one group.")
    ] = False,
    across_sessions: Annotated[
        bool, typer.Option("--across-sessions", help="nway: support and probe by different drawers.")
    ] = False,
    koch_pairs: Annotated[int, typer.Option(min=2, help="koch: how many pairs, half of them genuine.")] = 10_000,
    drawers: Annotated[Optional[str], typer.Option(help="koch: only these drawers, such as 17,18,19,20.")] = None,  # noqa: UP045
    at: Annotated[str, typer.Option(help="retrieval: the K of Recall@K.")] = "1,5,10",
    across_groups: Annotated[
        bool, typer.Option("--across-groups", help="retrieval: query and match from different groups.")
    ] = False,
    max_items: Annotated[int, typer.Option(min=2, help="robustness: draw so many items at most.")] = 600,
    report: Annotated[Optional[Path], typer.Option(help="Write a self-contained HTML page.")] = None,  # noqa: UP045
    worsened: Annotated[bool, typer.Option(help="verification report: show robustness too (about a minute).")] = True,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Say how good a model is on data that it never saw, with intervals. Each protocol stamps its name on the result.

    Example: `twinnet evaluate people.twin others/ --report out.html`
    """
    from twinnet.apps.evaluate import evaluate as run
    from twinnet.apps.evaluate import open_for
    from twinnet.apps.evaluate.run import check
    from twinnet.apps.report import write_report
    from twinnet.apps.robustness import robustness
    from twinnet.cli.progress import bars
    from twinnet.cli.render import figures, notes, print_json, say
    from twinnet.data import hold_out
    from twinnet.data import load as load_images
    from twinnet.model import load
    from twinnet.training.facts import versions

    given = {name: context.params[name] for name in _OPTIONS if was_given(context, name)}
    for name in ("drawers", "at"):
        if name in given:
            given[name] = _numbers(name, given[name])
    check(protocol, given)  # a wrong option is known now, not after the work
    known = open_for(protocol, data, kind=kind, root=root, pairs=pairs)
    if group:
        known = hold_out(known, group)[1]
    loaded = load(model)
    store = load_images(known, loaded.preprocess, progress=bars())
    result = run(loaded, store, protocol=protocol, seed=seed, progress=bars(), **given)
    if report:
        wanted = worsened and protocol == "verification" and known.identities is not None and known.pairs is None
        worse = robustness(loaded, store, seed=seed, progress=bars()) if wanted else None
        write_report(report, loaded, result, store, robustness=worse, command=shlex.join(["twinnet", *sys.argv[1:]]))
    notes(result.notes)
    if json:
        print_json(result.to_json("evaluate", versions()))
        return
    figures(f"{result.protocol} on {known.summary()}", result.metrics)
    counted = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result.counts.items())
    say(f"counts: {counted}")
    if report:
        say(f"written: {report}")


def _numbers(name: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"--{name} takes whole numbers with commas, such as 1,5,10; got {text}") from None
