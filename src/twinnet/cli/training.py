"""Commands that make or change a model: demo, train, calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import typer

from twinnet.cli.given import was_given

ENCODERS = ("auto", "compact", "resnet", "resnet8", "resnet8_p4m", "vgg", "alexnet")
Loss = Literal[
    "auto", "supcon", "nt_xent", "n_pairs", "contrastive", "bce", "triplet", "multi_similarity", "circle", "nca",
    "prototypical", "arcface", "cosface", "proxy_anchor", "cross_entropy",
]  # fmt: skip
Comparison = Literal["auto", "cosine", "euclidean", "learned"]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result on the same machine.")]
Names = Annotated[Optional[list[str]], typer.Option("--hold-out", help="A group to keep out of training; repeatable.")]  # noqa: UP045  (Typer)


def known_encoder(name: str) -> str:
    """Refuse a name that cannot be meant before anything is read or torch is loaded."""
    if name not in ENCODERS and not name.startswith(("timm:", "hf:", "onnx:")):
        raise typer.BadParameter(f"{name!r} is none of {', '.join(ENCODERS)}, timm:NAME, hf:NAME, onnx:FILE.")
    return name


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the model and the page.")] = Path("demo"),
    minutes: Annotated[float, typer.Option(help="Minutes of training the twins.")] = 3.75,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Teach twins invented characters, then read real digits that they never saw.

    Example: `twinnet demo -o demo`
    """
    from twinnet.apps.demo import demo as run
    from twinnet.cli.progress import bars
    from twinnet.cli.render import figures, print_json, say
    from twinnet.training.facts import versions

    shown = run(out, minutes=minutes, seed=seed, progress=bars())
    if json:
        print_json(shown.result.to_json("demo", versions()))
        return
    figures("Pairs of the digits 5–9, and one-shot reading of all ten", shown.result.metrics)
    for line in shown.summary:
        say(line)


def train(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(help="Folder or zip with one folder per identity, or a CSV.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The model file to write.")] = Path("model.twin"),
    recipe: Annotated[
        Optional[Literal["handwriting"]],  # noqa: UP045  (Typer)
        typer.Option(help="Settings found by measurement for a kind of data; options given beside it win."),
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(callback=known_encoder, help=f"{', '.join(ENCODERS)}; or timm:NAME, hf:NAME, onnx:FILE."),
    ] = "auto",
    start: Annotated[
        Optional[Path],  # noqa: UP045  (Typer)
        typer.Option("--from", help="A model file to go on from: its weights, its encoder, its view of a picture."),
    ] = None,
    fine_tune: Annotated[bool, typer.Option("--fine-tune", help="A pre-trained encoder learns too.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch a pre-trained encoder from its hub.")] = False,
    views: Annotated[int, typer.Option(help="Changed views of each image that a frozen encoder sees.")] = 3,
    features: Annotated[
        Optional[Path],  # noqa: UP045  (Typer)
        typer.Option(help="Folder for what a frozen encoder sees; else OUT.features."),
    ] = None,
    loss: Annotated[Loss, typer.Option(help="What teaches it; auto suits the data.")] = "auto",
    comparison: Annotated[Comparison, typer.Option(help="How embeddings are compared; auto suits the loss.")] = "auto",
    minutes: Annotated[float, typer.Option(help="Minutes for everything, reading included.")] = 0.0,
    epochs: Annotated[float, typer.Option(help="Passes over the data.")] = 0.0,
    steps: Annotated[int, typer.Option(help="Batches.")] = 0,
    dim: Annotated[int, typer.Option(help="Numbers in an embedding.")] = 64,
    size: Annotated[int, typer.Option(help="Side of the network's input in pixels; 0 picks by the images.")] = 0,
    identities_per_batch: Annotated[int, typer.Option("-P", help="Identities in a batch.")] = 32,
    items_per_identity: Annotated[int, typer.Option("-K", help="Items of each.")] = 4,
    optimiser: Annotated[
        Literal["auto", "adamw", "muon"], typer.Option(help="auto: adamw for what is pre-trained, else muon.")
    ] = "auto",
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 2e-3,
    dropout: Annotated[float, typer.Option(help="Before the embedding.")] = 0.1,
    augment: Annotated[str, typer.Option(help="none, drawing, photo, document, or auto.")] = "auto",
    trim: Annotated[bool, typer.Option(help="Cut images to their ink.")] = False,
    bright_ink: Annotated[bool, typer.Option(help="Invert images that are dark on bright.")] = False,
    hold_out: Names = None,
    validation: Annotated[float, typer.Option(help="Share of identities that choose the checkpoint.")] = 0.1,
    calibration: Annotated[float, typer.Option(help="Share of identities that set the threshold.")] = 0.1,
    patience: Annotated[int, typer.Option(help="Stop after so many validations without a better EER; 0: never.")] = 0,
    precision: Annotated[Literal["auto", "float32", "bfloat16"], typer.Option(help="Number format.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
    accept_leaks: Annotated[bool, typer.Option("--accept-leaks", help="Train despite a leak (flatters).")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore a checkpoint of an interrupted run.")] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Train twins, and learn the threshold on identities that training never saw.

    The data is examined first, as `twinnet doctor` does in more depth: a leak across the split stops it.
    Without --minutes, --epochs or --steps it takes 5 minutes. Repeat the command to resume an interrupted run.
    A pre-trained encoder stays frozen unless --fine-tune is given, and a head trains in seconds; see docs/backbones.md.

    Example: `twinnet train people/ -o people.twin --minutes 10`
    Example: `twinnet train people/ -o people.twin --encoder onnx:arcface.onnx`
    Example: `twinnet train staff/ -o staff.twin --from many-people.twin`
    Example: `twinnet train images_background.zip -o reader.twin --recipe handwriting --minutes 30`
    """
    from twinnet.cli.progress import bars
    from twinnet.cli.render import notes, print_json, say
    from twinnet.data import hold_out as without
    from twinnet.data import open_dataset
    from twinnet.evaluation import bare, report_json
    from twinnet.model import card
    from twinnet.training import TrainConfig
    from twinnet.training import train as run
    from twinnet.training.facts import versions
    from twinnet.training.recipes import recipe as recipe_of

    asked: dict[str, Any] = {
        "encoder": encoder, "fine_tune": fine_tune, "download": download, "views": views, "loss": loss,
        "comparison": comparison, "minutes": minutes, "epochs": epochs, "steps": steps, "dim": dim, "size_px": size,
        "dropout": dropout, "augment": augment, "identities_per_batch": identities_per_batch,
        "items_per_identity": items_per_identity, "learning_rate": lr, "optimiser": optimiser, "trim": trim,
        "polarity": "bright_ink" if bright_ink else "keep", "validation_share": validation,
        "calibration_share": calibration, "patience": patience, "precision": precision, "device": device, "seed": seed,
    }  # fmt: skip
    if recipe:
        options = {"size_px": "size", "learning_rate": "lr", "polarity": "bright_ink", "validation_share": "validation"}
        given = {name for name in asked if was_given(context, options.get(name, name))}
        asked = {**asked, **{name: value for name, value in recipe_of(recipe).items() if name not in given}}
    config = TrainConfig(**asked)
    known = open_dataset(data)
    if hold_out:
        known, _ = without(known, hold_out)
    model = run(
        known, config, out=out, resume=not fresh, accept_leaks=accept_leaks, tell=notes, features=features,
        start=start, progress=bars(),
    )  # fmt: skip
    facts = model.facts
    if facts["skipped"]:
        notes([f"{facts['skipped']} items were skipped; the first: {facts['skipped_first']}"])
    if model.rule is None:
        notes(["too few identities to spare for a threshold. Next: twinnet calibrate MODEL DATA"])
    if json:
        metrics = {"best_validation_eer": bare(facts["best_validation_eer"])} if facts["best_validation_eer"] else {}
        counts = {"steps": facts["steps"], "items_seen": facts["items_seen"], "skipped": facts["skipped"]}
        print_json(report_json("train", None, metrics, counts, str(data), model.fingerprint, seed, versions()))
        return
    say(card(model))
    say(f"written: {out}\nnext:    twinnet evaluate {out} OTHER_DATA    or    twinnet verify {out} A.png B.png")


def calibrate(
    model: Annotated[Path, typer.Argument(help="A model file; it is rewritten unless -o is given.")],
    data: Annotated[Path, typer.Argument(help="Identities that training never saw, or a pairs CSV.")],
    out: Annotated[Optional[Path], typer.Option("-o", "--out", help="Write here instead.")] = None,  # noqa: UP045
    method: Annotated[
        Literal["eer", "far", "f1", "accuracy", "given"], typer.Option(help="How to choose the threshold.")
    ] = "eer",
    far: Annotated[Optional[float], typer.Option(help="Target false-accept rate, such as 0.001.")] = None,  # noqa: UP045
    frr: Annotated[Optional[float], typer.Option(help="With --far: answer only where both are kept.")] = None,  # noqa: UP045
    only_probability: Annotated[bool, typer.Option("--only-probability", help="Leave the threshold alone.")] = False,
    threshold: Annotated[Optional[float], typer.Option(help="A threshold of your own.")] = None,  # noqa: UP045
    probability: Annotated[Literal["platt", "isotonic", "beta"], typer.Option(help="Its curve.")] = "platt",
    group: Annotated[Optional[list[str]], typer.Option(help="Use only this group; repeatable.")] = None,  # noqa: UP045
    accept_seen: Annotated[bool, typer.Option(help="Allow identities that training saw (flatters).")] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Learn threshold and probability on identities that training never saw.

    Example: `twinnet calibrate people.twin others/ --far 0.001`
    """
    from twinnet.cli.progress import bars
    from twinnet.cli.render import figures, print_json, say
    from twinnet.data import hold_out as split_off
    from twinnet.data import open_dataset
    from twinnet.evaluation import report_json
    from twinnet.model import load
    from twinnet.model.card import caveats, rule_metrics
    from twinnet.training import calibrate as run
    from twinnet.training.facts import versions

    chosen: Any = "far" if far is not None else "given" if threshold is not None else method
    known = open_dataset(data)
    if group:
        known = split_off(known, group)[1]
    calibrated = run(
        load(model), known, method=chosen, far=far, frr=frr, value=threshold, probability=probability,
        only_probability=only_probability,
        accept_seen=accept_seen, seed=seed, progress=bars(),
    )  # fmt: skip
    calibrated.save(out or model)
    rule = calibrated.known_rule
    metrics = rule_metrics(rule)
    counts = {"genuine_pairs": rule.n_genuine, "impostor_pairs": rule.n_impostor}
    if json:
        fingerprint, mind = calibrated.fingerprint, caveats(rule)
        print_json(report_json("calibrate", None, metrics, counts, str(data), fingerprint, seed, versions(), mind))
        return
    figures(f"Same means distance < {rule.threshold:.6g} ({rule.method})", metrics)
    for line in caveats(rule):
        say(f"mind: {line}")
    say(f"learned on {rule.learned_on}\nwritten: {out or model}")
