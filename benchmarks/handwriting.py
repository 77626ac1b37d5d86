"""Reading scripts that nobody trained on, sheets from picture to text, and telling writers apart, on Omniglot.

    python benchmarks/handwriting.py --data images_background.zip --minutes 3
    python benchmarks/handwriting.py --data images_background.zip --minutes 3 --part writers

The held-out alphabets are seen by nothing before the evaluation. Beside the twins stand, on the same images in the same
run: raw pixels, HOG, the features of a classifier with the same network, augmentation and minutes of learning, and, on
the one-shot runs, the modified Hausdorff distance (Dubuisson & Jain 1994), Omniglot's own baseline. HOG needs
scikit-image.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree

import twinnet
from handwriting_tables import bare, cosine, list3, note, plain, show, span, unit
from handwriting_writers import writers
from twinnet.apps import handwriting
from twinnet.apps.handwriting.compose import Paper, compose
from twinnet.apps.handwriting.reading import confidence, mean_distances, rounds
from twinnet.apps.handwriting.train import set_apart
from twinnet.apps.lake_runs import write_runs
from twinnet.core.seeds import stream
from twinnet.core.types import Interval
from twinnet.data import ImageStore, load, open_dataset
from twinnet.data.augment import AUGMENTS
from twinnet.data.runs import TEST, TRAINING
from twinnet.decide import ece
from twinnet.encoders import EncoderSpec
from twinnet.evaluation import lake20, nway, templates
from twinnet.evaluation.nearest import mean_interval
from twinnet.training.classifier import train_classifier
from twinnet.training.facts import versions

HELD_OUT = ["Armenian", "Early_Aramaic", "Korean", "Ojibwe_(Canadian_Aboriginal_Syllabics)", "Tagalog"]
Features = Callable[[ImageStore], np.ndarray]  # images of a store -> (N, D), compared by cosine


def main() -> None:
    """Train, judge, print the tables, write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--part", choices=["characters", "writers"], default="characters")
    parser.add_argument("--hold-out", nargs="+", default=HELD_OUT)
    parser.add_argument("--leave-out", nargs="+", default=[], help="alphabets used for nothing at all")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--sheets", type=int, default=6, help="pairs of sheets of each alphabet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, help="Read the model from here if it is there, else write it.")
    parser.add_argument("--without-classifier", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    data = twinnet.omniglot(args.data)
    if args.leave_out:
        data, _ = twinnet.hold_out(data, args.leave_out)
    rest, held = twinnet.hold_out(data, args.hold_out)
    report = characters(rest, held, args) if args.part == "characters" else writers(rest, held, args)
    if args.json:
        args.json.write_text(
            json.dumps({"arguments": vars(args), **report, "versions": versions()}, default=str, indent=1)
        )


def characters(rest: twinnet.Dataset, held: twinnet.Dataset, args: argparse.Namespace) -> dict[str, Any]:
    config = handwriting.recipe(args.minutes, args.seed)
    if args.model and args.model.exists():
        model = twinnet.load(args.model)
    else:
        model = handwriting.train(rest, config, out=args.model)
    note(f"twins: {model.facts['steps']} steps in {model.facts['training_seconds']} s of {model.facts['seconds']} s")
    methods: dict[str, Features] = {"twins": model.embed}
    if not args.without_classifier:
        methods["classifier's features"] = classifier(rest, model, config)
    methods |= {
        "HOG": hog,
        "raw pixels": lambda store: store.images(np.arange(len(store))).reshape(len(store), -1) / 255,
    }
    store, digits = load(held, model.preprocess), load(twinnet.digits(), model.preprocess)
    rows: dict[str, dict[str, Interval]] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_runs(held, Path(folder) / "runs", seed=args.seed)
        runs = load(open_dataset(Path(folder) / "runs", kind="omniglot-runs"), model.preprocess)
        for name, features in methods.items():
            started = time.monotonic()
            try:
                rows[name] = judge(features, runs, store, digits, args)
            except ImportError as error:
                note(f"{name} is skipped: {error}")
            note(f"{name}: {time.monotonic() - started:.0f} s")
        rows["modified Hausdorff"] = {"lake runs": lake(hausdorff(runs.dataset), runs.dataset)}
    show("Share read right", rows)
    more = probabilities(model, store, args.seed) | sheets(model, held, args) | {"ms a reading": speed(model, store)}
    for name, figure in more.items():
        print(f"{name}: {figure if isinstance(figure, str) else span(figure, name)}")
    return {"accuracy": plain(rows), "more": {k: v if isinstance(v, str) else list3(v) for k, v in more.items()}}


def judge(
    features: Features, runs: ImageStore, store: ImageStore, digits: ImageStore, args: Any
) -> dict[str, Interval]:
    """Every protocol for one kind of features."""
    of_runs, own, of_digits = (unit(features(each)) for each in (runs, store, digits))
    data, known = store.dataset, digits.dataset
    found = {"lake runs": lake(lambda a, b: cosine(of_runs[a], of_runs[b]), runs.dataset)}
    for ways, shots in ((5, 1), (5, 5), (20, 1), (20, 5)):
        drawers = data.sessions if shots == 1 else None  # a drawer drew each character once
        result = nway(
            templates(own, cosine, normalise=True), data.labels(), ways=ways, shots=shots, episodes=args.episodes,
            seed=args.seed, groups=data.groups, sessions=drawers,
        )  # fmt: skip
        found[f"{ways}-way {shots}-shot"] = result.metrics["accuracy"]
    for shots in (1, 5):
        result = nway(
            templates(of_digits, cosine, normalise=True), known.labels(), ways=10, shots=shots, episodes=args.episodes,
            seed=args.seed,
        )  # fmt: skip
        found[f"digits {shots}-shot"] = result.metrics["accuracy"]
    return found


def lake(distance: Callable[[np.ndarray, np.ndarray], np.ndarray], runs: twinnet.Dataset) -> Interval:
    """Accuracy over runs; `distance(test rows, training rows)` gives `(Q, N)`."""
    tables, targets = [], []
    for run in np.unique(runs.groups):
        of_run = runs.groups == run
        test, training = (np.flatnonzero(of_run & (runs.sessions == kind)) for kind in (TEST, TRAINING))
        column = {name: at for at, name in enumerate(runs.labels()[training].tolist())}
        tables.append(distance(test, training))
        targets.append([column[name] for name in runs.labels()[test].tolist()])
    return lake20(tables, targets).metrics["accuracy"]


def classifier(rest: twinnet.Dataset, model: twinnet.Model, config: twinnet.TrainConfig) -> Features:
    """What a plain classifier has before its last layer, after the twins' seconds of learning on the same alphabets."""
    taught, _ = set_apart(rest, config.seed)
    settings = replace(config, minutes=model.facts["training_seconds"] / 60, learning_rate=2e-3)
    spec = EncoderSpec(config.encoder, 1, 64, grid=config.grid)
    trained = train_classifier(load(taught, model.preprocess), spec, settings, augment=AUGMENTS[config.augment])
    network: Any = trained.encoder
    network.eval()

    def features(store: ImageStore) -> np.ndarray:
        parts = []
        for start in range(0, len(store), 256):
            images = store.images(np.arange(start, min(start + 256, len(store))))
            inputs = trained.machine.put(torch.from_numpy(trained.preprocess.normalise(images)))
            with torch.inference_mode(), trained.machine.autocast():
                pooled = torch.nn.functional.adaptive_avg_pool2d(network.trunk(inputs), network.grid)
            parts.append(pooled.flatten(1).float().numpy())
        return np.concatenate(parts)

    return features


def hog(store: ImageStore) -> np.ndarray:
    from skimage.feature import hog as gradients

    images = store.images(np.arange(len(store)))[:, :, :, 0]
    options = {"orientations": 9, "pixels_per_cell": (7, 7), "cells_per_block": (2, 2)}
    return np.stack([gradients(image, **options) for image in images])


def hausdorff(runs: twinnet.Dataset) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """max of the two mean distances from each ink pixel to the other's nearest, each drawing moved to its centre."""
    points = []
    for i in range(len(runs)):
        ink = np.argwhere(runs.read(i)[:, :, 0] < 128).astype(float)
        points.append(ink - ink.mean(0))
    trees = [cKDTree(ink) for ink in points]

    def distance(test: np.ndarray, training: np.ndarray) -> np.ndarray:
        one_way = lambda a, b: trees[b].query(points[a])[0].mean()  # noqa: E731
        return np.array([[max(one_way(a, b), one_way(b, a)) for b in training] for a in test])

    return distance


def probabilities(model: twinnet.Model, store: ImageStore, seed: int) -> dict[str, Interval]:
    """Does the temperature, fitted on alphabets of the training part, hold here; and the limit of unknown?"""
    rule = handwriting.ReadingRule.from_facts(model.facts)
    embedded, data = model.embed(store), store.dataset
    tables = [model.cross(embedded[p], embedded[s]) for group in rounds(data, 20, seed) for s, p in group]
    own = np.concatenate([table.min(1) for table in tables])
    off = [np.where(np.eye(len(t), dtype=bool), np.inf, t).min(1) for t in tables]
    found = {"ECE 1-shot": bare(ece(*confidence(tables, rule.temperature)))}
    found["known called unknown"] = bare((own >= rule.unknown_from).mean())
    found["unknown read as known"] = bare((np.concatenate(off) < rule.unknown_from).mean())
    several, rng = [], stream(seed, "five")
    for group in np.unique(data.groups):
        rows = np.flatnonzero(data.groups == group)
        for _ in range(20):
            drawn = np.stack([rng.choice(rows[data.labels()[rows] == c], 6, replace=False)
                              for c in np.unique(data.labels()[rows])])  # fmt: skip
            of = np.repeat(np.arange(len(drawn)), 5)
            several.append(mean_distances(model, embedded[drawn[:, 5]], embedded[drawn[:, :5].ravel()], of))
    right = np.array([(table.argmin(1) == np.arange(len(table))).mean() for table in several])
    found["ECE 5-shot"] = bare(ece(*confidence(several, rule.temperature)))
    found["5-shot, whole alphabets"] = mean_interval(right, sum(map(len, several)), "rounds")
    ones = np.array([(table.argmin(1) == np.arange(len(table))).mean() for table in tables])
    found["1-shot, whole alphabets"] = mean_interval(ones, len(own), "rounds")
    return found


def sheets(model: twinnet.Model, held: twinnet.Dataset, args: argparse.Namespace) -> dict[str, Interval]:
    """A sheet of examples by one drawer, a sheet to read by another, both photographed: what comes out right?"""
    reader = handwriting.Reader
    boxes, read, perfect = [], [], []
    for group in np.unique(held.groups):
        for k in range(args.sheets):
            rng = stream(args.seed, "sheets", int(group), k)
            one, other = rng.choice(np.unique(held.sessions[held.groups == group]), 2, replace=False)
            rows = [np.flatnonzero((held.groups == group) & (held.sessions == d))[:24] for d in (one, other)]
            order = rng.permutation(len(rows[1]))
            drawings = [[255 - held.read(int(i)) for i in chosen] for chosen in (rows[0], rows[1][order])]
            photos = [compose(each, paper(rng), seed=int(rng.integers(2**31))) for each in drawings]
            found = [handwriting.cut(photo) for photo, _ in photos]
            at = [matched(truth, sheet.boxes) for (_, truth), sheet in zip(photos, found, strict=True)]
            boxes += [((a >= 0).sum(), len(a), len(s.cuts)) for a, s in zip(at, found, strict=True)]
            for cut in (True, False):
                knows = reader(model)
                for c in range(len(rows[0])):
                    if not cut:
                        knows.learn(str(c), 255 - drawings[0][c])
                    elif at[0][c] >= 0:
                        knows.learn(str(c), found[0].cuts[at[0][c]].image)
                right = 0
                for j, c in enumerate(order):
                    if not cut or at[1][j] >= 0:
                        image = found[1].cuts[at[1][j]].image if cut else 255 - drawings[1][j]
                        right += knows.read(image).best.name == str(c)
                (read if cut else perfect).append(right / len(order))
    _, there, got = np.array(boxes).sum(0)
    return {
        "boxes found (recall)": mean_interval(np.array([h / t for h, t, _ in boxes]), int(there), "sheets"),
        "boxes right (precision)": mean_interval(np.array([h / max(g, 1) for h, _, g in boxes]), int(got), "sheets"),
        "sheets: found and read right": mean_interval(np.array(read), len(read) * 20, "sheets"),
        "the same drawings, not cut": mean_interval(np.array(perfect), len(perfect) * 20, "sheets"),
    }


def paper(rng: np.random.Generator) -> Paper:
    angle, noise, shade = rng.uniform(-4, 4), rng.uniform(2, 10), rng.uniform(0.1, 0.6)
    return Paper(angle_deg=angle, noise=noise, shade=shade, ink=rng.uniform(0.1, 0.4), size_px=60)


def matched(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """For each true box the found one that overlaps it by an IoU of 0.7, or −1."""
    if not len(found):
        return np.full(len(truth), -1)
    low, high = np.maximum(truth[:, None, :2], found[None, :, :2]), np.minimum(truth[:, None, 2:], found[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    area, other = ((x[:, 2:] - x[:, :2]).prod(1) for x in (truth, found))
    iou = shared / (area[:, None] + other[None] - shared)
    return np.where(iou.max(1) >= 0.7, iou.argmax(1), -1)


def speed(model: twinnet.Model, store: ImageStore) -> Interval:
    """Milliseconds of `Reader.read` with 50 characters learned: median, with the 5 % and 95 % quantile."""
    reader, data = handwriting.Reader(model), store.dataset
    for i in range(50):
        reader.learn(str(i), data.read(20 * i))
    image, taken = data.read(1), []
    for _ in range(60):
        started = time.perf_counter()
        reader.read(image)
        taken.append(1000 * (time.perf_counter() - started))
    low, middle, high = np.quantile(taken[10:], [0.05, 0.5, 0.95])
    return Interval(low, middle, high, 0.9, "quantiles of 50 calls")


if __name__ == "__main__":
    main()
