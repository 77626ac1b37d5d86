"""Every loss beside its counterpart in pytorch-metric-learning: ratio of times, and equality of values and gradients.

    python benchmarks/losses_all.py --sizes 256 1024

Forward and backward passes of the two take turns, and a ratio is the median over turns, so that whatever else the
machine does meets both. A ratio below 1 says that ours is faster. Theirs is left out (-) where it needs more than
--max-memory: their NT-Xent makes a matrix of genuine by impostor pairs. It has no binary cross-entropy: that one is
beside torch's over the listed pairs. Given pairs are 4 n, half of them genuine.

With a memory the gradients differ by intention: theirs holds the batch's own candidates fixed, ours lets both ends of
a pair inside the batch learn, which is the gradient of the value (a test compares it with their SupConLoss given the
batch and the memory as reference, and with finite differences). For SupCon in an empty memory theirs is just half.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pytorch_metric_learning import distances, miners, reducers
from pytorch_metric_learning import losses as pml
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from twinnet import compare, losses

Call = Callable[[Tensor, Tensor], Tensor]
LP = distances.LpDistance(normalize_embeddings=False)
SQUARED = distances.LpDistance(normalize_embeddings=False, power=2)
COSINE = distances.CosineSimilarity()


def pairs_of(dim: int, n_classes: int) -> dict[str, tuple[Call, Call]]:
    """Name → ours and theirs, with the same settings, both a function of embeddings and labels."""
    euclidean, cosine = compare.Euclidean(), compare.Cosine()
    arc, cos, anchor = (losses.build(name, cosine, dim=dim, n_classes=n_classes) for name in losses.PROXY_LOSSES)
    their_arc, their_cos = pml.ArcFaceLoss(n_classes, dim, margin=28.6), pml.CosFaceLoss(n_classes, dim)
    their_anchor = pml.ProxyAnchorLoss(n_classes, dim)
    arc.margin = their_arc.margin
    for ours, theirs in ((arc, their_arc), (cos, their_cos)):
        theirs.W.data = ours.proxies.data.T.clone()
    their_anchor.proxies.data = anchor.proxies.data.clone()
    hard, plain = miners.BatchHardMiner(distance=LP), pml.TripletMarginLoss(margin=0.2, distance=LP)
    contrastive = losses.Contrastive(euclidean, 1.2, power=1, mean="active")
    listed = pml.ContrastiveLoss(0, 1.2, distance=LP)
    return {
        # Theirs adds the two kinds' means, ours averages them.
        "contrastive": (
            lambda e, y: 2 * contrastive(e, y).value,
            pml.ContrastiveLoss(0, 1.2, distance=LP),
        ),
        "contrastive, given pairs": (
            lambda e, y: 2 * contrastive(e, given(y)).value,
            lambda e, y: listed(e, y, indices_of(given(y))),
        ),
        "bce": (value(losses.BCE(euclidean, mean="all")), torchs_bce),
        "triplet, batch-hard": (
            value(losses.Triplet(euclidean, 0.2, miner="batch_hard")),
            lambda e, y: plain(e, y, hard(e, y)),
        ),
        "supcon": (value(losses.SupCon(cosine, 0.1)), pml.SupConLoss(0.1)),
        "nt_xent": (value(losses.NTXent(cosine, 0.1)), pml.NTXentLoss(0.1)),
        "n_pairs": (value(losses.NPairs(cosine, 1.0)), pml.NPairsLoss(distance=COSINE)),
        "multi_similarity": (value(losses.MultiSimilarity(cosine)), pml.MultiSimilarityLoss()),
        "circle": (value(losses.Circle(cosine)), pml.CircleLoss(reducer=reducers.MeanReducer())),
        "nca": (value(losses.NCA(euclidean, 2.0)), pml.NCALoss(2.0, distance=SQUARED)),
        "arcface": (value(arc), their_arc),
        "cosface": (value(cos), their_cos),
        "proxy_anchor": (value(anchor), their_anchor),
        "memory of 4,096 (supcon)": memories(dim),
    }


def memories(dim: int, size: int = 4096) -> tuple[Call, Call]:
    ours = losses.CrossBatchMemory(losses.SupCon(compare.Cosine(), 0.1), size, dim=dim)
    return value(ours), pml.CrossBatchMemory(pml.SupConLoss(0.1), dim, memory_size=size)


@functools.cache
def drawn(n: int, k: int) -> losses.PairIndex:
    """4 n pairs without an item and itself, half of them genuine, for n items of which k in a row are of one class."""
    rng = torch.Generator().manual_seed(n)
    first = torch.randint(n, (4 * n,), generator=rng)
    same = torch.arange(4 * n) % 2 == 0
    turn = torch.randint(1, k, (4 * n,), generator=rng)
    away = torch.randint(k, n - k + 1, (4 * n,), generator=rng)
    within = first // k * k + (first % k + turn) % k
    beyond = (first // k * k + away) % n // k * k + first % k
    return losses.PairIndex(first, torch.where(same, within, beyond), same)


def given(labels: Tensor) -> losses.PairIndex:
    return drawn(len(labels), int((labels == labels[0]).sum()))


def indices_of(pairs: losses.PairIndex) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    a, b, same = pairs.first, pairs.second, pairs.same
    return a[same], b[same], a[~same], b[~same]


def torchs_bce(embeddings: Tensor, labels: Tensor) -> Tensor:
    """Over every pair once; scale and offset are those that ours begins with."""
    first, second = torch.triu_indices(len(labels), len(labels), 1)
    distance = nn.functional.pairwise_distance(embeddings[first], embeddings[second], eps=0)
    target = (labels[first] == labels[second]).float()
    return nn.functional.binary_cross_entropy_with_logits(10.0 * (0.8 - distance), target)


def value(loss: nn.Module) -> Call:
    return lambda e, y: loss(e, y).value


def main() -> None:
    """Measure every loss at every size, print the table, write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 1024])
    parser.add_argument("--only", nargs="+", default=[], help="names of losses")
    parser.add_argument("--items-per-identity", type=int, default=8)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--classes", type=int, default=1000, help="class vectors of the proxy losses")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--max-memory", type=float, default=6.0, help="GiB that theirs may need")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = []
    for n in args.sizes:
        torch.manual_seed(0)
        for name, (ours, theirs) in pairs_of(args.dim, args.classes).items():
            if not args.only or name in args.only:
                fits = name != "nt_xent" or nt_xent_bytes(n, args.items_per_identity) <= args.max_memory * 2**30
                rows.append({"loss": name, "n": n, **measure(ours, theirs if fits else None, n, args)})
    show(rows)
    if args.json:
        versions = {"torch": torch.__version__, "python": sys.version.split()[0]}
        args.json.write_text(json.dumps({"arguments": vars(args), "rows": rows, "versions": versions}, default=str))


def nt_xent_bytes(n: int, k: int) -> int:
    """What their NT-Xent holds at once: some five matrices of genuine by impostor pairs."""
    return 5 * 4 * n * (k - 1) * n * (n - k)


def measure(ours: Call, theirs: Call | None, n: int, args: argparse.Namespace) -> dict[str, float]:
    generator = torch.Generator().manual_seed(n)
    embeddings = nn.functional.normalize(torch.randn(n, args.dim, generator=generator), dim=1)
    labels = torch.arange(n) // args.items_per_identity
    once(ours, embeddings, labels)
    if theirs is None:
        return {"ours_s": min(once(ours, embeddings, labels)[0] for _ in range(args.repeats))}
    once(theirs, embeddings, labels)
    turns = [(once(ours, embeddings, labels), once(theirs, embeddings, labels)) for _ in range(args.repeats)]
    (_, our_value, our_gradient), (_, their_value, their_gradient) = turns[0]
    return {
        "ours_s": min(a[0] for a, _ in turns),
        "theirs_s": min(b[0] for _, b in turns),
        "ratio": statistics.median(a[0] / b[0] for a, b in turns),
        "value_difference": abs(our_value - their_value) / abs(their_value),
        "gradient_difference": float((our_gradient - their_gradient).norm() / their_gradient.norm()),
    }


def once(loss: Call, embeddings: Tensor, labels: Tensor) -> tuple[float, float, Tensor]:
    leaf = embeddings.clone().requires_grad_()
    started = time.perf_counter()
    result = loss(leaf, labels)
    result.backward()
    seconds = time.perf_counter() - started
    assert leaf.grad is not None
    return seconds, float(result.detach()), leaf.grad


def beside(row: dict[str, Any]) -> list[str]:
    apart = [f"{row[f'{what}_difference']:.1e}" for what in ("value", "gradient")]
    return [f"{row['theirs_s'] * 1e3:.2f} ms", f"{row['ratio']:.2f}", *apart]


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("loss", "n", "ours", "theirs", "ours / theirs", "Δ value", "Δ gradient")
    for row in rows:
        table.add_row(
            row["loss"],
            f"{row['n']:,}",
            f"{row['ours_s'] * 1e3:.2f} ms",
            *(["-"] * 4 if "ratio" not in row else beside(row)),
        )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
