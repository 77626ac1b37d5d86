"""A head on a pre-trained backbone: train on some identities of a folder, verify the others; mean over splits.

    python benchmarks/backbones.py --data faces/orl --encoder onnx:FILE.onnx --train-identities 20 --seeds 1 2 3

Beside it, on the same identities: the backbone's own features by cosine distance, without a head, and raw pixels.
Nothing is chosen on the verified identities. The EER's interval resamples identities.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.table import Table

import twinnet
from twinnet.data import load, split_identities
from twinnet.encoders.adapters import Adapted
from twinnet.evaluation import verification
from twinnet.training.facts import versions

WAYS = ("frozen + head", "its features alone", "raw pixels")


def main() -> None:
    """One row per seed and way, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--encoder", required=True, help="timm:NAME, hf:NAME or onnx:FILE, with options")
    parser.add_argument("--train-identities", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--views", type=int, default=3)
    parser.add_argument("--steps", type=int, default=0, help="batches for the head; 0: twinnet's own number")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--features", type=Path, help="Keep the features here; by default in a temporary folder.")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    data = twinnet.open_dataset(args.data)
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(data, args, seed, args.features or Path(folder)) for seed in args.seeds]
    table = Table(title=f"{args.encoder}: head trained on {args.train_identities} identities, the others verified")
    for column in ("seed", "verified", *(f"EER, {way}" for way in WAYS), "features, s", "head, s"):
        table.add_column(column)
    for row in rows:
        shown = ["{:.1%} [{:.1%}, {:.1%}]".format(*row["eer"][way]) for way in WAYS]
        table.add_row(
            str(row["seed"]), str(row["identities"]), *shown, f"{row['features_s']:.0f}", f"{row['head_s']:.1f}"
        )
    table.add_row("mean", "", *(f"{np.mean([row['eer'][way][0] for row in rows]):.1%}" for way in WAYS), "", "")
    Console(width=140).print(table)
    if args.json:
        report = {"arguments": vars(args), "rows": rows, "versions": versions()}
        args.json.write_text(json.dumps(report, default=str, indent=1))


def measure(data: twinnet.Dataset, args: argparse.Namespace, seed: int, features: Path) -> dict[str, Any]:
    """Split by seed, train the head, verify."""
    train, others = split_identities(data, [args.train_identities, data.n_identities - args.train_identities], seed)
    config = twinnet.TrainConfig(
        encoder=args.encoder, seed=seed, validation_share=0, calibration_share=0, views=args.views, steps=args.steps,
        dim=args.dim, dropout=args.dropout, learning_rate=args.lr, channels=0,
    )  # fmt: skip
    started = time.monotonic()
    model = twinnet.train(train, config, features=features)
    store = load(others, model.preprocess)
    labels = store.dataset.labels()
    images = store.images(np.arange(len(store)))
    alone = own_features(model, images)
    pixels = images.reshape(len(store), -1).astype(np.float64)
    embedded = model.embed(store)
    judged = {
        WAYS[0]: verification(lambda a, b: model.pair_distances(embedded, a, b), labels, seed=seed),
        WAYS[1]: verification(lambda a, b: 1 - (alone[a] * alone[b]).sum(1), labels, seed=seed),
        WAYS[2]: verification(lambda a, b: np.linalg.norm(pixels[a] - pixels[b], axis=1), labels, seed=seed),
    }
    eers = {way: result.metrics["eer"] for way, result in judged.items()}
    return {
        "seed": seed,
        "identities": others.n_identities,
        "eer": {way: [found.point, found.low, found.high] for way, found in eers.items()},
        "features_s": model.facts["features_seconds"],
        "head_s": model.facts["training_seconds"],
        "all_s": time.monotonic() - started,
    }


def own_features(model: twinnet.Model, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """What the backbone makes of pictures `(N, H, W, C)`, without our head, at length 1: `(N, F)`."""
    assert isinstance(model.encoder, Adapted)
    with torch.inference_mode():
        parts = [
            model.encoder.features(torch.from_numpy(model.preprocess.normalise(images[i : i + 32]))).numpy()
            for i in range(0, len(images), 32)
        ]
    found = np.concatenate(parts).astype(np.float64)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


if __name__ == "__main__":
    main()
