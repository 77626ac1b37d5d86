"""20-way one-shot within an alphabet, on held-out Omniglot alphabets: recipes, or encoders and losses, in equal time.

    python benchmarks/omniglot.py --data images_background.zip --minutes 5

Support and probe are by two different drawers, and all drawers give the support in turn. The held-out alphabets
are seen by nothing before the evaluation: not by training, the choice of the checkpoint, or the threshold.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import twinnet
from twinnet.training.facts import versions
from twinnet.training.recipes import RECIPES, recipe

HELD_OUT = ["Armenian", "Early_Aramaic", "Korean", "Ojibwe_(Canadian_Aboriginal_Syllabics)", "Tagalog"]
# Each loss with the comparison it is known with, and the settings of its paper where they suit unit embeddings.
LOSSES: dict[str, dict[str, Any]] = {
    "supcon": {"comparison": "cosine"},
    "triplet": {"comparison": "cosine", "loss_settings": {"margin": 0.2}},
    "contrastive": {"comparison": "euclidean", "loss_settings": {"margin": 1.0}},
    "bce": {"comparison": "learned"},
}
SIZES = {"compact": 28}


def main() -> None:
    """Train and evaluate each combination, print the table, write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--hold-out", nargs="+", default=HELD_OUT)
    parser.add_argument("--leave-out", nargs="+", default=[], help="alphabets used for nothing at all")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--runs", nargs="+", default=["handwriting"], help="a recipe, or encoder:loss[:width[:size]]")
    parser.add_argument("--steps", type=int, default=0, help="instead of minutes: the same work on a shared machine")
    parser.add_argument("--model", type=Path, help="save the last model here")
    parser.add_argument("--episodes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    data = twinnet.omniglot(args.data)
    if args.leave_out:
        data, _ = twinnet.hold_out(data, args.leave_out)
    rest, held = twinnet.hold_out(data, args.hold_out)
    rows = [measure(name, rest, held, args) for name in args.runs]
    show(rows, args.minutes)
    if args.json:
        report = {"arguments": vars(args), "rows": rows, "versions": versions()}
        args.json.write_text(json.dumps(report, default=str, indent=1))


def measure(name: str, rest: twinnet.Dataset, held: twinnet.Dataset, args: argparse.Namespace) -> dict[str, Any]:
    """One row: train on `rest`, judge on `held`."""
    config = settings(name, args)
    started = time.monotonic()
    model = twinnet.train(rest, config)
    trained = time.monotonic() - started
    if args.model:
        model.save(args.model)
    one_shot = twinnet.evaluate(
        model, held, protocol="nway", ways=20, episodes=args.episodes, within_groups=True, across_sessions=True
    ).metrics["error"]
    eer = twinnet.evaluate(model, held, protocol="verification").metrics["eer"]
    row = {
        "run": name,
        "encoder": config.encoder,
        "loss": config.loss,
        "comparison": config.known_comparison,
        "size_px": model.preprocess.height,
        "weights": sum(p.numel() for p in model.encoder.parameters()),
        "error": [one_shot.point, one_shot.low, one_shot.high],
        "eer": [eer.point, eer.low, eer.high],
        "validation_eer": model.facts["best_validation_eer"],
        "steps": model.facts["steps"],
        "images_per_s": round(model.facts["items_seen"] / model.facts["training_seconds"]),
        "seconds": round(trained),
    }
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def settings(name: str, args: argparse.Namespace) -> twinnet.TrainConfig:
    """Of a recipe, or of an encoder and a loss with everything else as usual."""
    length = {"steps": args.steps} if args.steps else {"minutes": args.minutes}
    if name in RECIPES:
        return twinnet.TrainConfig(**recipe(name), **length, seed=args.seed)
    encoder, loss, *more = name.split(":")
    width = int(more[0]) if more else 0
    size = int(more[1]) if len(more) > 1 else SIZES.get(encoder, 0)
    return twinnet.TrainConfig(
        encoder=encoder, loss=loss, width=width, size_px=size, seed=args.seed, **length, **LOSSES[loss]
    )  # type: ignore[arg-type]


def show(rows: list[dict[str, Any]], minutes: float) -> None:
    table = Table(title=f"20-way one-shot within an alphabet, {minutes:g} minutes of training")
    for column in [
        "run",
        "encoder",
        "loss",
        "comparison",
        "input",
        "weights",
        "error [95 %]",
        "EER [95 %]",
        "steps",
        "images/s",
    ]:
        table.add_column(column)
    for row in rows:
        table.add_row(
            row["run"], row["encoder"], row["loss"], row["comparison"], f"{row['size_px']} px", f"{row['weights']:,}",
            "{:.1%} [{:.1%}, {:.1%}]".format(*row["error"]), "{:.1%} [{:.1%}, {:.1%}]".format(*row["eer"]),
            str(row["steps"]), str(row["images_per_s"]),
        )  # fmt: skip
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
