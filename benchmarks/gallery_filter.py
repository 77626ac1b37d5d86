"""Search among those whose metadata match, beside a bare scan of the matching rows, by how many match.

    OMP_NUM_THREADS=1 python benchmarks/gallery_filter.py --n 100000

Clustered unit vectors (about 50 to a cluster), one probe at a time, the 10 nearest. `first` finds the matching rows in
the record; the answer is kept until the next write. The scan is given the matching rows, copies their vectors together
and looks at all of them with FAISS; it is the oracle for the recall too. Milliseconds are of processor time, for
machines that do other work beside it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
from rich.console import Console
from rich.table import Table

from twinnet.core.seeds import stream
from twinnet.gallery import Binding, Entry, LocalStore

SHARES = (0.001, 0.01, 0.1, 0.389, 0.5)
K = 10


def main() -> None:
    """One row per filter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--probes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rng = stream(args.seed, "gallery_filter")
    centres = rng.normal(size=(max(1, args.n // 50), args.dim))
    stored, probes = (
        unit(centres[rng.integers(0, len(centres), n)] + 0.6 * rng.normal(size=(n, args.dim)))
        for n in (args.n, args.probes)
    )
    kinds = rng.choice(len(SHARES), args.n, p=np.array(SHARES) / sum(SHARES)).tolist()
    table, rows = Table("matching", "first, ms", "search, ms", "bare scan, ms", "recall@10"), []
    with tempfile.TemporaryDirectory() as folder:
        binding = Binding("0" * 16, "euclidean", args.dim, normalise=True)
        with LocalStore.create(Path(folder) / "g", binding) as store:
            store.add([Entry(str(i), row[None], "all", {"kind": kinds[i]}) for i, row in enumerate(stored)])
            store.shortlist(probes[:1], 1)
            for kind in range(len(SHARES)):
                begun = time.process_time()
                keys = store.keys_where({"kind": kind})
                first = time.process_time() - begun
                begun = time.process_time()
                found = [store.shortlist(one[None], K, store.keys_where({"kind": kind})).keys[0] for one in probes]
                search = (time.process_time() - begun) / len(probes)
                begun = time.process_time()
                exact = [faiss.knn(one[None], stored[keys - 1], K)[1][0] for one in probes]
                scan = (time.process_time() - begun) / len(probes)
                truth = [keys[rows_of[rows_of >= 0]] for rows_of in exact]
                same = [len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, truth, strict=True)]
                rows.append({"matching": len(keys), "first_ms": first * 1e3, "search_ms": search * 1e3,
                             "scan_ms": scan * 1e3, "recall": float(np.mean(same))})  # fmt: skip
                table.add_row(
                    f"{len(keys):,}", *(f"{1e3 * t:.2f}" for t in (first, search, scan)), f"{np.mean(same):.4f}"
                )
    Console().print(table)
    if args.json:
        args.json.write_text(json.dumps({"arguments": vars(args), "rows": rows}, default=str))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Of length 1, float32."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


if __name__ == "__main__":
    main()
