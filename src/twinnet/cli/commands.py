"""Commands that use a model: evaluate, verify, embed, info."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from twinnet.cli.training import Json, Seed

ModelFile = Annotated[Path, typer.Argument(help="A model file that train wrote.")]


def evaluate(
    model: ModelFile,
    data: Annotated[Path, typer.Argument(help="Identities that training never saw, or a pairs CSV.")],
    protocol: Annotated[Literal["verification", "nway"], typer.Option(help="The rules of the evaluation.")] = (
        "verification"
    ),
    ways: Annotated[int, typer.Option(min=2, help="nway: classes in an episode.")] = 20,
    shots: Annotated[int, typer.Option(min=1, help="nway: items behind each class's template.")] = 1,
    episodes: Annotated[int, typer.Option(min=1, help="nway: how many.")] = 400,
    within_groups: Annotated[bool, typer.Option(help="nway: all classes of an episode from one group.")] = False,
    across_sessions: Annotated[bool, typer.Option(help="nway: support and probe by different drawers.")] = False,
    group: Annotated[Optional[list[str]], typer.Option(help="Evaluate only this group; repeatable.")] = None,  # noqa: UP045
    report: Annotated[Optional[Path], typer.Option(help="Write a self-contained HTML page (verification).")] = None,  # noqa: UP045
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Say how good a model is on data that it never saw, with intervals.

    Example: `twinnet evaluate people.twin others/ --report out.html`
    """
    from twinnet.apps.evaluate import evaluate as run
    from twinnet.apps.report import write_report
    from twinnet.cli.progress import bars
    from twinnet.cli.render import figures, notes, print_json, say
    from twinnet.core.errors import ConfigError
    from twinnet.data import hold_out, open_dataset
    from twinnet.data import load as load_images
    from twinnet.model import load
    from twinnet.training.facts import versions

    if report and protocol != "verification":  # known now, not only after the work
        raise ConfigError(f"--report is written for the verification protocol, not for {protocol}.")
    known = open_dataset(data)
    if group:
        known = hold_out(known, group)[1]
    loaded = load(model)
    store = load_images(known, loaded.preprocess, progress=bars())
    result = run(
        loaded, store, protocol=protocol, ways=ways, shots=shots, episodes=episodes,
        within_groups=within_groups, across_sessions=across_sessions, seed=seed, progress=bars(),
    )  # fmt: skip
    if report:
        write_report(report, loaded, result, store)
    notes(result.notes)
    if json:
        print_json(result.to_json("evaluate", versions()))
        return
    figures(f"{result.protocol} on {known.summary()}", result.metrics)
    counted = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result.counts.items())
    say(f"counts: {counted}")
    if report:
        say(f"written: {report}")


def verify(
    model: ModelFile,
    a: Annotated[Path, typer.Argument(help="An image.")],
    b: Annotated[Path, typer.Argument(help="Another image.")],
    json: Json = False,
) -> None:
    """The same or different? Distance, threshold, verdict, probability.

    Example: `twinnet verify people.twin a.jpg b.jpg`
    """
    from twinnet.apps.verify import verify as run
    from twinnet.cli.render import print_json, say
    from twinnet.evaluation import bare, report_json
    from twinnet.model import load
    from twinnet.training.facts import versions

    loaded = load(model)
    decision = run(loaded, a, b)
    if json:
        metrics = {"distance": bare(decision.distance), "threshold": bare(decision.threshold)}
        if decision.probability is not None:
            metrics["probability"] = bare(decision.probability)
        if decision.far is not None:
            metrics["far"] = decision.far
        answer = report_json("verify", None, metrics, {}, f"{a} {b}", loaded.fingerprint, None, versions())
        print_json({**answer, "same": decision.same, "abstained": decision.abstained})
        return
    verdict = "too close to call" if decision.abstained else "the same" if decision.same else "different"
    sign = "<" if decision.same else "≥"
    say(f"{verdict}: distance {decision.distance:.4f} {sign} threshold {decision.threshold:.4f}")
    if decision.probability is not None:
        say(f"probability of being the same: {decision.probability:.1%} (where half of the comparisons are)")
    if decision.far is not None:
        far = decision.far
        say(f"false accepts at this threshold: {far.point:.2%} [{far.low:.2%}, {far.high:.2%}] of impostor pairs")


def embed(
    model: ModelFile,
    data: Annotated[Path, typer.Argument(help="A folder, zip or CSV, as for train; or loose images.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The Parquet file to write.")],
    json: Json = False,
) -> None:
    """Turn every item into its embedding, as a Parquet table.

    Example: `twinnet embed people.twin others/ -o others.parquet`
    """
    from twinnet.apps.embed import embed as run
    from twinnet.cli.progress import bars
    from twinnet.cli.render import notes, print_json, say
    from twinnet.evaluation import report_json
    from twinnet.model import load
    from twinnet.training.facts import versions

    loaded = load(model)
    embedded = run(loaded, data, out, progress=bars())
    notes(f"skipped {skip.item}: {skip.reason}" for skip in embedded.skipped)
    if json:
        counts = {"items": embedded.n, "skipped": len(embedded.skipped), "dim": loaded.spec.dim}
        print_json(report_json("embed", None, {}, counts, str(data), loaded.fingerprint, None, versions()))
        return
    say(f"written: {out} ({embedded.n:,} embeddings of {loaded.spec.dim} numbers, {len(embedded.skipped)} skipped)")


def info(model: ModelFile, json: Json = False) -> None:
    """The model's card: what it is, what it learned from, how it decides, what not to trust it with.

    Example: `twinnet info people.twin`
    """
    from twinnet.cli.render import print_json, say
    from twinnet.evaluation import bare, report_json
    from twinnet.model import card, load
    from twinnet.training.facts import versions

    loaded = load(model)
    if not json:
        say(card(loaded))
        return
    rule = loaded.rule
    metrics = {"threshold": bare(rule.threshold)} if rule else {}
    if rule:
        metrics |= {name: rate for name, rate in (("far", rule.far), ("frr", rule.frr)) if rate is not None}
    counts = {"weights": sum(p.numel() for p in loaded.encoder.parameters()), "dim": loaded.spec.dim}
    answer = report_json("info", None, metrics, counts, "", loaded.fingerprint, None, versions())
    print_json({**answer, "facts": loaded.facts})
