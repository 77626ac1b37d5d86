"""Images a second of a whole training step, beside the bare network and two textbook loops with the same backbone.

    python benchmarks/training_speed.py --encoder resnet --size 56 --batch 128 --seconds 60 --json speed.json

The contenders take turns, a few steps each, so that whatever else the machine does meets all of them; a ratio is the
median over rounds of the ratio within a round. One round is left out as warm-up. On a busy machine add
`--threads 1 --clock cpu`: CPU time of the process, which other programs do not lengthen (but by shared caches).

- *bare*: forward and backward pass of the encoder on a constant tensor that already lies in memory; the loss is the sum
  of the embeddings. Same precision, memory layout, batch size and dropout as twinnet. No data, loss or optimiser.
- *twinnet*: `training.loop.fit` as `twinnet train` calls it with its progress bar drawn, on images decoded once: batch,
  augmentation, forward, SupCon, backward, clipping, doctor, AdamW. Validation, the user's choice, is left out.
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
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from training_loops import Setting, Step, bare, pml_example, textbook
from twinnet import encoders
from twinnet.cli.progress import Bars
from twinnet.data.augment import Augment
from twinnet.training import loop
from twinnet.training.config import TrainConfig
from twinnet.training.facts import versions
from twinnet.training.optimiser import InMemoryOrder
from twinnet.training.source import Batch, StoredIdentities

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
TWINNET, BARE, BARE32 = "twinnet", "bare", "bare-float32"
TEXTBOOK, PML = "textbook", "pytorch-metric-learning"


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
        source = Interrupted(task.source(), args.turn, clock, others, ours, ends)
        normalise, machine, augment = task.preprocess.normalise, task.machine, task.augment
        with suppress(TimeIsUp):
            loop.fit(task.network(), source, normalise, task.config, machine, augment=augment, progress=progress)
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
