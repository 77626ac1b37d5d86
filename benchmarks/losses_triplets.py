"""All triplets of a batch, exactly: time, memory and equality beside pytorch-metric-learning's TripletMarginLoss.

    python benchmarks/losses_triplets.py --sizes 128 256 512 1024 2048 4096 8192

Each measurement runs in a process of its own; its memory is how far the peak rose above the libraries and the batch.
The time is the least of several forward and backward passes, distances included. Theirs is left out (-) where its list
of triplets would need more than --max-memory. In float32 a triplet whose hinge is at zero may count or not, by the
rounding of its distances: the gradients differ by some such triplets of the millions (1e-5); in float64 they agree to
1e-13 (tests/losses/test_every_loss.py).
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from twinnet import compare
from twinnet.losses import Triplet

MARGIN = 0.2
_BYTES_PER_TRIPLET = 80  # three int64 indices twice, and the float temporaries of the hinge with their gradients


def main() -> None:
    """Measure every size, print the table, write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=[128, 256, 512, 1024, 2048, 4096, 8192])
    parser.add_argument("--items-per-identity", type=int, default=8)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--comparison", choices=["euclidean", "cosine"], default="euclidean")
    parser.add_argument("--max-memory", type=float, default=8.0, help="GiB that theirs may need")
    parser.add_argument("--seconds", type=float, default=2.0, help="to repeat each measurement for, at least twice")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args, args.child[0], int(args.child[1]), Path(args.child[2]))
        return
    rows = [measure(args, n) for n in args.sizes]
    sizes, seconds = [r["n"] for r in rows], [r["ours"]["seconds"] for r in rows]
    exponents = {str(least): growth(sizes, seconds, least) for least in (256, 512)}
    show(rows, exponents)
    if args.json:
        versions = {"torch": torch.__version__, "python": sys.version.split()[0]}
        report = {"arguments": vars(args), "rows": rows, "growth_exponents": exponents, "versions": versions}
        args.json.write_text(json.dumps(report, default=str, indent=1))


def measure(args: argparse.Namespace, n: int) -> dict[str, Any]:
    """One row: ours, theirs if it fits, and how far they are apart."""
    k = args.items_per_identity
    need = n * (k - 1) * (n - k) * _BYTES_PER_TRIPLET + n**3
    with tempfile.TemporaryDirectory() as folder:
        found = {"ours": run(args, "ours", n, Path(folder) / "ours")}
        if need <= args.max_memory * 2**30:
            found["theirs"] = run(args, "theirs", n, Path(folder) / "theirs")
        row: dict[str, Any] = {"n": n, **found}
        if "theirs" in found:
            ours, theirs = (torch.load(Path(folder) / who) for who in ("ours", "theirs"))
            row["value_difference"] = abs(ours["value"] - theirs["value"]) / theirs["value"]
            row["gradient_difference"] = float((ours["gradient"] - theirs["gradient"]).norm() / ours["gradient"].norm())
            row["times_faster"] = found["theirs"]["seconds"] / found["ours"]["seconds"]
    return row


def run(args: argparse.Namespace, who: str, n: int, result: Path) -> dict[str, float]:
    settings = ["--items-per-identity", "--dim", "--comparison", "--seconds", "--threads"]
    given = [word for s in settings for word in (s, str(getattr(args, s[2:].replace("-", "_"))))]
    command = [sys.executable, __file__, *given, "--child", who, str(n), str(result)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measured: dict[str, float] = json.loads(output)
    return measured


def child(args: argparse.Namespace, who: str, n: int, result: Path) -> None:
    """Measure one of the two at one size, print it, and leave value and gradient in a file."""
    torch.set_num_threads(args.threads)
    loss = ours(args.comparison) if who == "ours" else theirs(args.comparison)
    small, few = batch(args, 4 * args.items_per_identity)
    loss(small, few).backward()  # whatever is loaded at the first call
    embeddings, labels = batch(args, n)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times: list[float] = []
    while len(times) < 2 or (sum(times) < args.seconds and len(times) < 200):
        embeddings.grad = None
        started = time.perf_counter()
        value = loss(embeddings, labels)
        value.backward()
        times.append(time.perf_counter() - started)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    torch.save({"value": float(value), "gradient": embeddings.grad}, result)
    print(json.dumps({"seconds": min(times), "bytes": peak, "repeats": len(times)}))


def ours(comparison: str) -> Any:
    loss: nn.Module = Triplet(compare.build(comparison, 0), MARGIN)
    return lambda e, y: loss(e, y).value


def theirs(comparison: str) -> Any:
    from pytorch_metric_learning import distances, losses

    # Our cosine distance is 1 minus their similarity, so that differences, and with them the loss, are the same.
    euclidean = comparison == "euclidean"
    distance = distances.LpDistance(normalize_embeddings=False) if euclidean else distances.CosineSimilarity()
    return losses.TripletMarginLoss(margin=MARGIN, distance=distance)


def batch(args: argparse.Namespace, n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n)
    embeddings = nn.functional.normalize(torch.randn(n, args.dim, generator=generator), dim=1)
    return embeddings.requires_grad_(), torch.arange(n) // args.items_per_identity


def growth(sizes: list[int], seconds: list[float], least: int) -> float:
    """The exponent of time ~ nᵉ by least squares in logarithms, from n = `least` on; below, calls cost more."""
    points = [(math.log(n), math.log(s)) for n, s in zip(sizes, seconds, strict=True) if n >= least]
    if len(points) < 2:
        return math.nan
    x, y = (sum(column) / len(points) for column in zip(*points, strict=True))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


def show(rows: list[dict[str, Any]], exponents: dict[str, float]) -> None:
    table = Table("n", "ours", "theirs", "times faster", "our memory", "their memory", "Δ value", "Δ gradient")
    for row in rows:
        other = row.get("theirs")
        table.add_row(
            f"{row['n']:,}",
            f"{row['ours']['seconds'] * 1e3:,.1f} ms",
            f"{other['seconds'] * 1e3:,.1f} ms" if other else "-",
            f"{row['times_faster']:.1f}" if other else "-",
            f"{row['ours']['bytes'] / 2**20:,.0f} MiB",
            f"{other['bytes'] / 2**20:,.0f} MiB" if other else "-",
            f"{row['value_difference']:.1e}" if other else "-",
            f"{row['gradient_difference']:.1e}" if other else "-",
        )
    console = Console(width=110)
    console.print(table)
    for least, exponent in exponents.items():
        console.print(f"our time grows as n^{exponent:.2f} from n = {least} on")


if __name__ == "__main__":
    main()
