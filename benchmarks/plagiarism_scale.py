"""Time, memory and recall of `twinnet plagiarism` on many invented documents, beside all pairs one by one.

    python benchmarks/plagiarism_scale.py --sizes 1000 2000 5000 10000 --figure growth.svg

Documents of 500 words from a vocabulary of 30,000 by Zipf's law; one in a hundred holds a passage of 100 words out of
another, a tenth of its words replaced. Each size runs in its own process, whose seconds of CPU are counted: reading
from a folder, the search and the answer, but not the making. `compare all pairs` is estimated from 300 pairs. Recall:
planted pairs called copies; false: pairs called copies that were not planted. `one more` is the time of a second run
with `--state` after one document was added.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from twinnet.core.seeds import stream

WORDS, COPIED, REPLACED = 500, 100, 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 2000, 5000, 10000])
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    table = Table(
        "documents", "CPU seconds", "peak memory", "pairs compared", "recall", "false", "one more", "compare all pairs"
    )
    found = []
    for size in args.sizes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            row = pool.apply(measured, (size,))
        found.append(row)
        table.add_row(
            f"{size:,}", f"{row['seconds']:.1f}", f"{row['mib']:.0f} MiB", f"{row['compared']:,}",
            f"{row['found']} of {row['planted']}", str(row["false"]), f"{row['one_more']:.1f} s",
            f"{row['all_pairs'] / 3600:.1f} h",
        )  # fmt: skip
    Console(width=130).print(table)
    growth = np.polyfit(np.log([r["size"] for r in found]), np.log([r["seconds"] for r in found]), 1)[0]
    print(f"time grows as the number of documents to the power {growth:.2f}")
    if args.figure:
        draw(found, args.figure)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def measured(size: int) -> dict[str, Any]:
    from twinnet.apps.plagiarism import find_plagiarism
    from twinnet.apps.plagiarism.measures import measure
    from twinnet.apps.plagiarism.prepared import prepare, split_words
    from twinnet.data.documents import Document

    with tempfile.TemporaryDirectory() as place:
        folder, state = Path(place) / "documents", Path(place) / "state"
        folder.mkdir()
        texts, planted = documents(size)
        for i, text in enumerate(texts):
            (folder / f"{i:06}.txt").write_text(text, encoding="utf-8")
        start = time.process_time()
        found = find_plagiarism(folder, state=state)
        seconds = time.process_time() - start
        called = {tuple(sorted(int(found.names[i][:-4]) for i in (m.a, m.b))) for m in found.copies}
        mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        (folder / f"{size:06}.txt").write_text(texts[0] + " and more of it", encoding="utf-8")
        start = time.process_time()
        find_plagiarism(folder, state=state)
        one_more = time.process_time() - start
        start = time.process_time()
        ready = [prepare(split_words(Document("text", text, ""))) for text in texts[:25]]
        pairs = [(a, b) for i, a in enumerate(ready) for b in ready[:i]]
        for a, b in pairs:
            measure(a, b)
        each = (time.process_time() - start) / len(pairs)
    return {
        "size": size, "seconds": seconds, "mib": mib, "compared": found.new_pairs, "planted": len(planted),
        "found": len(called & planted), "false": len(called - planted), "one_more": one_more,
        "all_pairs": each * size * (size - 1) / 2,
    }  # fmt: skip


def documents(size: int) -> tuple[list[str], set[tuple[int, ...]]]:
    """The texts, and which pairs share a planted passage."""
    rng = stream(0, "documents", size)
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = np.array(["".join(rng.choice(list(letters), int(rng.integers(3, 10)))) for _ in range(30_000)])
    weight = 1 / np.arange(1, len(vocabulary) + 1)
    drawn = rng.choice(len(vocabulary), (size, WORDS), p=weight / weight.sum())
    chosen = rng.permutation(size)[: 2 * (size // 100)].reshape(-1, 2)
    for copy, source in chosen:
        at, out_of = rng.integers(WORDS - COPIED, size=2)
        passage = drawn[source, out_of : out_of + COPIED].copy()
        changed = rng.random(COPIED) < REPLACED
        passage[changed] = rng.choice(len(vocabulary), int(changed.sum()), p=weight / weight.sum())
        drawn[copy, at : at + COPIED] = passage
    texts = [" ".join(f"{w}." if i % 15 == 14 else w for i, w in enumerate(vocabulary[row].tolist())) for row in drawn]
    return texts, {tuple(sorted(pair)) for pair in chosen.tolist()}


def draw(found: list[dict[str, Any]], path: Path) -> None:
    """Seconds by documents, both on a scale of logarithms."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    size = [row["size"] for row in found]
    figure, axes = plt.subplots(figsize=(5.5, 3.6))
    axes.loglog(size, [row["seconds"] for row in found], "o-", label="twinnet plagiarism")
    axes.loglog(size, [row["all_pairs"] for row in found], "s--", color="grey", label="all pairs (estimated)")
    axes.set(xlabel="documents of 500 words", ylabel="CPU seconds", title="All against all")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, bbox_inches="tight")


if __name__ == "__main__":
    main()
