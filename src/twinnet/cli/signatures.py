"""`twinnet signatures …`: from a folder of scans to a decision about a signature."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from twinnet.cli.training import Json, Seed

app = typer.Typer(
    no_args_is_help=True, suggest_commands=True, rich_markup_mode="markdown",
    help="Genuine or forged? Decide from one to five references. Not a proof of authorship: docs/signatures.md.",
)  # fmt: skip

ModelFile = Annotated[Path, typer.Argument(help="A model file that signatures train wrote.")]
Folder = Annotated[Path, typer.Argument(help="WRITER/genuine/*.png and WRITER/forged/*.png, or WRITER/*.png.")]


@app.command()
def train(
    folder: Folder,
    out: Annotated[Path, typer.Option("-o", "--out", help="The model file to write.")],
    keep_darkness: Annotated[
        bool, typer.Option("--keep-darkness", help="Let the pen's darkness count, usually a mistake: see the docs.")
    ] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Learn to tell writers from their forgers. Interrupted, the same command goes on where it was.

    Without any forged/ folder, the program bends genuine signatures instead, and answers say so.

    Example: `twinnet signatures train scans/ -o signatures.twin`
    """
    from twinnet.apps.signatures import learn
    from twinnet.cli.progress import bars
    from twinnet.cli.render import figures, print_json, say
    from twinnet.core.types import Interval
    from twinnet.evaluation import report_json
    from twinnet.training.facts import versions

    model = learn(folder, out=out, keep_darkness=keep_darkness, seed=seed, progress=bars())
    rules = model.rules
    metrics: dict[str, Interval] = {}
    for n, own in rules.by_number.items():
        if own.rule.far is not None and own.rule.frr is not None:
            metrics |= {f"far_{rules.forgeries}_{n}": own.rule.far, f"frr_{n}": own.rule.frr}
        metrics[f"far_random_{n}"] = own.far_random
    counts = {"writers": rules.writers, "signatures": int(model.facts["signatures"])}
    if json:
        answer = report_json(
            "signatures train", None, metrics, counts, str(folder), model.fingerprint, seed, versions()
        )
        print_json({**answer, "forgeries": rules.forgeries, "written": str(out)})
        return
    figures(f"Error rates on the {rules.writers} writers, each left out in turn, by number of references", metrics)
    if rules.forgeries == "synthetic":
        say("no forgeries were given: those counted here are genuine signatures bent by the program, not people's work")
    say(f"written: {out}")


@app.command()
def verify(
    model: ModelFile,
    probe: Annotated[Path, typer.Argument(help="The signature in question.")],
    references: Annotated[list[Path], typer.Option("-r", "--references", help="A known signature; 1 to 5 of them.")],
    json: Json = False,
) -> None:
    """Genuine or forged? Distance, threshold for this number of references, probability, and how often that errs.

    The exit code is 0 for both answers; `--json` has `same`.

    Example: `twinnet signatures verify signatures.twin cheque.png -r known1.png -r known2.png -r known3.png`
    """
    from twinnet.apps.signatures import load
    from twinnet.apps.signatures import verify as run
    from twinnet.cli.render import print_json, say
    from twinnet.evaluation import bare, report_json
    from twinnet.training.facts import versions

    loaded = load(model)
    answer = run(loaded, references, probe)
    d = answer.decision
    far, kind = d.far, answer.forgeries
    if json:
        metrics = {"distance": bare(d.distance), "threshold": bare(d.threshold)}
        if d.probability is not None:
            metrics["probability"] = bare(d.probability)
        if far is not None:
            metrics[f"far_{kind}"] = far
        metrics["far_random"] = answer.far_random
        counts = {"references": answer.n_references}
        shown = report_json(
            "signatures verify", None, metrics, counts, str(probe), loaded.fingerprint, None, versions()
        )
        print_json({**shown, "same": d.same, "measured": answer.measured})
        return
    sign = "<" if d.same else "≥"
    n = f"{answer.n_references} reference{'s' if answer.n_references > 1 else ''}"
    verdict = "genuine" if d.same else "not genuine"
    say(f"{verdict}: distance {d.distance:.4f} {sign} threshold {d.threshold:.4f} for {n}")
    if d.probability is not None:
        say(f"probability of being genuine: {d.probability:.1%} (where half are, and half {kind} forgeries)")
    for words, rate in ((f"{kind} forgeries", far), ("other people's signatures", answer.far_random)):
        if rate is not None:
            say(f"accepted at this threshold: {rate.point:.1%} [{rate.low:.1%}, {rate.high:.1%}] of {words}")


@app.command()
def evaluate(
    model: ModelFile,
    folder: Folder,
    draws: Annotated[int, typer.Option(min=1, help="Draws of references for each writer and number.")] = 10,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Error rates with 1 to 5 references on writers that the model never saw, each with its interval over writers.

    Example: `twinnet signatures evaluate signatures.twin others/`
    """
    from twinnet.apps.signatures import judge, load
    from twinnet.cli.progress import bars
    from twinnet.cli.render import figures, print_json, say
    from twinnet.training.facts import versions

    result = judge(load(model), folder, draws=draws, seed=seed, progress=bars())
    if json:
        print_json(result.to_json("signatures evaluate", versions()))
        return
    figures(f"Unseen writers of {result.data}; the last number is that of the references", result.metrics)
    counted = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result.counts.items())
    say(f"counts: {counted}")


@app.command()
def clean(
    image: Annotated[Path, typer.Argument(help="A scan of a signature.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The picture to write.")],
    model: Annotated[
        Optional[Path],  # noqa: UP045  (Typer)
        typer.Option(help="A model file, to clean as that model does."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what is looked at: paper removed, cut to the ink, every pen equally dark. Bright ink on black.

    Example: `twinnet signatures clean cheque.png -o seen.png`
    """
    from PIL import Image

    from twinnet.apps.signatures import clean as run
    from twinnet.apps.signatures import load
    from twinnet.cli.render import print_json, say
    from twinnet.evaluation import report_json
    from twinnet.training.facts import versions

    loaded = load(model) if model else None
    seen = run(image, loaded.preprocess if loaded else None)
    Image.fromarray(seen[:, :, 0]).save(out)
    if json:
        counts = {"height_px": seen.shape[0], "width_px": seen.shape[1]}
        mark = loaded.fingerprint if loaded else ""
        answer = report_json("signatures clean", None, {}, counts, str(image), mark, None, versions())
        print_json({**answer, "written": str(out)})
        return
    say(f"written: {out} ({seen.shape[1]} × {seen.shape[0]} pixels)")
