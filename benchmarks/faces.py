"""Faces of people that training never saw: twins beside what needs no twins, on the same people in the same minutes.

    python benchmarks/faces.py --data faces/orl --train-identities 20 --seeds 1 2 3 4 5 --minutes 2
    python benchmarks/faces.py --data lfw.zip --folds 5 --seeds 1 --minutes 20 --calibration 0.1 --pairs lfw_pairs.csv
    python benchmarks/faces.py --data faces/orl --train-identities 20 --seeds 1 2 3 4 5 --images 16000 \\
        --start lfw_aligned_112.zip --start-images 320000 --start-centre 0.7
    python benchmarks/faces.py --train A --test B --minutes 30 --pairs pairs.csv

With `--data` and `--train-identities N` each seed deals N people to training and judges the others; with `--folds F`
people are dealt into F equal folds, always alike, and a seed is the number of the fold that is judged. Nobody judged is
seen in training, and no setting is chosen on them: no early stopping, the threshold from people of the training side.

With `--start OTHERS` twins and classifier first learn from other people's crops, of which the middle is taken, and the
rows say so: as they are then, and taught further by the training people at a quarter of the learning rate.

Beside the twins, by the same code: raw pixels, Eigenfaces (PCA of the training people's pixels; Turk & Pentland 1991),
LBP histograms with chi-square (Ahonen, Hadid & Pietikäinen 2006; needs scikit-image), and the features of a classifier
of the training people with the same backbone, augmentation and minutes. All see the same part of the pictures.
EER and TAR are over all pairs of the judged people, and over the listed ones among them with `--pairs`. Rank-1: every
person with two photos is enrolled with one, and another one is looked up among all. DIR@FPIR: protocol `openset`.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.decomposition import PCA
from torch.nn import functional

import twinnet
from twinnet import Dataset, TrainConfig
from twinnet.apps.faces import crop_folder, face_config, yunet
from twinnet.apps.faces.folder import read_note
from twinnet.apps.faces.training import CENTRE
from twinnet.core.types import Interval, Pairs
from twinnet.data import ImageStore, Preprocess, load, split_identities
from twinnet.data.augment import AUGMENTS
from twinnet.data.geometry import middle
from twinnet.encoders import EncoderSpec
from twinnet.evaluation import nway, openset, verification, verification_of_pairs
from twinnet.evaluation.nearest import mean_interval
from twinnet.model import Model
from twinnet.training.classifier import Classifier, train_classifier
from twinnet.training.facts import versions
from twinnet.training.plan import preprocessing, resolve
from twinnet.training.run import split
from twinnet.training.start import GENTLE

Matrix = np.ndarray[Any, np.dtype[np.float32]]
COLUMNS = {
    "eer": "EER", "tar_at_far_1e-2": "TAR@FAR 1 %", "tar_at_far_1e-3": "TAR@FAR 0.1 %", "rank_1": "rank-1",
    "dir_at_fpir_0.1": "DIR@FPIR 10 %", "pairs_eer": "EER of the pairs", "minutes": "core minutes",
}  # fmt: skip


def main() -> None:
    """One row per method, means over seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="one folder per person, or a zip of that")
    parser.add_argument("--train", type=Path, help="instead of --data: the people to learn from")
    parser.add_argument("--test", type=Path, help="the people to judge by")
    parser.add_argument("--train-identities", type=int, default=20)
    parser.add_argument("--folds", type=int, default=0, help="deal people into so many folds; seeds are their numbers")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--pairs", type=Path, help="CSV left,right,label: judge also by those of judged people")
    parser.add_argument("--minutes", type=float, default=2.0, help="of training, each for twins and classifier")
    parser.add_argument("--images", type=int, default=0, help="learn from so many changed pictures, not by time")
    parser.add_argument("--start", type=Path, help="other people to learn from first: a folder per person, or a zip")
    parser.add_argument("--start-images", type=int, default=320_000, help="changed pictures of them to learn from")
    parser.add_argument("--start-centre", type=float, default=1.0, help="share of both sides of them that is looked at")
    parser.add_argument("--detect", type=Path, help="first find and align all faces, as `faces detect`; keep them here")
    parser.add_argument("--calibration", type=float, default=0.0, help="share of training people for the threshold")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the twins' training")
    parser.add_argument("--only", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--model", type=Path, help="save the last twins here")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.detect:
        for name in ("data", "train", "test", "start"):
            if source := getattr(args, name):
                setattr(args, name, detected(source, args.detect))
    rows: dict[str, list[dict[str, Interval]]] = {}
    counts = []
    for seed, train, test in splits(args):
        config = resolve(face_config(train.n_identities, seed=seed, **budget(args, train), **settings(args)), train)
        taught = split(train, config).train
        store = load(test, preprocessing(config))
        for name in args.only:
            started = time.process_time()
            found = METHODS[name](train, taught, store, config, args)
            spent = (time.process_time() - started) / 60
            for row, distances in found.items():
                rows.setdefault(row, []).append(
                    judged(distances, store, args, seed) | {"minutes": Interval(spent, spent, spent)}
                )
                print(seed, row, {k: round(i.point, 4) for k, i in rows[row][-1].items()}, flush=True)
        counts.append({"seed": seed, "taught": taught.n_identities, "taught items": len(taught),
                       "judged": store.dataset.n_identities, "judged items": len(store)})  # fmt: skip
    summary = {name: over(found) for name, found in rows.items()}
    show(summary, counts, args)
    if args.json:
        figures = {row: {k: [i.point, i.low, i.high] for k, i in found.items()} for row, found in summary.items()}
        single = {row: [{k: i.point for k, i in one.items()} for one in found] for row, found in rows.items()}
        report = {"arguments": vars(args), "figures": figures, "each": single, "counts": counts, "versions": versions()}
        args.json.write_text(json.dumps(report, default=str, indent=1))


def detected(source: Path, folder: Path) -> Path:
    """A folder of aligned crops of `source`; made once."""
    out = folder / source.stem
    if read_note(out) is None:
        cropped = crop_folder(source, out, yunet())
        print(f"{source}: {cropped.written} faces, {len(cropped.skipped)} pictures without one", flush=True)
    return out


def splits(args: argparse.Namespace) -> Iterator[tuple[int, Dataset, Dataset]]:
    """Seed, people to learn from, people to judge by."""
    if args.train:
        train, test = twinnet.open_dataset(args.train), twinnet.open_dataset(args.test)
        yield from ((seed, train, test) for seed in args.seeds)
        return
    data = twinnet.open_dataset(args.data)
    for seed in args.seeds:
        if args.folds:
            # One deal whatever the seed. On LFW the settings were chosen on fold 0: judge by the others.
            fold = np.random.default_rng(123).permutation(data.n_identities) % args.folds
            held = fold[data.labels()] == seed % args.folds
            yield seed, data.subset(np.flatnonzero(~held)), data.subset(np.flatnonzero(held))
        else:
            n = args.train_identities
            train, test = split_identities(data, [n, data.n_identities - n], seed)
            yield seed, train, test


def budget(args: argparse.Namespace, train: Dataset) -> dict[str, Any]:
    """Minutes, or as many steps as the pictures make: the same work for both learners on a machine that is shared."""
    config = face_config(train.n_identities, **settings(args))
    batch = min(config.identities_per_batch, train.n_identities) * config.items_per_identity
    return {"steps": args.images // batch} if args.images else {"minutes": args.minutes}


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """What `--set` changes, each value read as a number where it is one."""
    found: dict[str, Any] = {"validation_share": 0.0, "calibration_share": args.calibration}
    if args.detect:
        found["centre"] = CENTRE
    for text in args.set:
        name, _, value = text.partition("=")
        found[name] = json.loads(value) if value[:1] in "0123456789-{[" else value
    return found


def twins(
    train: Dataset, _: Dataset, store: ImageStore, config: TrainConfig, args: argparse.Namespace
) -> dict[str, Matrix]:
    """Ours; and the same with each photo's embedding averaged with that of its mirror image."""
    model = twinnet.train(train, config)
    if args.model:
        model.save(args.model)
    found = by_twins(model, store, "twins")
    if args.start:
        began = started_twins(args)
        found |= by_twins(began, store, "twins of other people")
        gentle = replace(config, learning_rate=GENTLE * config.learning_rate)
        found |= by_twins(twinnet.train(train, gentle, start=began), store, "twins of other people, taught further")
    return found


def by_twins(model: Model, store: ImageStore, name: str) -> dict[str, Matrix]:
    images = store.images(np.arange(len(store)))
    plain, mirrored = embedded(model, images), embedded(model, images[:, :, ::-1])
    both = plain + mirrored
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    return {name: cosine(plain), f"{name}, with the mirror image": cosine(both)}


@cache
def others(path: Path, centre: float) -> Dataset:
    """Other people, each picture cut to its middle, so that the faces fill it as those of the training people do."""
    data = twinnet.open_dataset(path)
    images = [middle(data.read(i), centre) for i in range(len(data))]
    return twinnet.from_arrays(images, [data.identity_names[i] for i in data.labels()])


_STARTED: dict[str, Any] = {}  # one start for all seeds: those who are judged are no part of it


def started_config(args: argparse.Namespace) -> TrainConfig:
    known = {**settings(args), "calibration_share": 0.0}
    if not args.detect:
        known["centre"] = 1.0  # the middle has been cut out already
    data = others(args.start, args.start_centre)
    batch = face_config().identities_per_batch * face_config().items_per_identity
    return resolve(face_config(data.n_identities, steps=args.start_images // batch, seed=0, **known), data)


def started_twins(args: argparse.Namespace) -> Model:
    if "twins" not in _STARTED:
        _STARTED["twins"] = twinnet.train(others(args.start, args.start_centre), started_config(args))
    return _STARTED["twins"]


def started_classifier(args: argparse.Namespace) -> Classifier:
    if "classifier" not in _STARTED:
        config = started_config(args)
        taught = split(others(args.start, args.start_centre), config).train
        _STARTED["classifier"] = taught_classifier(taught, preprocessing(config), config, args.start_images)
    return _STARTED["classifier"]


def classifier(
    _: Dataset,
    taught: Dataset,
    store: ImageStore,
    config: twinnet.TrainConfig,
    args: argparse.Namespace,
) -> dict[str, Matrix]:
    """A classifier of the training people, judged by the cosine between its pooled features."""
    made = taught_classifier(taught, store.preprocess, config, args.images)
    found = {"a classifier's features": by_classifier(made, store)}
    if args.start:
        began = started_classifier(args)
        found["features of a classifier of other people"] = by_classifier(began, store)
        gentle = replace(config, learning_rate=GENTLE * config.learning_rate)
        further = taught_classifier(taught, store.preprocess, gentle, args.images, began)
        found["features of a classifier of other people, taught further"] = by_classifier(further, store)
    return found


def taught_classifier(
    taught: Dataset, preprocess: Preprocess, config: TrainConfig, images: int, start: Classifier | None = None
) -> Classifier:
    spec = EncoderSpec(
        config.encoder, channels=config.channels, dim=config.dim, width=config.width, grid=config.grid, dropout=0.1
    )
    config = replace(config, steps=images // 64) if images else config  # its batches have 64 pictures
    return train_classifier(load(taught, preprocess), spec, config, augment=AUGMENTS[config.augment], start=start)


def by_classifier(made: Classifier, store: ImageStore) -> Matrix:
    parts = []
    made.encoder.eval()
    with torch.inference_mode(), made.machine.autocast():
        for start in range(0, len(store), 256):
            rows = np.arange(start, min(start + 256, len(store)))
            inputs = made.machine.put(torch.from_numpy(made.preprocess.normalise(store.images(rows))))
            pooled = functional.adaptive_avg_pool2d(made.encoder.trunk(inputs), made.encoder.grid)
            parts.append(pooled.flatten(1).float().numpy())
    return cosine(np.concatenate(parts))


def pixels(_: Dataset, __: Dataset, store: ImageStore, *___: Any) -> dict[str, Matrix]:
    """Grey pixels, each picture less its mean and at length 1."""
    return {"raw pixels": cosine(grey(store))}


def eigenfaces(_: Dataset, taught: Dataset, store: ImageStore, *__: Any) -> dict[str, Matrix]:
    """The first components of the training people's pixels, of equal weight (whitened), by cosine."""
    x = grey(load(taught, store.preprocess))
    pca = PCA(min(150, len(x) // 2), whiten=True, svd_solver="randomized", random_state=0).fit(x)
    return {"Eigenfaces": cosine(pca.transform(grey(store)).astype(np.float32))}


def lbp(_: Dataset, __: Dataset, store: ImageStore, *___: Any) -> dict[str, Matrix]:
    """59-bin histograms of uniform patterns (8 points, radius 2) in 7 × 7 cells, chi-square between them."""
    try:
        from skimage.feature import local_binary_pattern
    except ImportError:
        print("scikit-image is not installed: LBP is left out")
        return {}
    # Patterns of radius 2 need pixels: at least 98 on a side, 14 to a cell.
    side = max(98, store.preprocess.height)
    large = load(store.dataset, replace(store.preprocess, height=side, width=side, channels=1, mean=(), std=()))
    cell = np.minimum(np.arange(side) * 7 // side, 6)
    where = (cell[:, None] * 7 + cell[None]).ravel() * 59
    rows = []
    for image in large.images(np.arange(len(large)))[..., 0]:
        codes = local_binary_pattern(image, 8, 2, "nri_uniform").astype(np.int64).ravel()
        rows.append(np.bincount(where + codes, minlength=49 * 59).astype(np.float32))
    h = np.stack(rows) / (side / 7) ** 2
    out = np.empty((len(h), len(h)), np.float32)
    for i, one in enumerate(h):
        out[i] = ((h - one) ** 2 / np.maximum(h + one, 1e-6)).sum(1)
    return {"LBP histograms": out}


METHODS: dict[str, Callable[..., dict[str, Matrix]]] = {
    "twins": twins, "classifier": classifier, "lbp": lbp, "eigenfaces": eigenfaces, "pixels": pixels,
}  # fmt: skip


def judged(distances: Matrix, store: ImageStore, args: argparse.Namespace, seed: int) -> dict[str, Interval]:
    """Every figure, from the distances of all judged photos to each other `(N, N)`."""
    labels = store.dataset.labels()

    def templates(support: Any, probe: Any) -> Any:
        return distances[probe[:, None], support[:, 0]].astype(np.float64)  # (Q, N)

    result = verification(lambda a, b: distances[a, b].astype(np.float64), labels, seed=seed).metrics
    out = {name: i for name, i in result.items() if name == "eer" or name.startswith("tar")}
    able = int((np.unique(labels, return_counts=True)[1] > 1).sum())
    out["rank_1"] = nway(templates, labels, ways=able, episodes=20, seed=seed).metrics["accuracy"]
    opened = openset(templates, labels, fpirs=(0.1,), seed=seed).metrics
    out |= {name: i for name, i in opened.items() if name.startswith("dir_at")}
    if args.pairs and (pairs := listed(args.pairs, store.dataset.keys)) is not None:
        d = distances[pairs.first, pairs.second].astype(np.float64)
        out["pairs_eer"] = verification_of_pairs(d, pairs, labels[pairs.first], labels[pairs.second]).metrics["eer"]
    return out


def listed(path: Path, keys: tuple[str, ...]) -> Pairs | None:
    """Those of the listed pairs whose photos are both judged."""
    place = {"/".join(key.split("/")[-2:]): i for i, key in enumerate(keys)}
    with path.open(newline="") as file:
        rows = [(place.get(r["left"]), place.get(r["right"]), r["label"] == "1") for r in csv.DictReader(file)]
    found = [row for row in rows if row[0] is not None and row[1] is not None]
    if len({same for _, _, same in found}) < 2:
        return None
    first, second, same = (np.array(column) for column in zip(*found, strict=True))
    return Pairs(first, second, same)


def embedded(model: Model, images: Any) -> Matrix:
    return np.concatenate([model.embed_images(images[i : i + 256]) for i in range(0, len(images), 256)])


def cosine(x: Matrix) -> Matrix:
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return np.asarray(1 - unit @ unit.T, np.float32)


def grey(store: ImageStore) -> Matrix:
    x = store.images(np.arange(len(store))).mean(3, dtype=np.float32).reshape(len(store), -1)
    x -= x.mean(1, keepdims=True)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)


def over(found: list[dict[str, Interval]]) -> dict[str, Interval]:
    """Means over splits: from three on with Student's t over them, before with the mean of their own intervals."""
    out = {}
    for name in found[0]:
        points = np.array([one[name].point for one in found if name in one])
        if len(points) >= 3 and name != "minutes":
            out[name] = mean_interval(points, len(points), "splits")
        else:
            low, high = (float(np.mean([getattr(one[name], end) for one in found])) for end in ("low", "high"))
            out[name] = Interval(low, float(points.mean()), high)
    return out


def show(summary: dict[str, dict[str, Interval]], counts: list[dict[str, int]], args: argparse.Namespace) -> None:
    first = counts[0]
    work = f"{args.images:,} pictures" if args.images else f"{args.minutes:g} minutes on one core"
    people = f"{first['taught']} people taught, {first['judged']} others judged"
    table = Table(title=f"{people}, {work}, {len(counts)} split(s)")
    columns = {key: title for key, title in COLUMNS.items() if any(key in row for row in summary.values())}
    for title in ("judged by", *columns.values()):
        table.add_column(title)
    for name, row in summary.items():
        table.add_row(name, *(cell(key, row.get(key)) for key in columns))
    Console(width=150).print(table)


def cell(key: str, i: Interval | None) -> str:
    if i is None:
        return "–"
    if key == "minutes":
        return f"{i.point:.1f}"
    return f"{i.point:.1%} [{i.low:.1%}, {i.high:.1%}]"


if __name__ == "__main__":
    main()
