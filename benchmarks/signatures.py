"""Genuine signatures against skilled forgeries of the same writer, on writers that training never saw.

    python benchmarks/signatures.py --data sigcomp2011_dutch --minutes 4 --report signatures.html

The folder is `<writer>/genuine/*.png` and `<writer>/forged/*.png`. A quarter of the writers, chosen by seed, is judged;
a further fifth sets the threshold; the rest teach, each writer with his forgeries as somebody else's signature. Beside
it stand numbers that need no network, such as the darkness of the ink: forgers often had a darker pen.
Whole writers are resampled for the intervals.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import twinnet
from twinnet.apps.report import write_report
from twinnet.apps.report.verification import write_figures
from twinnet.core.seeds import stream
from twinnet.core.types import Pairs
from twinnet.data import hold_out, load
from twinnet.evaluation import verification_of_pairs
from twinnet.training.facts import versions


def main() -> None:
    """One row for the twins, one for each trivial number."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--encoder", default="auto")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, help="Save the model here.")
    parser.add_argument("--report", type=Path, help="Write the page here.")
    parser.add_argument("--figures", type=Path, help="Write the curves into this folder.")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    data = twinnet.open_dataset(args.data)
    writers = stream(args.seed, "writers").permutation(data.group_names).tolist()
    quarter, fifth = len(writers) // 4, len(writers) // 5
    rest, judged = hold_out(data, writers[:quarter])
    taught, calibration = hold_out(rest, writers[quarter : quarter + fifth])
    config = twinnet.TrainConfig(
        encoder=args.encoder, minutes=args.minutes, size_px=args.size, fit="stretch", trim=True, polarity="bright_ink",
        augment="document", class_turns=False, group_blocks=8, validation_share=0, calibration_share=0, seed=args.seed,
    )  # fmt: skip
    model = twinnet.calibrate(twinnet.train(taught, config, out=args.model), forgeries(calibration))
    if args.model:
        model.save(args.model)
    known = forgeries(judged)
    store = load(known, model.preprocess)
    result = twinnet.evaluate(model, store, seed=args.seed)
    rows = {"twins": result, **trivial(known)}
    table = Table(title=f"{quarter} unseen writers, skilled forgeries, {args.minutes:g} minutes of training")
    for column in ("judged by", "EER [95 %]", "AUC [95 %]", "FAR at the threshold", "FRR"):
        table.add_column(column)
    for name, row in rows.items():
        table.add_row(name, *(cell(row, metric) for metric in ("eer", "auc", "far", "frr")))
    Console(width=120).print(table)
    if args.report:
        write_report(args.report, model, result, store)
    if args.figures:
        write_figures(args.figures, "signatures", model, result, store)
    if args.json:
        figures = {name: {k: [i.point, i.low, i.high] for k, i in row.metrics.items()} for name, row in rows.items()}
        report = {"arguments": vars(args), "figures": figures, "counts": result.counts, "versions": versions()}
        args.json.write_text(json.dumps(report, default=str, indent=1))


def forgeries(data: twinnet.Dataset) -> twinnet.Dataset:
    """Pairs within each writer: two genuine ones are the same, a genuine and a forged one are not."""
    writers, genuine = data.groups, np.array([key.split("/")[-2] == "genuine" for key in data.keys])
    assert writers is not None
    first, second = np.triu_indices(len(data), 1)
    keep = (writers[first] == writers[second]) & (genuine[first] | genuine[second])
    first, second = first[keep], second[keep]
    pairs = Pairs(first, second, genuine[first] & genuine[second])
    # All pairs of a writer share his luck, the forged ones too: for the intervals he is one identity.
    return replace(data, pairs=pairs, identities=writers, identity_names=data.group_names)


def trivial(data: twinnet.Dataset) -> dict[str, Any]:
    """What the difference of one number would reach."""
    assert data.pairs is not None
    assert data.identities is not None
    images = [data.read(i).mean(2) for i in range(len(data))]
    ink = [image < image.max() - 0.35 * np.ptp(image) for image in images]
    numbers = {
        "mean brightness": [image.mean() for image in images],
        "darkness of the ink": [image[mask].mean() for image, mask in zip(images, ink, strict=True)],
        "share of ink": [mask.mean() for mask in ink],
        "aspect ratio": [np.log(image.shape[1] / image.shape[0]) for image in images],
    }
    p, of = data.pairs, data.identities
    return {
        name: verification_of_pairs(np.abs(x[p.first] - x[p.second]), p, of[p.first], of[p.second])
        for name, x in ((name, np.array(values)) for name, values in numbers.items())
    }


def cell(result: Any, metric: str) -> str:
    """`12.3 % [10.1, 14.8]`, or a dash."""
    if metric not in result.metrics:
        return "–"
    i = result.metrics[metric]
    return f"{i.point:.1%} [{i.low:.1%}, {i.high:.1%}]"


if __name__ == "__main__":
    main()
