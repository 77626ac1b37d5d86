"""Images a second of a whole training step, beside the bare network and two textbook loops with the same backbone.

    python benchmarks/training_speed.py --encoder resnet --size 56 --batch 128 --seconds 60 --json speed.json

The contenders take turns, a few steps each, so that whatever else the machine does meets all of them; a ratio is the
median over rounds of the ratio within a round. One round is left out as warm-up. On a busy machine add
`--threads 1 --clock cpu`: CPU time of the process, which other programs do not lengthen (but by shared caches).

- *bare*: forward and backward pass of the encoder on a constant tensor that already lies in memory; the loss is the sum
  of the embeddings. Same precision, memory layout, batch size and dropout as twinnet. No data, loss or optimiser.
- *twinnet*: `training.loop.fit` as `twinnet train` calls it with its progress bar drawn, on images decoded once: batch,
  augmentation, forward, SupCon, backward, clipping, doctor, AdamW. Validation is left out, which is a choice of the user.
- *bare-float32*: as *bare*, in float32 and PyTorch's default layout, which is what the two loops below run on.
- *textbook*: pairs of images, one forward pass for each side, Hadsell's contrastive loss on distances, Adam, a
  DataLoader. A step has B/2 pairs, so B images, and both images of a pair are counted.
- *pytorch-metric-learning*: the loop of its example notebooks: one forward pass, TripletMarginMiner (semi-hard),
  TripletMarginLoss on the cosine similarity, Adam, a DataLoader; batches by its MPerClassSampler as twinnet's are.

To the textbook loops' advantage: they augment by one PIL affine warp with the same ranges (not a chain of them as in
tutorials) and leave out the elastic bending; their PIL images are decoded and resized beforehand; they do not check
for NaN, do not clip and have no decay. Their DataLoader has `--workers` processes (default 0: two cores have none to
spare); with some, what these prepare while the others have their turn is a gift to them.
The data are invented characters, or `--data`: anything that `twinnet train` reads and that has identities.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from pytorch_metric_learning import distances, losses, miners, samplers
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

import twinnet
from twinnet import encoders
from twinnet.cli.progress import Bars
from twinnet.data.augment import AUGMENTS, Augment
from twinnet.data.invented import InventedCharacters
from twinnet.data.load import ImageStore, load
from twinnet.data.preprocess import Preprocess
from twinnet.encoders import EncoderSpec
from twinnet.pairs import PKSampler
from twinnet.training import loop
from twinnet.training.config import TrainConfig
from twinnet.training.facts import versions
from twinnet.training.machine import choose
from twinnet.training.optimiser import InMemoryOrder
from twinnet.training.run import build_network
from twinnet.training.source import Batch, StoredIdentities

K = 4  # items of an identity in a batch
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
TWINNET, BARE, BARE32 = "twinnet", "bare", "bare-float32"
TEXTBOOK, PML = "textbook", "pytorch-metric-learning"
Step = Callable[[], object]


def main() -> None:
    """Let all take turns, print both tables, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="resnet", choices=sorted(encoders.ENCODERS))
    parser.add_argument("--size", type=int, default=56, help="side of the images in pixels")
    parser.add_argument("--batch", type=int, default=128, help="images in a step")
    parser.add_argument("--data", help="images by identity; default: 200 invented characters of 20 drawings")
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--seconds", type=float, default=60.0, help="for all contenders together")
    parser.add_argument("--against", nargs="*", default=[BARE32, TEXTBOOK, PML], help="beside the bare encoder")
    parser.add_argument("--turn", type=int, default=3, help="steps in a turn")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--workers", type=int, default=0, help="of the two DataLoaders")
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.clock == "cpu" and (args.threads > 1 or args.workers):
        parser.error("--clock cpu counts one process: it needs --threads 1 and no workers")
    torch.set_num_threads(args.threads)
    task = Setting(args)
    turns = take_turns(task, args)
    parts = where_the_time_goes(task, args.clock)
    rows = [row(name, turns, args) for name in (BARE, TWINNET, BARE32, TEXTBOOK, PML) if name in turns]
    show(rows, parts, args)
    if args.json:
        report = {"arguments": vars(args), "rows": rows, "parts_ms": parts, "turns": turns, "versions": versions()}
        args.json.write_text(json.dumps(report, default=str, indent=1))


class Setting:
    """The data, the settings and fresh networks that all contenders share."""

    def __init__(self, args: argparse.Namespace) -> None:
        data = twinnet.open_dataset(args.data) if args.data else _invented()
        channels = 3 if args.data and data.read(0).shape[2] == 3 else 1
        self.augment = AUGMENTS["photo" if channels == 3 else "drawing"]
        self.store = load(data, Preprocess(args.size, args.size, channels))
        self.labels = self.store.dataset.labels()
        self.batch, self.workers = args.batch, args.workers
        self.preprocess = self.store.preprocess.measured(self.store.images(np.arange(min(len(data), 1000))))
        self.machine = choose("cpu", args.precision)
        self.config = TrainConfig(encoder=args.encoder, channels=channels, size_px=args.size, steps=10**9)
        self.spec = EncoderSpec(args.encoder, channels, self.config.dim, dropout=self.config.dropout, normalise=True)

    def network(self) -> nn.ModuleDict:
        return build_network(self.spec, self.config)

    def source(self) -> StoredIdentities:
        return StoredIdentities(self.store, PKSampler(self.labels, self.batch // K, K, seed=0), turns=True)


def _invented() -> twinnet.Dataset:
    labels = np.repeat(np.arange(200), 20)
    return twinnet.from_arrays(list(InventedCharacters().draw(labels, np.random.default_rng(0))), labels.tolist())


def take_turns(task: Setting, args: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of a step by contender, one number for each round. twinnet's loop runs on; the others run in between."""
    clock = CLOCKS[args.clock]
    make = {
        BARE32: lambda: bare(task, plain=True),
        TEXTBOOK: lambda: textbook(task),
        PML: lambda: pml_example(task),
        BARE: lambda: bare(task),  # just before twinnet, with which it is compared most closely
    }
    steps = {name: make[name]() for name in make if name in (BARE, *args.against)}
    seconds: dict[str, list[float]] = {name: [] for name in (*steps, TWINNET)}
    ends = time.monotonic() + args.seconds

    def others() -> None:
        for name, step in steps.items():
            started = clock()
            for _ in range(args.turn):
                step()
            seconds[name].append((clock() - started) / args.turn)

    def ours(spent: float) -> None:
        seconds[TWINNET].append(spent / args.turn)

    with drawn_to_nowhere() as progress:
        try:
            loop.fit(
                task.network(), Interrupted(task.source(), args.turn, clock, others, ours, ends),
                task.preprocess.normalise, task.config, task.machine, augment=task.augment, progress=progress,
            )  # fmt: skip
        except TimeIsUp:
            pass
    rounds = len(seconds[TWINNET])
    return {name: taken[1:rounds] for name, taken in seconds.items()}


class TimeIsUp(Exception):
    """Ends the loop."""


class Interrupted:
    """A source that, every `turn` steps, lets the others run before it gives the next batch."""

    n_classes = 0

    def __init__(
        self, source: StoredIdentities, turn: int, clock: Callable[[], float], others: Step,
        ours: Callable[[float], None], ends: float,
    ) -> None:  # fmt: skip
        self._source, self._turn, self._clock, self._others, self._ours, self._ends = (
            source, turn, clock, others, ours, ends,
        )  # fmt: skip
        self.steps_per_epoch = source.steps_per_epoch
        self._started = 0.0

    def batch(self, step: int) -> Batch:
        """The batch of this step, after the others' turn if it is due."""
        if step % self._turn == 0:
            if step:
                self._ours(self._clock() - self._started)
            if time.monotonic() > self._ends:
                raise TimeIsUp
            self._others()
            self._started = self._clock()
        return self._source.batch(step)


@contextmanager
def drawn_to_nowhere() -> Iterator[Bars]:
    """The command line's progress bar, drawn as on a terminal, into memory."""
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120)
    with patch("twinnet.cli.progress.Console", lambda stderr: terminal):
        yield Bars()


def bare(task: Setting, *, plain: bool = False) -> Step:
    """One forward and backward pass; `plain` is float32 in PyTorch's default memory layout."""
    encoder, shape = task.network()["encoder"], (task.batch, task.spec.channels, *task.preprocess.shape[:2])
    machine = choose("cpu", "float32") if plain else task.machine
    images = torch.randn(shape)
    if not plain:
        encoder.to(memory_format=torch.channels_last)
        images = machine.put(images)

    def step() -> None:
        with machine.autocast():
            embeddings = encoder(images)
        encoder.zero_grad(set_to_none=True)
        embeddings.sum().backward()

    return step


class Pictures(Dataset[tuple[Tensor, int]]):
    """PIL images and their labels; each is warped by PIL anew whenever it is asked for."""

    def __init__(self, store: ImageStore, preprocess: Preprocess, augment: Augment) -> None:
        images = store.images(np.arange(len(store)))
        self._images = [Image.fromarray(image if image.shape[2] == 3 else image[:, :, 0]) for image in images]
        self.labels = store.dataset.labels()
        self._augment, self._rng = augment, np.random.default_rng(0)
        self._mean, self._std = (torch.tensor(v)[:, None, None] for v in (preprocess.mean, preprocess.std))

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        array = np.asarray(self._warped(self._images[i]))
        pixels = torch.from_numpy(array.reshape(*array.shape[:2], -1).transpose(2, 0, 1).copy()).float() / 255
        return (pixels - self._mean) / self._std, int(self.labels[i])

    def _warped(self, image: Image.Image) -> Image.Image:
        a, rng = self._augment, self._rng
        angle, scale, shear = np.radians(rng.uniform(-1, 1) * a.rotation_deg), np.exp(rng.uniform(-1, 1) * a.scale), 0.0
        shear = rng.uniform(-1, 1) * a.shear
        cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
        x, y = image.width / 2, image.height / 2
        dx, dy = rng.uniform(-1, 1, 2) * a.shift * image.width
        row_x, row_y = (cos, shear * cos - sin), (sin, shear * sin + cos)
        data = (*row_x, x - row_x[0] * x - row_x[1] * y + dx, *row_y, y - row_y[0] * x - row_y[1] * y + dy)
        return image.transform(image.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)


class PicturePairs(Dataset[tuple[Tensor, Tensor, float]]):
    """Two pictures and whether they show the same identity, evenly."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures, self._rng = pictures, np.random.default_rng(0)
        self._members = [np.flatnonzero(pictures.labels == label) for label in np.unique(pictures.labels)]
        self._number = np.unique(pictures.labels, return_inverse=True)[1]

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, float]:
        own, same = self._number[i], self._rng.random() < 0.5
        other = own if same else (own + self._rng.integers(1, len(self._members))) % len(self._members)
        j = int(self._rng.choice(self._members[other]))
        return self._pictures[i][0], self._pictures[j][0], float(same)


def _endless(loader: DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def textbook(task: Setting) -> Step:
    """Two forward passes for each pair, contrastive loss (Hadsell et al. 2006), float32, Adam."""
    encoder = task.network()["encoder"]
    optimiser = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    pairs = PicturePairs(Pictures(task.store, task.preprocess, task.augment))
    batches = _endless(DataLoader(pairs, task.batch // 2, shuffle=True, num_workers=task.workers, drop_last=True))

    def step() -> float:
        first, second, same = next(batches)
        optimiser.zero_grad()
        distance = functional.pairwise_distance(encoder(first), encoder(second))
        apart = functional.relu(1.0 - distance)
        loss = (same * distance**2 + (1 - same) * apart**2).mean()
        loss.backward()
        optimiser.step()
        return float(loss.item())

    return step


def pml_example(task: Setting) -> Step:
    """One forward pass, mined triplets, float32, Adam: what pytorch-metric-learning's examples show."""
    encoder = task.network()["encoder"]
    optimiser = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    distance = distances.CosineSimilarity()
    mine = miners.TripletMarginMiner(margin=0.2, distance=distance, type_of_triplets="semihard")
    measure = losses.TripletMarginLoss(margin=0.2, distance=distance)
    pictures = Pictures(task.store, task.preprocess, task.augment)
    sampler = samplers.MPerClassSampler(pictures.labels, K, task.batch, length_before_new_iter=len(pictures))
    batches = _endless(DataLoader(pictures, task.batch, sampler=sampler, num_workers=task.workers, drop_last=True))

    def step() -> None:
        images, labels = next(batches)
        optimiser.zero_grad()
        embeddings = encoder(images)
        loss = measure(embeddings, labels, mine(embeddings, labels))
        loss.backward()
        optimiser.step()

    return step


def where_the_time_goes(task: Setting, clock_name: str, steps: int = 30) -> dict[str, float]:
    """Milliseconds of twinnet's step by part, medians over `steps`, from a run of its own with timers around."""
    clock, spent, begins = CLOCKS[clock_name], dict[str, list[float]](), list[float]()

    def timed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*given: Any, **named: Any) -> Any:
            started = clock()
            if name == "batch":
                begins.append(started)
            result = call(*given, **named)
            spent.setdefault(name, []).append(clock() - started)
            return result

        return wrapper

    network, source = task.network(), task.source()
    source.batch = timed("batch", source.batch)  # type: ignore[method-assign]
    for name, key in (("forward", "encoder"), ("loss", "loss")):
        network[key].forward = timed(name, network[key].forward)  # type: ignore[method-assign]
    around = [
        (Augment, "__call__", "augment"), (Tensor, "backward", "backward"), (InMemoryOrder, "clip", "clip"),
        (loop.Health, "check", "doctor"), (InMemoryOrder, "step", "optimiser"), (loop, "step", "step"),
    ]  # fmt: skip
    with ExitStack() as stack:
        for owner, attribute, name in around:
            stack.enter_context(patch.object(owner, attribute, timed(name, getattr(owner, attribute))))
        progress = stack.enter_context(drawn_to_nowhere())
        normalise = timed("normalise", task.preprocess.normalise)
        config = TrainConfig.from_dict({**task.config.to_dict(), "steps": steps + 5})
        loop.fit(network, source, normalise, config, task.machine, augment=task.augment, progress=progress)
    each = {name: np.array(values[5:-1]) for name, values in spent.items()}
    whole = np.diff(begins)[5:]
    order = ["batch", "normalise", "augment", "forward", "loss", "backward", "clip", "doctor", "optimiser"]
    each["rest of the step"] = each["step"] - sum(each[name] for name in order[1:])
    each["schedule, bar"] = whole - each["step"] - each["batch"]
    return {name: 1000 * float(np.median(each[name])) for name in (*order, "rest of the step", "schedule, bar")}


def row(name: str, turns: dict[str, list[float]], args: argparse.Namespace) -> dict[str, Any]:
    """Images a second with the middle half of the rounds, and how many times the bare and this one's speed we reach."""
    mine = turns[name]
    low, middle, high = statistics.quantiles([args.batch / t for t in mine], n=4)
    of_bare = [b / t for b, t in zip(turns[BARE], mine, strict=True)]
    ours = [t / o for o, t in zip(turns[TWINNET], mine, strict=True)]
    return {
        "name": name,
        "images_per_s": middle,
        "middle_half": [low, high],
        "best_images_per_s": args.batch / min(mine),
        "share_of_bare": statistics.quantiles(of_bare, n=4),
        "share_of_bare_by_fastest": min(turns[BARE]) / min(mine),
        "twinnet_is_faster": statistics.quantiles(ours, n=4),
        "rounds": len(mine),
    }


def show(rows: list[dict[str, Any]], parts: dict[str, float], args: argparse.Namespace) -> None:
    console = Console(width=130)
    title = f"{args.encoder}, {args.size} px, batch {args.batch}, {args.threads} threads, {args.clock} time"
    table = Table("loop", "images/s [middle half]", "share of bare", "by the fastest", "twinnet is", title=title)
    for r in rows:
        low, share, high = r["share_of_bare"]
        slow, faster, fast = r["twinnet_is_faster"]
        table.add_row(
            r["name"],
            "{:,.0f} [{:,.0f}, {:,.0f}]".format(r["images_per_s"], *r["middle_half"]),
            f"{share:.3f} [{low:.3f}, {high:.3f}]",
            f"{r['share_of_bare_by_fastest']:.3f}",
            f"{faster:.2f}× [{slow:.2f}, {fast:.2f}]",
        )
    console.print(table)
    console.print(f"{rows[0]['rounds']} rounds of {args.turn} steps")
    whole = sum(parts.values())
    where = Table("part of twinnet's step", "ms", "share")
    for name, ms in parts.items():
        where.add_row(name, f"{ms:.2f}", f"{ms / whole:.1%}")
    console.print(where)


if __name__ == "__main__":
    main()
