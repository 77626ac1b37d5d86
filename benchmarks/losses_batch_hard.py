"""Why batch-hard triplets are not the default: from scratch they collapse. On invented characters, so nothing is tuned.

    python benchmarks/losses_batch_hard.py --steps 250

400 identities of 10 drawings are learned, 100 others are judged: 20-way one-shot, 1,000 episodes. The mean distance of
two judged items says whether the embeddings have collapsed.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import twinnet
from twinnet.data import load
from twinnet.data.invented import InventedCharacters
from twinnet.data.readers import from_arrays

SOFT: dict[str, Any] = {"soft": True, "margin": 0.0}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "all": ("cosine", {}),
    "all, soft": ("cosine", SOFT),
    "semi-hard": ("cosine", {"miner": "semi_hard"}),
    "batch-hard": ("cosine", {"miner": "batch_hard"}),
    "batch-hard, soft": ("cosine", {"miner": "batch_hard", **SOFT}),
    "batch-hard, soft, euclidean": ("euclidean", {"miner": "batch_hard", **SOFT}),
}


def characters(first: int, identities: int, drawings: int, seed: int) -> twinnet.Dataset:
    """A data set of identities `first`, `first` + 1, …"""
    which = np.repeat(np.arange(first, first + identities), drawings)
    images = InventedCharacters(seed=5, resolution=24, jitter=0.09).draw(which, np.random.default_rng(seed))
    return from_arrays(images, [str(i) for i in which])


def main() -> None:
    """Print a line for every way of choosing triplets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--runs", nargs="+", choices=list(RUNS), default=list(RUNS), metavar="NAME")
    args = parser.parse_args()
    learned, judged = characters(0, 400, 10, 1), characters(10_000, 100, 8, 2)
    for name in args.runs:
        comparison, settings = RUNS[name]
        config = twinnet.TrainConfig(
            encoder="compact", width=16, size_px=24, loss="triplet", comparison=comparison, loss_settings=settings,
            steps=args.steps, identities_per_batch=16, validation_share=0.0, calibration_share=0.0,
        )  # type: ignore[arg-type]  # fmt: skip
        model = twinnet.train(learned, config)
        error = twinnet.evaluate(model, judged, protocol="nway", ways=20, episodes=1000).metrics["error"]
        embeddings = model.embed(load(judged, model.preprocess))
        apart = float(model.cross(embeddings, embeddings).mean())
        print(f"{name:30} error {error.point:.1%}, mean distance {apart:.4f}", flush=True)


if __name__ == "__main__":
    main()
