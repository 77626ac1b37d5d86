"""Exact verification and retrieval over many embeddings: time and peak memory, beside others on the same arrays.

    python benchmarks/evaluation_scale.py --n 2000,5000,10000,50000 --retrieval-n 2000,10000,100000 --json scale.json

Clustered unit vectors, ten to an identity (--noise sets how far they spread). Verification: EER, AUC and TAR at FAR
1e-3 of all pairs, beside scikit-learn's euclidean_distances, roc_curve and auc. Retrieval: Precision@1, R-precision and
MAP@R, beside pytorch-metric-learning's AccuracyCalculator with its k-NN by FAISS. Neither side makes intervals, and the
arrays are loaded before the clock starts. Each contender runs in its own process, so that its peak memory is its own:
the most that was resident during the work, less what was resident before. Values are compared and must agree; where a
contender would need more memory than is free, or fails, the table says so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from twinnet.core.seeds import stream

Arrays = tuple[Any, Any]
Work = Callable[[Any, Any], dict[str, float]]
BYTES_EACH = {"sklearn": 60}  # of a pair: distances, their order, sorted copies, sums


def ours_verification(x: Any, who: Any) -> dict[str, float]:
    from twinnet.evaluation.exact import verification_exact

    found = verification_exact(x, who, "euclidean", replicates=0).metrics
    return {name: found[name].point for name in ("eer", "auc", "tar_at_far_1e-3")}


def sklearn_verification(x: Any, who: Any) -> dict[str, float]:
    from sklearn.metrics import auc, euclidean_distances, roc_curve

    square = euclidean_distances(x)  # (n, n), float32, by one matrix product
    first, second = np.triu_indices(len(x), 1)
    likeness = -square[first, second]
    del square
    same = who[first] == who[second]
    del first, second
    far, tar, _ = roc_curve(same, likeness)
    gap = far - (1 - tar)
    right = int(np.argmax(gap >= 0))
    t = -gap[right - 1] / (gap[right] - gap[right - 1])
    return {
        "eer": float(far[right - 1] + t * (far[right] - far[right - 1])),
        "auc": float(auc(far, tar)),
        "tar_at_far_1e-3": float(tar[np.searchsorted(far, 1e-3, side="right") - 1]),
    }


def ours_retrieval(x: Any, who: Any) -> dict[str, float]:
    from twinnet.evaluation.retrieval import retrieval

    found = retrieval(x, who, "euclidean", at=(1,), replicates=0).metrics
    return {name: found[name].point for name in ("precision_at_1", "r_precision", "map_at_r")}


def pml_retrieval(x: Any, who: Any) -> dict[str, float]:
    import torch
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    names = {
        "precision_at_1": "precision_at_1",
        "r_precision": "r_precision",
        "mean_average_precision_at_r": "map_at_r",
    }
    judge = AccuracyCalculator(include=tuple(names), k="max_bin_count", device=torch.device("cpu"))
    found = judge.get_accuracy(torch.from_numpy(x), torch.from_numpy(who))
    return {ours: float(found[theirs]) for theirs, ours in names.items()}


WORK: dict[str, dict[str, Work]] = {
    "verification": {"twinnet": ours_verification, "sklearn": sklearn_verification},
    "retrieval": {"twinnet": ours_retrieval, "pml": pml_retrieval},
}


def clustered(n: int, dim: int, noise: float, seed: int) -> Arrays:
    rng = stream(seed, "clustered", n)
    who = np.arange(n) % max(2, n // 10)
    centres = rng.standard_normal((int(who.max()) + 1, dim), dtype=np.float32)
    x = centres[who] + np.float32(noise) * rng.standard_normal((n, dim), dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True), who


def resident() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class Peak:
    """The most resident memory, looked at every 2 ms: the kernel's own mark would hold what loading took, too."""

    def __enter__(self) -> Peak:
        self.before = self.most = resident()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(0.002):
            self.most = max(self.most, resident())

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.most = max(self.most, resident())


def one(task: str, who_runs: str, folder: Path) -> None:
    """In a process of its own: warm up on a few items, so that imports are no part of it, then measure."""
    x, who = np.load(folder / "x.npy"), np.load(folder / "who.npy")
    work = WORK[task][who_runs]
    work(*clustered(300, x.shape[1], 1.0, 1))
    with Peak() as peak:
        begun = time.perf_counter()
        values = work(x, who)
        seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "peak_mb": (peak.most - peak.before) / 2**20, "values": values}))


def measured(task: str, who_runs: str, n: int, folder: Path) -> dict[str, Any]:
    needed, free = BYTES_EACH.get(who_runs, 0) * n * (n - 1) / 2, free_bytes()
    if needed > 0.9 * free:
        return {"failed": f"needs about {needed / 2**30:.0f} GB, {free / 2**30:.0f} GB are free"}
    command = [sys.executable, __file__, "--one", task, who_runs, str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["killed, most likely for memory"])[-1]
        return {"failed": f"exit {run.returncode}: {last[:120]}"}
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def free_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no MemAvailable")


def compared(task: str, n: int, args: argparse.Namespace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        x, who = clustered(n, args.dim, args.noise, args.seed)
        np.save(Path(name) / "x.npy", x)
        np.save(Path(name) / "who.npy", who)
        del x, who
        for who_runs in WORK[task]:
            best: dict[str, Any] = {}
            for _ in range(args.repeats):
                found = measured(task, who_runs, n, Path(name))
                if not best or found.get("seconds", 0) < best.get("seconds", np.inf):
                    best = found
            rows.append({"task": task, "n": n, "what": who_runs, **best})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)  # long work: what is done is seen at once
    ours, theirs = rows[0], rows[1]
    if "failed" in ours:
        raise SystemExit(f"{task}, n = {n}: twinnet failed: {ours['failed']}")
    if "failed" not in theirs:
        for figure, value in theirs["values"].items():
            # Both work in float32 and round differently: pairs closer than it can tell may change places.
            if abs(value - ours["values"][figure]) > args.tolerance:
                raise SystemExit(f"{task}, n = {n}: {figure} differs: {ours['values'][figure]} and {value}")
        theirs["times_slower"] = theirs["seconds"] / ours["seconds"]
        theirs["times_memory"] = theirs["peak_mb"] / max(ours["peak_mb"], 1e-9)
    return rows


def sizes(text: str) -> list[int]:
    found = [int(part) for part in text.split(",") if part]
    if not found or min(found) < 20:
        raise argparse.ArgumentTypeError("sizes are numbers of 20 or more with commas between them, such as 2000,5000")
    return found


def main() -> None:
    if "--one" in sys.argv:
        at = sys.argv.index("--one")
        one(sys.argv[at + 1], sys.argv[at + 2], Path(sys.argv[at + 3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=sizes, default=[2000, 5000, 10000], help="numbers of embeddings for verification")
    parser.add_argument("--retrieval-n", type=sizes, help="numbers of embeddings for retrieval; default: those of --n")
    parser.add_argument("--dim", type=int, default=128, help="numbers in an embedding (default 128)")
    parser.add_argument("--noise", type=float, default=1.5, help="spread within an identity, of that between (1.5)")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each; the fastest counts (default 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the vectors (default 0)")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="how far figures may differ (default 1e-5)")
    parser.add_argument("--json", type=Path, help="write the table there too")
    args = parser.parse_args()
    rows = []
    for task, ns in (("verification", args.n), ("retrieval", args.retrieval_n or args.n)):
        for n in ns:
            rows += compared(task, n, args)
    table = Table(title=f"{args.dim} numbers each, {os.cpu_count()} cores")
    for column in ("task", "n", "what", "seconds", "peak MB", "slower", "memory", "figures"):
        table.add_column(column)
    for row in rows:
        if "failed" in row:
            table.add_row(row["task"], f"{row['n']:,}", row["what"], "–", "–", "–", "–", row["failed"])
            continue
        ratios = [f"{row[key]:.1f} ×" if key in row else "" for key in ("times_slower", "times_memory")]
        figures = ", ".join(f"{name} {value:.5f}" for name, value in row["values"].items())
        seconds, peak = f"{row['seconds']:.2f}", f"{row['peak_mb']:,.1f}"
        table.add_row(row["task"], f"{row['n']:,}", row["what"], seconds, peak, *ratios, figures)
    Console(width=150).print(table)
    if args.json:
        names = ("twinnet", "numpy", "scipy", "scikit-learn", "pytorch-metric-learning", "faiss-cpu", "torch")
        report = {"command": "benchmarks/evaluation_scale.py", "arguments": vars(args), "cores": os.cpu_count(),
                  "versions": {name: version(name) for name in names}, "rows": rows}  # fmt: skip
        args.json.write_text(json.dumps(report, default=str, indent=1))


if __name__ == "__main__":
    main()
