"""Train on some identities of a folder, verify the others, beside nearest raw pixels; mean over splits.

    python benchmarks/verification.py --data faces/orl --train-identities 20 --minutes 2 --seeds 0 1 2

Nothing is chosen on the verified identities: no early stopping; a threshold, where asked for, comes from some of the
others. The EER's interval resamples identities.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import twinnet
from twinnet.apps.report import write_report
from twinnet.apps.report.verification import write_figures
from twinnet.data import load, split_identities
from twinnet.evaluation import verification
from twinnet.training.facts import versions


def main() -> None:
    """One row per seed, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--train-identities", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--calibration", type=float, default=0.0, help="share of those taught that sets the threshold")
    parser.add_argument("--encoder", default="auto")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--report", type=Path, help="Write the page of the last seed here.")
    parser.add_argument("--figures", type=Path, help="Write the last seed's curves into this folder.")
    parser.add_argument("--name", default="faces", help="how these files' names begin")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    data = twinnet.open_dataset(args.data)
    rows = [measure(data, args, seed) for seed in args.seeds]
    table = Table(title=f"trained on {args.train_identities} identities, verified the others, {args.minutes:g} minutes")
    for column in ("seed", "verified", "EER [95 %]", "AUC", "raw pixels' EER", "steps"):
        table.add_column(column)
    for row in rows:
        eer = "{:.1%} [{:.1%}, {:.1%}]".format(*row["eer"])
        table.add_row(
            str(row["seed"]), str(row["identities"]), eer, f"{row['auc']:.4f}", f"{row['raw']:.1%}", str(row["steps"])
        )
    mean = np.mean([row["eer"][0] for row in rows]), np.mean([row["raw"] for row in rows])
    table.add_row("mean", "", f"{mean[0]:.1%}", "", f"{mean[1]:.1%}", "")
    Console(width=120).print(table)
    if args.json:
        report = {"arguments": vars(args), "rows": rows, "versions": versions()}
        args.json.write_text(json.dumps(report, default=str, indent=1))


def measure(data: twinnet.Dataset, args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Split by seed, train, verify."""
    train, others = split_identities(data, [args.train_identities, data.n_identities - args.train_identities], seed)
    config = twinnet.TrainConfig(
        encoder=args.encoder, minutes=args.minutes, seed=seed, validation_share=0, calibration_share=args.calibration
    )
    model = twinnet.train(train, config)
    store = load(others, model.preprocess)
    result = twinnet.evaluate(model, store, seed=seed)
    metrics = result.metrics
    if seed == args.seeds[-1]:
        if args.report:
            write_report(args.report, model, result, store)
        if args.figures:
            write_figures(args.figures, args.name, model, result, store)
    pixels = store.images(np.arange(len(store))).reshape(len(store), -1).astype(np.float64)
    labels = store.dataset.labels()
    raw = verification(lambda a, b: np.linalg.norm(pixels[a] - pixels[b], axis=1), labels, replicates=2)
    return {
        "seed": seed,
        "identities": others.n_identities,
        "eer": [metrics["eer"].point, metrics["eer"].low, metrics["eer"].high],
        "auc": metrics["auc"].point,
        "raw": raw.metrics["eer"].point,
        "steps": model.facts["steps"],
    }


if __name__ == "__main__":
    main()
