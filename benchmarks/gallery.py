"""The gallery beside raw FAISS, and the vector stores that are installed: `gallery.py --n 100000`.

usearch is a library like FAISS; LanceDB, Milvus Lite and Qdrant's local mode are embedded databases. `pip install
usearch lancedb milvus-lite pymilvus qdrant-client` for all of them.

Clustered unit vectors of 128 numbers, because random ones are equally far from everything and flatter nobody. All find
the 10 nearest; recall is against exact search by FAISS. `--growth` repeats the gallery at 10^4, 10^5 and 10^6 and draws
`--figure`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from twinnet.core.seeds import stream
from twinnet.gallery import Binding, Entry, LocalStore, Templates
from twinnet.index.graph import SEARCH_WIDTH

DIM, K, BATCH = 128, 10, 1000
Vectors = Any
Search = Callable[[Vectors], Any]


def clustered(n: int, seed: int, name: str) -> Vectors:
    """About 50 vectors to a cluster; probes come from the same clusters."""
    centres = stream(seed, "centres").normal(size=(max(n // 50, 1), DIM)).astype(np.float32)
    rng, count = stream(seed, name), n if name == "stored" else 1000
    made = centres[rng.integers(0, len(centres), count)] + 0.5 * rng.normal(size=(count, DIM)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def measured(name: str, search: Search, probes: Vectors, truth: Vectors, **more: Any) -> dict[str, Any]:
    for probe in probes[:50]:
        search(probe[None])
    times, found = [], []
    for probe in probes:
        begun = time.perf_counter()
        found.append(search(probe[None]))
        times.append(time.perf_counter() - begun)
    hits = [len(set(map(int, keys)) & set(map(int, right))) / K for keys, right in zip(found, truth, strict=True)]
    qps = {}
    for threads in (1, 2):
        with ThreadPoolExecutor(threads) as pool:
            begun = time.perf_counter()
            list(pool.map(lambda probe: search(probe[None]), probes))
            qps[f"qps_{threads}"] = len(probes) / (time.perf_counter() - begun)
    p99 = statistics.quantiles(times, n=100)[98]
    return {
        "what": name, "p50_ms": 1e3 * statistics.median(times), "p99_ms": 1e3 * p99, **qps,
        "recall": float(np.mean(hits)), **more,
    }  # fmt: skip


def same_graph(store: LocalStore, probes: Vectors) -> float:
    """Median ms of FAISS itself on the gallery's very graph, so that nothing but our own work makes the difference."""
    index, how = store.live.index, None
    inner = getattr(index, "_hnsw", None) or index._flat  # type: ignore[union-attr]
    if index.kind == "graph":
        how = faiss.SearchParametersHNSW(efSearch=SEARCH_WIDTH)
    times = []
    for probe in probes:
        begun = time.perf_counter()
        inner.search(probe[None], K, params=how)
        times.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times)


def l2(a: Vectors, b: Vectors) -> Any:
    return np.linalg.norm(a[:, None] - b[None], axis=-1)


def answered(templates: Templates, q: Vectors) -> list[int]:
    return [int(match.identity) for match in templates.search(q, K)]


def gallery(n: int, stored: Vectors, probes: Vectors, truth: Vectors, dtype: Any, folder: Path) -> dict[str, Any]:
    path = folder / f"gallery-{dtype}"
    store = LocalStore.create(path, Binding("0" * 16, "euclidean", DIM, False, dtype))
    begun = time.perf_counter()
    for start in range(0, n, BATCH):
        rows = stored[start : start + BATCH]
        store.add([Entry(str(start + i), row[None], "all") for i, row in enumerate(rows)])
    batched = n / (time.perf_counter() - begun)
    begun = time.perf_counter()
    store.shortlist(probes[:1], K)
    build = time.perf_counter() - begun
    store.close()
    size = sum(file.stat().st_size for file in path.iterdir())
    begun = time.perf_counter()
    store = LocalStore.open(path)
    store.shortlist(probes[:1], K)
    cold = time.perf_counter() - begun
    raw = same_graph(store, probes)
    answer = measured(
        f"gallery {dtype}, {store.live.index.kind}", lambda q: store.shortlist(q, K).keys[0] - 1, probes, truth,
        build_s=build, bytes_each=size / n, cold_open_s=cold, enrol_batched=batched,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )  # fmt: skip
    answer["of_raw"] = answer["p50_ms"] / raw
    if dtype == "float32":
        templates = Templates(store, "0" * 16, l2, None)
        full = measured("  the whole answer (names, metadata)", lambda q: answered(templates, q), probes, truth)
        answer["whole_answer_ms"] = full["p50_ms"]
        begun = time.perf_counter()
        for i in range(200):
            store.add([Entry(f"single {i}", probes[i : i + 1], "all")])
        answer["enrol_singly"] = 200 / (time.perf_counter() - begun)
    store.close()
    return answer


def raw_faiss(stored: Vectors, probes: Vectors, truth: Vectors) -> list[dict[str, Any]]:
    flat = faiss.IndexFlatL2(DIM)
    flat.add(stored)
    graph = faiss.IndexHNSWFlat(DIM, 16)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = 100, 64
    begun = time.perf_counter()
    graph.add(stored)
    build = time.perf_counter() - begun
    return [
        measured("raw FAISS, exact", lambda q: flat.search(q, K)[1][0], probes, truth),
        measured("raw FAISS, HNSW", lambda q: graph.search(q, K)[1][0], probes, truth, build_s=build),
    ]


def usearch(stored: Vectors, probes: Vectors, truth: Vectors) -> dict[str, Any]:
    from usearch.index import Index

    index = Index(ndim=DIM, metric="l2sq", connectivity=16, expansion_add=100, expansion_search=64)
    begun = time.perf_counter()
    index.add(np.arange(len(stored)), stored)
    build = time.perf_counter() - begun
    return measured("usearch", lambda q: index.search(q[0], K).keys, probes, truth, build_s=build)


def lancedb(stored: Vectors, probes: Vectors, truth: Vectors, folder: Path) -> dict[str, Any]:
    import lancedb as lance
    import pyarrow as pa

    columns = {
        "id": pa.array(np.arange(len(stored))),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(stored.ravel()), DIM),
    }
    begun = time.perf_counter()
    table = lance.connect(str(folder / "lance")).create_table("t", pa.table(columns))
    table.create_index(metric="l2", index_type="IVF_HNSW_SQ")
    build = time.perf_counter() - begun

    def search(q: Vectors) -> Any:
        return [row["id"] for row in table.search(q[0]).limit(K).ef(64).refine_factor(2).to_list()]

    return measured("LanceDB IVF_HNSW_SQ", search, probes[:200], truth[:200], build_s=build)


def milvus_lite(stored: Vectors, probes: Vectors, truth: Vectors, folder: Path) -> dict[str, Any]:
    from pymilvus import DataType, MilvusClient

    client = MilvusClient(str(folder / "milvus.db"))
    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 100})
    client.create_collection("t", schema=schema, index_params=index)
    begun = time.perf_counter()
    for start in range(0, len(stored), BATCH):
        rows = [{"id": start + i, "vector": row} for i, row in enumerate(stored[start : start + BATCH])]
        client.insert("t", rows)
    client.flush("t")
    client.load_collection("t")
    build = time.perf_counter() - begun

    def search(q: Vectors) -> Any:
        return [hit["id"] for hit in client.search("t", q, limit=K, search_params={"params": {"ef": 64}})[0]]

    answer = measured("Milvus Lite, HNSW", search, probes[:100], truth[:100], build_s=build)
    client.close()
    return answer


def qdrant_local(stored: Vectors, probes: Vectors, truth: Vectors, folder: Path) -> dict[str, Any]:
    import warnings

    from qdrant_client import QdrantClient, models

    warnings.simplefilter("ignore")  # it advises against local mode above 20,000 points, which is what we measure
    client = QdrantClient(path=str(folder / "qdrant"))
    client.create_collection("t", models.VectorParams(size=DIM, distance=models.Distance.EUCLID))
    begun = time.perf_counter()
    client.upload_collection("t", stored, ids=range(len(stored)), batch_size=BATCH)
    build = time.perf_counter() - begun

    def search(q: Vectors) -> Any:
        return [point.id for point in client.query_points("t", q[0].tolist(), limit=K).points]

    answer = measured("Qdrant, local mode", search, probes[:100], truth[:100], build_s=build)
    client.close()
    return answer


def figure(rows: list[dict[str, Any]], out: Path) -> None:
    from matplotlib.figure import Figure
    from matplotlib.ticker import StrMethodFormatter

    drawn = Figure(figsize=(5.5, 3.5), layout="constrained")
    axes = drawn.subplots()
    for name, label in (("p99_ms", "99 of 100 queries are quicker"), ("p50_ms", "median")):
        axes.loglog([row["n"] for row in rows], [row[name] for row in rows], "o-", label=label)
    for row in rows:
        kind = row["what"].rsplit(" ", 1)[-1]
        axes.annotate(kind, (row["n"], row["p50_ms"]), (0, -14), textcoords="offset points", ha="center")
    axes.set_ylim(0.05, 5)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel("embeddings of 128 numbers")
    axes.set_ylabel("ms for one query")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    drawn.savefig(out)


def run(n: int, folder: Path, *, all_of_it: bool) -> list[dict[str, Any]]:
    stored, probes = clustered(n, 0, "stored"), clustered(n, 0, "probes")
    exact = faiss.IndexFlatL2(DIM)
    exact.add(stored)
    truth = exact.search(probes, K)[1]
    del exact
    rows = [gallery(n, stored, probes, truth, "float32", folder)]
    if all_of_it:
        rows += raw_faiss(stored, probes, truth)
        rows += [gallery(n, stored, probes, truth, dtype, folder) for dtype in ("float16", "int8")]
        rows.append(usearch(stored, probes, truth) if _installed("usearch") else {"what": "usearch: not installed"})
        for name, module, peer in (
            ("LanceDB", "lancedb", lancedb), ("Milvus Lite", "milvus_lite", milvus_lite),
            ("Qdrant", "qdrant_client", qdrant_local),
        ):  # fmt: skip
            there = _installed(module)
            rows.append(peer(stored, probes, truth, folder) if there else {"what": f"{name}: not installed"})
    return [{"n": n, **row} for row in rows]


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--figure", type=Path, default=Path("gallery-growth.svg"))
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    sizes = (10_000, 100_000, 1_000_000) if asked.growth else (asked.n,)
    rows: list[dict[str, Any]] = []
    for n in sizes:
        folder = Path(tempfile.mkdtemp(prefix="gallery-"))
        try:
            rows += run(n, folder, all_of_it=not asked.growth)
        finally:
            shutil.rmtree(folder)
    columns = [
        "n",
        "what",
        "p50_ms",
        "of_raw",
        "p99_ms",
        "whole_answer_ms",
        "qps_1",
        "qps_2",
        "recall",
        "build_s",
        "bytes_each",
        "cold_open_s",
        "peak_mb",
    ]
    columns += ["enrol_batched", "enrol_singly"]
    print("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns))
    for row in rows:
        cells = [row.get(c, "") for c in columns]
        print("| " + " | ".join(f"{c:.4g}" if isinstance(c, float) else str(c) for c in cells) + " |")
    if asked.growth:
        figure(rows, asked.figure)
    if asked.json:
        facts = {"faiss": faiss.__version__, "cores": os.cpu_count(), "dim": DIM, "k": K}
        asked.json.write_text(json.dumps({"command": "benchmarks/gallery.py", "facts": facts, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
