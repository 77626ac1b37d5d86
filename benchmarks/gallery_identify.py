"""Enrol one image each of identities that training never saw, identify the rest, and turn strangers away.

    python benchmarks/gallery_identify.py --data images_background.zip --hold-out 5 --minutes 2
    python benchmarks/gallery_identify.py --data faces/orl --train-identities 20 --minutes 1 --seeds 1 2 3

With `--hold-out N` each seed takes N whole groups (alphabets) for the test, with `--train-identities N` all identities
but N. Half of the test's identities are enrolled with one image each, the other half are strangers. Closed set: rank-1
of the enrolled identities' other images. Open set: DIR@FPIR, the threshold learned on other identities that training
does not see either (`--apart`, a share of its side), dealt in the same way, so that nothing of the test sets it. Every
search goes through a gallery on disk. Beside the twins, by the same code: raw pixels, less their mean, by cosine.
Intervals are bootstraps over whole identities (`evaluation.openset`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import twinnet
from twinnet.apps.gallery import bound
from twinnet.core.seeds import stream
from twinnet.core.types import Interval
from twinnet.data import load, split_identities
from twinnet.evaluation import Searches
from twinnet.evaluation.openset import judge
from twinnet.gallery import Binding, Entry, LocalStore, Templates
from twinnet.training.facts import versions

Matrix = np.ndarray[Any, np.dtype[np.float32]]
FPIRS = (0.1, 0.01)


def main() -> None:
    """One row per seed and method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="one folder per identity, or group/identity, or a zip")
    parser.add_argument("--hold-out", type=int, default=0, help="so many whole groups are the test")
    parser.add_argument("--train-identities", type=int, default=20, help="without --hold-out; the rest are the test")
    parser.add_argument(
        "--apart", type=float, default=0.15, help="share of the training side that only sets the threshold"
    )
    parser.add_argument("--minutes", type=float, default=2.0, help="of training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for seed in args.seeds for row in measure(args, seed)]
    show(rows)
    if args.json:
        args.json.write_text(json.dumps({"arguments": vars(args), "rows": rows, "versions": versions()}, default=str))


def measure(args: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
    """Train once, then search by twins and by pixels."""
    rest, test = dealt(twinnet.open_dataset(args.data), args, seed)
    taught, apart = split_identities(rest, [1 - args.apart, args.apart], seed)
    config = twinnet.TrainConfig(minutes=args.minutes, seed=seed, validation_share=0, calibration_share=0)
    model, begun = twinnet.train(taught, config), time.process_time()
    stores = [load(part, model.preprocess) for part in (apart, test)]
    labels = [store.dataset.labels() for store in stores]
    embedded = [model.embed(store) for store in stores]
    pixels = [flat(store.images(np.arange(len(store)))) for store in stores]
    raw = Binding("0" * 16, "cosine", pixels[0].shape[1], True)
    rows = []
    for name, binding, cross, vectors in (
        ("twins", bound(model), model.cross, embedded),
        ("raw pixels", raw, lambda a, b: np.maximum(1 - a @ b.T, 0), pixels),
    ):
        # FPIR grows with the gallery, so the threshold is learned in one that is no larger than the test's.
        most = len(np.unique(labels[1])) // 2
        learn, judged = (searched(v, own, binding, cross, seed, most) for v, own in zip(vectors, labels, strict=True))
        result = judge(learn, judged, fpirs=FPIRS, seed=seed)
        rows.append({"seed": seed, "method": name, "counts": dict(result.counts), "notes": list(result.notes),
                     "metrics": {k: triple(v) for k, v in result.metrics.items()}})  # fmt: skip
        print(json.dumps(rows[-1]), flush=True)
    print(f"searches took {time.process_time() - begun:.0f} s", flush=True)
    return rows


def dealt(data: twinnet.Dataset, args: argparse.Namespace, seed: int) -> tuple[twinnet.Dataset, twinnet.Dataset]:
    """What to learn from, and what to judge by."""
    if args.hold_out:
        names = [
            data.group_names[g] for g in stream(seed, "groups").permutation(len(data.group_names))[: args.hold_out]
        ]
        print(f"seed {seed}, judged by: {', '.join(sorted(names))}", flush=True)
        return twinnet.hold_out(data, names)
    n = args.train_identities
    rest, test = split_identities(data, [n, data.n_identities - n], seed)
    return rest, test


def searched(
    vectors: Matrix, labels: Any, binding: Binding, cross: Callable[..., Any], seed: int, most: int
) -> Searches:
    """Enrol half of the identities, at most `most`, with one item each; search with all that is left."""
    people = stream(seed, "gallery_identify", "people").permutation(np.unique(labels))
    enrolled = people[: min(len(people) // 2, most)]
    rng = stream(seed, "gallery_identify", "items")
    first = {int(one): int(rng.permutation(np.flatnonzero(labels == one))[0]) for one in enrolled}
    ours = np.isin(labels, enrolled)
    ours[list(first.values())] = False
    own, foreign = np.flatnonzero(ours), np.flatnonzero(~np.isin(labels, enrolled))
    with tempfile.TemporaryDirectory() as folder, LocalStore.create(Path(folder) / "g", binding) as store:
        store.add([Entry(str(one), vectors[item : item + 1]) for one, item in first.items()])
        known = Templates(store, binding.fingerprint, cross, None)
        of_own, of_foreign = known.search_all(vectors[own], 1), known.search_all(vectors[foreign], 1)
    hit = np.array([float(found[0].identity == str(labels[i])) for found, i in zip(of_own, own, strict=True)])
    near, far = (np.array([found[0].distance for found in some]) for some in (of_own, of_foreign))
    return Searches(near, hit, labels[own], far, labels[foreign], len(first))


def flat(images: Any) -> Matrix:
    """`(N, H, W, C)` → `(N, H·W·C)`, each less its own mean and of length 1."""
    made = images.reshape(len(images), -1).astype(np.float32)
    made -= made.mean(1, keepdims=True)
    return np.asarray(made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9), np.float32)


def triple(value: Interval) -> list[float | None]:
    return [value.low, value.point, value.high]


def show(rows: list[dict[str, Any]]) -> None:
    """Point and 95 % interval of each figure."""
    table, names = Table(), ["rank_1"]
    for fpir in FPIRS:
        names += [f"dir_at_fpir_{fpir:g}", f"fpir_measured_at_{fpir:g}"]
    for column in ["seed", "method", "gallery", "strangers", *names]:
        table.add_column(column)
    for row in rows:
        counts, cells = row["counts"], []
        for name in names:
            found = row["metrics"].get(name)
            cells.append("{1:.1%} [{0:.1%}, {2:.1%}]".format(*found) if found else "too few strangers")
        table.add_row(
            str(row["seed"]), row["method"], str(counts["gallery"]),
            f"{counts['strangers']} ({counts['stranger_probes']:,} probes)", *cells,
        )  # fmt: skip
    Console(width=200).print(table)
    for note in sorted({note for row in rows for note in row["notes"]}):
        print(note)


if __name__ == "__main__":
    main()
