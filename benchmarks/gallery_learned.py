"""The learned comparison is no metric: how many nearest by Euclid must be ranked again for its own nearest to be there?

    python benchmarks/gallery_learned.py --minutes 0.5

Trains twins with the learned comparison on half of the digits (five of ten, 8 × 8 pictures), embeds shifted, noisy
copies of all, fills up with mixtures of two embeddings of one digit, and asks with pictures of which no copy is stored.
Recall@1: how often the nearest by `cross` over everything is among the shortlist; the interval is over probes
(Clopper-Pearson). With `--data` half of that data's identities train.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import twinnet
from twinnet.core.seeds import stream
from twinnet.data import load, split_identities
from twinnet.decide.intervals import clopper_pearson
from twinnet.index import Exact
from twinnet.training.facts import versions

SIZES = (10, 50, 100, 200, 400, 1000, 2000, 5000)


def main() -> None:
    """Print and write recall by size of the shortlist."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--templates", type=int, default=60_000)
    parser.add_argument("--copies", type=int, default=6)
    parser.add_argument("--probes", type=int, default=400)
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = twinnet.open_dataset(args.data) if args.data else twinnet.digits()
    half, _ = split_identities(data, [0.5, 0.5], args.seed)
    config = twinnet.TrainConfig(
        loss="bce", minutes=args.minutes, seed=args.seed, validation_share=0, calibration_share=0
    )
    model, rng = twinnet.train(half, config), stream(args.seed, "gallery_learned")
    store = load(data, model.preprocess)
    images, labels = store.images(np.arange(len(store))), store.dataset.labels()
    parts = []
    for _ in range(args.copies + 1):
        moved = np.roll(images, tuple(rng.integers(-1, 2, 2)), axis=(1, 2)).astype(np.float32)
        noisy = np.clip(moved + rng.normal(0, 12, images.shape), 0, 255).astype(np.uint8)
        parts += [model.embed_images(noisy[i : i + 512]) for i in range(0, len(noisy), 512)]
    made, whose = np.concatenate(parts), np.tile(labels, args.copies + 1)
    asked = rng.permutation(len(images))[: args.probes]  # no copy of these is a template
    known = ~np.isin(np.tile(np.arange(len(images)), args.copies + 1), asked)
    probes, made, whose = made[-len(images) :][asked], made[known], whose[known]
    templates = np.concatenate([made, mixed(made, whose, max(0, args.templates - len(made)), rng)])
    index = Exact(templates.shape[1])
    index.add(np.arange(len(templates)), templates)
    near = index.search(probes, max(SIZES)).keys  # (Q, K)
    best = np.concatenate([model.cross(probes[i : i + 8], templates).argmin(1) for i in range(0, len(probes), 8)])
    place = np.where((near == best[:, None]).any(1), (near == best[:, None]).argmax(1), len(templates))
    found = {}
    for size in SIZES:
        hits = int((place < size).sum())
        interval = clopper_pearson(hits, len(probes))
        found[size] = [interval.low, interval.point, interval.high]
        print(f"shortlist {size:5,} of {len(templates):,}: recall@1 {hits / len(probes):.4f} "
              f"[{interval.low:.4f}, {interval.high:.4f}]", flush=True)  # fmt: skip
    if args.json:
        args.json.write_text(
            json.dumps({"arguments": vars(args), "recall": found, "versions": versions()}, default=str)
        )


def mixed(vectors, whose, n, rng):  # type: ignore[no-untyped-def]
    """`n` points between two embeddings of one identity."""
    first = rng.integers(0, len(vectors), n)
    order = np.argsort(whose, kind="stable")
    begin, end = np.searchsorted(whose[order], [whose[first], whose[first] + 1])
    second = order[rng.integers(begin, end)] if n else first
    share = rng.random((n, 1)).astype(np.float32)
    return share * vectors[first] + (1 - share) * vectors[second]


if __name__ == "__main__":
    main()
