"""Find a thing again by another picture of it, among things that training never saw.

    python benchmarks/retrieval.py --data emoji.zip --minutes 2 --keep results
    python benchmarks/retrieval.py --data coil20 --minutes 0.5

`--data` is either `<thing>/<designer>.png` in folders or a zip: a query is one designer's drawing, the gallery all
drawings by the others; or `obj<n>__<view>.png`, a view every 5°: the gallery is every view 45° or more away from the
query's. The things are cut into `--folds` parts; each of `--splits` parts is judged in turn and the others teach. With
`--test` everything under `--data` teaches and everything under `--test` is judged.

Beside the twins, for the same minutes: the twins' network as a classifier, given the same described pictures and the
twins' augmentation; a residual network on pixels as a classifier, with strong augmentation; and that network with
pytorch-metric-learning as in its examples (triplets of margin 0.1, multi-similarity miner, 4 pictures of each class in
batches of 32, random crops and mirroring, Adam at 1e-3). A minute is one of a core's own time, whatever else the
machine does, and one thread is used. Hashes, colour histogram and raw pixels need no training. Also what the parts of
the twins do alone, what their description does where nothing is learned, and the first classifier with the twins'
linear map beside it, each of the two counting half. Intervals are of the bootstrap over things, of all judged parts
together. The settings of the twins were chosen on part 0 of each set, which is therefore not judged unless `--splits`
names it.

`--keep` writes what each method found on each part into a folder, and takes up again what is there.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch.nn import functional

import near_duplicates
import twinnet
from twinnet import encoders
from twinnet.apps.retrieve import train as retrieve
from twinnet.core.seeds import stream
from twinnet.data import Dataset, ImageStore, Preprocess, load
from twinnet.data.augment import AUGMENTS
from twinnet.decide import over_identities
from twinnet.encoders import EncoderSpec
from twinnet.encoders.described import Described
from twinnet.losses import CrossEntropy
from twinnet.training import TrainConfig, loop
from twinnet.training.classifier import train_classifier
from twinnet.training.described import mapped
from twinnet.training.facts import versions
from twinnet.training.machine import choose
from twinnet.training.source import ShuffledItems

AWAY = 9  # views of 5°
FIGURES = ("recall_at_1", "recall_at_5", "map_at_r")
Distances = np.ndarray
Found = dict[str, Distances]  # by row of the table


def main() -> None:
    """One row for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--folds", type=int, default=0, help="0: four, or two of fewer than 40 things.")
    parser.add_argument("--splits", type=int, nargs="*", help="Which parts to judge; default: all but the first.")
    parser.add_argument("--only", nargs="*", choices=METHODS, help="Only these methods.")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="A folder for what was found, to be taken up again.")
    args = parser.parse_args()
    torch.set_num_threads(1)
    # Minutes are those of this process: other jobs on the machine must not take them from one method only.
    clock: Any = SimpleNamespace(monotonic=time.process_time)
    loop.time = retrieve.time = clock
    scores: dict[str, list[np.ndarray]] = {}
    things: list[np.ndarray] = []
    for split, (name, taught, judged) in enumerate(parts(args)):
        where, who = rules(judged)
        things.append(who + 10_000 * split)
        for method in args.only or METHODS:
            try:
                found = kept(args, method, name, taught, judged, where, who)
            except ImportError as missing:
                print(f"{method}: left out ({missing})")
                continue
            for row, values in found.items():
                scores.setdefault(row, []).append(values)
                print(f"part {name} {row}: R@1 {values[:, 0].mean():.1%}", flush=True)
    table = Table(
        title=f"{args.data.name}: {len(np.concatenate(things)):,} queries, {args.minutes:g} minutes of training"
    )
    for column in ("method", "Recall@1 [95 %]", "Recall@5", "MAP@R"):
        table.add_column(column)
    report: dict[str, Any] = {}
    who = np.concatenate(things)
    for name, parts_of in scores.items():
        values = np.concatenate(parts_of)
        intervals = over_identities(
            lambda weight, v=values: weight @ v / weight.sum(), who, who, pairs=[len(who)] * len(FIGURES)
        )
        report[name] = {f: [i.low, i.point, i.high] for f, i in zip(FIGURES, intervals, strict=True)}
        report[name]["by_split"] = [float(part[:, 0].mean()) for part in parts_of]
        one, five, ap = intervals
        table.add_row(name, f"{one.point:.1%} [{one.low:.1%}, {one.high:.1%}]", f"{five.point:.1%}", f"{ap.point:.1%}")
    Console(width=110).print(table)
    if args.json:
        args.json.write_text(
            json.dumps({"arguments": vars(args), "figures": report, "versions": versions()}, default=str)
        )


def kept(
    args: argparse.Namespace, method: str, part: str, taught: Dataset, judged: Dataset,
    allowed: np.ndarray, who: np.ndarray,
) -> dict[str, np.ndarray]:  # fmt: skip
    """What each row of a method found `(N, 3)`, from the folder of `--keep` if it is there."""
    short = re.sub(r"\W+", "-", f"{args.data.stem} {method} {part} {args.minutes:g}")
    path = args.keep / f"{short}.npz" if args.keep else None
    if path and path.exists():
        with np.load(path) as file:
            return dict(file)
    began = time.process_time()
    seed = int(part) if part.isdigit() else 0
    distances = METHODS[method](taught, judged, args.minutes, seed)
    found = {row: judge(d, allowed, who[:, None] == who[None]) for row, d in distances.items()}
    print(f"part {part} {method}: {time.process_time() - began:.0f} s", flush=True)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **found)  # type: ignore[arg-type]
    return found


def parts(args: argparse.Namespace) -> list[tuple[str, Dataset, Dataset]]:
    """The name of each part, what teaches and what is judged, sharing no thing."""
    data = opened(args.data)
    if args.test:
        return [(args.test.stem, data, opened(args.test))]
    things = stream(0, "folds").permutation(np.unique(data.labels()))
    folds = args.folds or (4 if len(things) >= 40 else 2)
    if len(things) >= 40:
        wanted = args.splits if args.splits is not None else list(range(1, folds))
        cuts = [things[split::folds] for split in wanted]
    else:  # few things: halves of several shuffles
        wanted = args.splits if args.splits is not None else [2, 3, 4, 5]
        cuts = [stream(s // 2, "halves").permutation(things)[s % 2 :: 2] for s in wanted]
    judged = [np.isin(data.labels(), cut) for cut in cuts]
    return [
        (str(name), data.subset(np.flatnonzero(~part)), data.subset(np.flatnonzero(part)))
        for name, part in zip(wanted, judged, strict=True)
    ]


def opened(path: Path) -> Dataset:
    """Things are identities; designers, or views, are sessions."""
    loose = path.is_dir() and any(re.fullmatch(r"obj\d+__\d+\.png", file.name) for file in path.iterdir())
    data = twinnet.open_dataset(path, kind="loose" if loose else None)
    if loose:
        found = [re.fullmatch(r"obj(\d+)__(\d+)\.png", key) for key in data.keys]
        names, numbers = np.unique([int(m[1]) for m in found if m], return_inverse=True)
        views = np.array([int(m[2]) for m in found if m])
        return replace(data, identities=numbers, identity_names=tuple(f"obj{n}" for n in names), sessions=views)
    makers = [key.rsplit("/", 1)[-1].split(".")[0] for key in data.keys]
    return replace(data, sessions=np.unique(makers, return_inverse=True)[1], groups=None, group_names=())


def rules(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Which may be found by which `(N, N)`, and whose each is `(N,)`."""
    session, who = data.sessions, data.labels()
    assert session is not None
    if data.identity_names[0].startswith("obj"):
        apart = np.abs(session[:, None] - session[None])
        return np.minimum(apart, 72 - apart) >= AWAY, who
    return session[:, None] != session[None], who


def judge(distances: Distances, allowed: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Recall@1, Recall@5 and MAP@R of every query `(N, 3)`; a match stands behind others at the same distance."""
    out = np.empty((len(distances), 3))
    for q, row in enumerate(distances):
        ranked = np.lexsort((same[q], np.where(allowed[q], row, np.inf)))
        hits = same[q][ranked][: int(allowed[q].sum())]
        r = int(hits.sum())
        precision = hits[:r].cumsum() / np.arange(1, r + 1)
        out[q] = hits[0], hits[:5].any(), (precision * hits[:r]).sum() / r
    return out


def twins(taught: Dataset, judged: Dataset, minutes: float, seed: int) -> Found:
    model = retrieve.train_retrieval(taught, minutes=minutes, seed=seed)
    found = model.embed(load(judged, model.preprocess))
    rows = {"twins": model.cross(found, found)}
    if own := model.spec.dim - model.spec.described:
        print(f"the network counts {model.facts['network_share']:.2f} after {model.facts['steps']:,} steps")
        learned, linear = np.split(found, [own], axis=1)
        rows |= {"only the twins' network": cosine(learned), "only the twins' linear map": cosine(linear)}
    return rows


def unlearned(taught: Dataset, judged: Dataset, minutes: float, seed: int) -> Found:
    store = load(judged, described_as(judged))
    look = Described(store.preprocess.channels)
    with torch.inference_mode():
        images = torch.from_numpy(store.preprocess.normalise(store.images(np.arange(len(store)))))
        return {"the twins' description, nothing learned": cosine(look.summary(look(images)).numpy())}


def described_as(data: Dataset) -> Preprocess:
    """The look at pictures of `retrieve train`."""
    config = retrieve.retrieval_config()
    return Preprocess(config.size_px, config.size_px, data.read(0).shape[2], trim=config.trim)


class AsPlanes:
    """Described pictures where a classifier asks for images."""

    def __init__(self, store: ImageStore, planes: np.ndarray) -> None:
        self.dataset, self._planes = store.dataset, planes

    def __len__(self) -> int:
        return len(self._planes)

    def images(self, rows: np.ndarray) -> np.ndarray:
        return self._planes[rows].astype(np.float32)


def same_network(taught: Dataset, judged: Dataset, minutes: float, seed: int) -> Found:
    """The twins' network, its input, its augmentation and its schedule, but one output for each thing it is taught."""
    config = retrieve.retrieval_config(minutes=minutes, seed=seed)
    store = load(taught, described_as(taught))
    model, planes = mapped(store)
    source = ShuffledItems(AsPlanes(store, planes), 64, seed=seed)  # type: ignore[arg-type]
    torch.manual_seed(seed)
    spec = EncoderSpec(config.encoder, dropout=config.dropout, normalise=False)
    net = encoders.embedder(spec, planes.shape[1], source.n_classes)
    centre, spread = (
        of((0, 2, 3))[:, None, None] for of in (planes.astype(np.float32).mean, planes.astype(np.float32).std)
    )
    net.fc.rate = 1.0  # type: ignore[assignment]  (one row for each class is no matrix for Muon)
    learner = torch.nn.ModuleDict({"encoder": net, "loss": CrossEntropy()})
    loop.fit(
        learner, source, lambda found: (found - centre) / spread, config, choose(), augment=AUGMENTS[config.augment]
    )
    net.fc = torch.nn.Identity()  # type: ignore[assignment]
    seen = load(judged, model.preprocess)
    with torch.inference_mode():
        look = model.encoder.get_submodule("description")
        images = torch.from_numpy(model.preprocess.normalise(seen.images(np.arange(len(seen)))))
        alone = cosine(net(torch.from_numpy((look(images).numpy() - centre) / spread)).numpy())
    beside = (alone + cosine(model.embed(seen))) / 2
    return {"the twins' network as a classifier": alone, "the same, with the twins' linear map beside it": beside}


def on_pixels(taught: Dataset, judged: Dataset) -> tuple[ImageStore, ImageStore, EncoderSpec]:
    """For the usual network: 32 pixels a side, which beat 64 in minutes; of many things cut to what is on them."""
    few = taught.n_identities < retrieve.FEW
    channels = taught.read(0).shape[2]
    preprocess = Preprocess(32, 32, channels, trim=not few)
    spec = EncoderSpec("resnet", channels, 128, 12 if few else 24, dropout=0.1)
    return load(taught, preprocess), load(judged, preprocess), spec


def classifier(taught: Dataset, judged: Dataset, minutes: float, seed: int) -> Found:
    store, asked, spec = on_pixels(taught, judged)
    rate = 1e-3 if taught.n_identities < retrieve.FEW else 3e-3
    config = TrainConfig(minutes=minutes, learning_rate=rate, dim=128, seed=seed, loss="cross_entropy")
    learned = train_classifier(store, spec, config, augment=AUGMENTS["retrieval"])
    learned.encoder.fc = torch.nn.Identity()
    learned.encoder.normalise = True
    return {"a classifier on pixels": embedded(learned.encoder, learned.preprocess, asked)}


def metric_learning(taught: Dataset, judged: Dataset, minutes: float, seed: int) -> Found:
    from pytorch_metric_learning import losses, miners, samplers

    store, asked, spec = on_pixels(taught, judged)
    torch.manual_seed(seed)
    net = encoders.build(spec).to(memory_format=torch.channels_last)
    preprocess = store.preprocess.measured(store.images(np.arange(min(len(store), 2000))))
    labels = taught.labels()
    size = min(32, 4 * len(np.unique(labels)))
    sampler = samplers.MPerClassSampler(labels, m=4, batch_size=size, length_before_new_iter=len(labels))
    loss, miner = losses.TripletMarginLoss(margin=0.1), miners.MultiSimilarityMiner(epsilon=0.1)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
    generator, began = torch.Generator().manual_seed(seed), time.process_time()
    while time.process_time() - began < 60 * minutes:
        order = np.fromiter(iter(sampler), np.int64)
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            images = cropped(torch.from_numpy(preprocess.normalise(store.images(rows))), generator)
            with torch.autocast("cpu", torch.bfloat16):
                found = net(images.contiguous(memory_format=torch.channels_last))
            known = torch.from_numpy(labels[rows])
            value = loss(found, known, miner(found, known))
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            if time.process_time() - began > 60 * minutes:
                break
    return {"pytorch-metric-learning": embedded(net, preprocess, asked)}


def cropped(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """torchvision's RandomResizedCrop(scale=(0.16, 1)) and RandomHorizontalFlip, on a batch."""
    n = len(images)
    share = torch.sqrt(0.16 + 0.84 * torch.rand(n, generator=generator))
    long = torch.exp((torch.rand(n, generator=generator) * 2 - 1) * np.log(4 / 3) / 2)
    width, height = (share * long).clamp(max=1), (share / long).clamp(max=1)
    x, y = ((torch.rand(n, generator=generator) * 2 - 1) * (1 - side) for side in (width, height))
    flip = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    zero = torch.zeros(n)
    window = torch.stack([torch.stack([width * flip, zero, x], 1), torch.stack([zero, height, y], 1)], 1)
    return functional.grid_sample(
        images, functional.affine_grid(window, list(images.shape), False), align_corners=False
    )


def embedded(net: torch.nn.Module, preprocess: Preprocess, store: ImageStore) -> Distances:
    net.eval()
    with torch.inference_mode():
        rows = np.array_split(np.arange(len(store)), max(1, len(store) // 256))
        found = torch.cat([net(torch.from_numpy(preprocess.normalise(store.images(r)))) for r in rows])
        return (1 - found @ found.T).numpy()


def cosine(vectors: np.ndarray) -> Distances:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    return np.asarray(1 - unit @ unit.T)


def pixels(taught: Dataset, judged: Dataset, minutes: float, seed: int) -> Found:
    flat = load(judged, Preprocess(16, 16, judged.read(0).shape[2])).images(np.arange(len(judged)))
    x = torch.from_numpy(flat.reshape(len(flat), -1).astype(np.float32))
    return {"raw pixels, 16 × 16": torch.cdist(x, x).numpy()}


def histogram(taught: Dataset, judged: Dataset, minutes: float, seed: int) -> Found:
    rows = []
    for i in range(len(judged)):
        image = judged.read(i).astype(np.int64)
        code = image[..., 0] >> 3 if image.shape[2] == 1 else (image >> 6) @ np.array([16, 4, 1])
        rows.append(np.bincount(code.ravel(), minlength=64) / code.size)
    x = torch.from_numpy(np.array(rows, np.float32))
    return {"colour histogram": torch.cdist(x, x, p=1).numpy()}


def hashes(taught: Dataset, judged: Dataset, minutes: float, seed: int) -> Found:
    """Bits that differ, of the same hashes as in `near_duplicates.py`."""
    bits = near_duplicates.hashes([judged.read(i) for i in range(len(judged))])
    return {name: (of[:, None] != of[None]).sum(-1).astype(float) for name, of in bits.items() if name[0] != "w"}


METHODS: dict[str, Callable[..., Found]] = {
    "twins": twins,
    "unlearned": unlearned,
    "same network": same_network,
    "classifier": classifier,
    "pytorch-metric-learning": metric_learning,
    "pixels": pixels,
    "histogram": histogram,
    "hashes": hashes,
}

if __name__ == "__main__":
    main()
