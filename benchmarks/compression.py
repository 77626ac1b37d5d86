"""What a compressed index costs in recall: the kinds that Milvus has, by FAISS, on the vectors of `gallery.py`.

    python benchmarks/compression.py --n 100000

Recall@1 and @10 against exact search on float32, one thread. `bytes` are those of one embedding inside the index.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import faiss
import numpy as np
from rich.console import Console
from rich.table import Table

from gallery import DIM, clustered

K = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    faiss.omp_set_num_threads(1)
    stored, probes = clustered(asked.n, 0, "stored"), clustered(asked.n, 0, "probes")
    exact = faiss.IndexFlatL2(DIM)
    exact.add(stored)
    truth = exact.search(probes, K)[1]
    lists = 4 * int(asked.n**0.5)
    kinds = {
        "HNSW, M = 16, ef = 64": ("HNSW16", {"efSearch": 64}),
        "HNSW over int8": ("HNSW16_SQ8", {"efSearch": 64}),
        "IVF_FLAT, 1/32 of the lists": (f"IVF{lists},Flat", {"nprobe": lists // 32}),
        "IVF_SQ8, 1/32 of the lists": (f"IVF{lists},SQ8", {"nprobe": lists // 32}),
        "IVF_PQ, 32 bytes": (f"IVF{lists},PQ32", {"nprobe": lists // 32}),
        "IVF_PQ, 32 bytes, 100 ranked again": (f"IVF{lists},PQ32,RFlat", {"nprobe": lists // 32, "k_factor_rf": 10}),
    }
    table = Table(title=f"{asked.n:,} clustered vectors of {DIM} numbers")
    for column in ("index", "bytes", "recall@1", "recall@10", "ms a query", "build s"):
        table.add_column(column)
    rows = []
    for name, (recipe, settings) in kinds.items():
        index = faiss.index_factory(DIM, recipe)
        begun = time.perf_counter()
        index.train(stored)
        index.add(stored)
        build = time.perf_counter() - begun
        for key, value in settings.items():
            faiss.ParameterSpace().set_index_parameter(index, key, value)
        begun = time.perf_counter()
        found = np.concatenate([index.search(probe[None], K)[1] for probe in probes])
        spent = 1e3 * (time.perf_counter() - begun) / len(probes)
        one = float((found[:, 0] == truth[:, 0]).mean())
        ten = float(np.mean([len(set(f) & set(t)) / K for f, t in zip(found.tolist(), truth.tolist(), strict=True)]))
        size = len(faiss.serialize_index(index)) / asked.n
        rows.append({"index": name, "bytes": size, "recall@1": one, "recall@10": ten, "ms": spent, "build_s": build})
        table.add_row(name, f"{size:.0f}", f"{one:.1%}", f"{ten:.1%}", f"{spent:.2f}", f"{build:.1f}")
    Console(width=110).print(table)
    if asked.json:
        asked.json.write_text(
            json.dumps({"command": "benchmarks/compression.py", "n": asked.n, "rows": rows}, indent=1)
        )


if __name__ == "__main__":
    main()
