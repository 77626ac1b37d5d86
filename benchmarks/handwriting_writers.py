"""The part of the handwriting benchmark about writers: `python benchmarks/handwriting.py --part writers …`."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import twinnet
from handwriting_tables import bare, cosine, note, plain, show, unit
from twinnet.apps import handwriting
from twinnet.apps.handwriting.writers import recipe
from twinnet.core.types import Interval, Pairs
from twinnet.data import ImageStore, load
from twinnet.decide import auc, error_rates
from twinnet.evaluation import verification_of_pairs


def writers(rest: twinnet.Dataset, held: twinnet.Dataset, args: argparse.Namespace) -> dict[str, Any]:
    config = recipe(args.minutes, args.seed)
    if args.model and args.model.exists():
        model = twinnet.load(args.model)
    else:
        model = handwriting.train_writers(rest, config, out=args.model)
    note(f"writers: {model.facts['steps']} steps")
    store = load(handwriting.by_writer(held), model.preprocess)
    data, rules = store.dataset, model.facts["writers"]
    methods = {"twins": model.embed(store), "raw pixels": pixels(store), "size, place, ink": habits(store)}
    rows: dict[str, dict[str, Interval]] = {}
    for name, embedded in methods.items():
        judged: Any = model if name == "twins" else PlainModel()
        for size in handwriting.SIZES:
            found = handwriting.compare_samples(judged, embedded, data, size, seed=args.seed)
            numbers = np.arange(len(found.same))
            result = verification_of_pairs(
                found.distance, Pairs(numbers, numbers, found.same), found.first, found.second, replicates=200
            )  # fmt: skip
            rows.setdefault(name, {})[f"EER, {size} a side"] = result.metrics["eer"]
            if name == "twins" and str(size) in rules:
                same = found.distance < rules[str(size)]["threshold"]
                rows.setdefault("twins' FRR", {})[f"EER, {size} a side"] = bare((~same[found.same]).mean())
                rows.setdefault("twins' FAR", {})[f"EER, {size} a side"] = bare(same[~found.same].mean())
    show("Same writer? Writers and alphabets held out", rows)
    linked = across_alphabets(model, methods["twins"], data)
    print(f"same drawer number in two alphabets, AUC over drawers' means: {linked:.3f} (0.5: no link)")
    return {"eer": plain(rows), "same_number_auc": linked}


class PlainModel:
    """Cosine distances of given features, where only distances are asked of a model."""

    def cross(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return cosine(unit(a), unit(b))


def pixels(store: ImageStore) -> np.ndarray:
    images = store.images(np.arange(len(store))).reshape(len(store), -1) / 255
    return images - images.mean(0)


def habits(store: ImageStore) -> np.ndarray:
    """Where the ink is, how large, how much and how slanted: seven numbers, each scaled by its spread."""
    rows = []
    for image in store.images(np.arange(len(store)))[:, :, :, 0] / 255.0:
        y, x = np.nonzero(image > 0.3) if (image > 0.3).any() else (np.zeros(1), np.zeros(1))
        slant = np.cov(y, x)[0, 1] / max(np.var(y), 1e-6) if len(y) > 2 else 0.0
        rows.append([y.mean(), x.mean(), np.ptp(y), np.ptp(x), image.sum(), slant, np.hypot(np.ptp(y), np.ptp(x))])
    values = np.array(rows)
    return (values - values.mean(0)) / values.std(0)


def across_alphabets(model: twinnet.Model, embedded: np.ndarray, data: twinnet.Dataset) -> float:
    """Is drawer k of one alphabet nearer to drawer k of another than to the others there? AUC; 0.5 means no."""
    number = np.array([int(name[-2:]) for name in data.identity_names])
    present = np.unique(data.labels())
    means = unit(np.stack([embedded[data.labels() == w].mean(0) for w in present])).astype(np.float32)
    group = np.array([data.groups[np.flatnonzero(data.labels() == w)[0]] for w in present])
    table = model.cross(means, means)
    # An alphabet's own place in the space is taken out: only which drawer of it is nearer counts.
    for a in np.unique(group):
        for b in np.unique(group):
            block = np.ix_(group == a, group == b)
            table[block] -= table[block].mean(0, keepdims=True) + table[block].mean(1, keepdims=True)
    apart = group[:, None] < group[None]
    return float(auc(error_rates(table[apart], (number[present][:, None] == number[present][None])[apart])))
