"""Commands that use a model: verify, embed, info."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from twinnet.cli.training import Json

ModelFile = Annotated[Path, typer.Argument(help="A model file that train wrote.")]


def verify(
    model: ModelFile,
    a: Annotated[Path, typer.Argument(help="An image.")],
    b: Annotated[Path, typer.Argument(help="Another image.")],
    explain: Annotated[Optional[Path], typer.Option(help="Draw what drives the verdict, into this picture.")] = None,  # noqa: UP045
    json: Json = False,
) -> None:
    """The same or different? Distance, threshold, verdict, probability; where asked, which regions drive it.

    Example: `twinnet verify people.twin a.jpg b.jpg --explain why.png`
    """
    from twinnet.apps.verify import verify as run
    from twinnet.cli.render import print_json, say
    from twinnet.evaluation import bare, report_json
    from twinnet.model import load
    from twinnet.training.facts import versions

    loaded = load(model)
    decision = run(loaded, a, b)
    spread = loaded.known_rule.spread
    nearer = spread.nearer(decision.distance) if spread else None
    if explain:
        from twinnet.apps.explain import explain as regions
        from twinnet.apps.explain_picture import draw_explanation
        from twinnet.cli.progress import bars

        draw_explanation(regions(loaded, a, b, progress=bars()), explain, spread)
    if json:
        metrics = {"distance": bare(decision.distance), "threshold": bare(decision.threshold)}
        if decision.probability is not None:
            metrics["probability"] = bare(decision.probability)
        if decision.far is not None:
            metrics["far"] = decision.far
        if nearer:
            metrics |= {"nearer_genuine": bare(nearer[0]), "nearer_impostor": bare(nearer[1])}
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
        where = "with this band" if loaded.known_rule.band else "at this threshold"
        say(f"false accepts {where}: {far.point:.2%} [{far.low:.2%}, {far.high:.2%}] of impostor pairs")
    if nearer:
        say(f"where it falls: {nearer[0]:.0%} of genuine and {nearer[1]:.0%} of impostor pairs are nearer")
    if explain:
        say(f"written: {explain}")


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
    from twinnet.evaluation import report_json
    from twinnet.model import card, load
    from twinnet.model.card import caveats, rule_metrics
    from twinnet.training.facts import versions

    loaded = load(model)
    if not json:
        say(card(loaded))
        return
    rule = loaded.rule
    metrics, mind = (rule_metrics(rule), caveats(rule)) if rule else ({}, [])
    counts = {"weights": sum(p.numel() for p in loaded.encoder.parameters()), "dim": loaded.spec.dim}
    answer = report_json("info", None, metrics, counts, "", loaded.fingerprint, None, versions(), mind)
    print_json({**answer, "encoder": loaded.spec.to_dict(), "facts": loaded.facts})
