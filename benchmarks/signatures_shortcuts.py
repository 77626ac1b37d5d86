"""What trivial numbers know of skilled forgeries, before and after each treatment of the ink.

    python benchmarks/signatures_shortcuts.py --data sigcomp2011_dutch --json shortcuts.json

First the finder of `twinnet doctor`, on the scans as they are, with the paper removed (`clean`), with every pen made
equally dark (`level`, the default of `twinnet signatures`) and as bare masks (`flat`). Pairs are those within one
writer. Then what another pen would do to the numbers that `twinnet signatures` goes by: genuine signatures are made
darker or paler, and broader or finer by half a pixel on either side, compared with a reference as before, and the
change is given as a share of what forgeries differ by. The line's quality is judged by what other writers taught.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import ndimage

from twinnet.apps.signatures import signatures
from twinnet.apps.signatures.layout import Signatures
from twinnet.apps.signatures.learn import line_quality
from twinnet.apps.signatures.measure import INPUTS, PREPROCESS, pictures_of
from twinnet.apps.signatures.measure import look as looked
from twinnet.apps.signatures.quality import learn_quality
from twinnet.core.progress import SILENT
from twinnet.data import Dataset, Preprocess, load
from twinnet.data.doctor import look
from twinnet.evaluation.shortcut import NUMBERS, shortcuts
from twinnet.training.facts import versions

PENS = ("a half darker", "a third paler", "broader", "finer")
SEEN = Preprocess(64, 128, 1, fit="pad", ink="level")


def main() -> None:
    """One row for each number, one column for each treatment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    written = signatures(args.data)
    data = written.data
    known = {"as scanned": shortcuts(data, look(data, SILENT))}
    for how in ("clean", "level", "flat"):
        treated = as_seen(data, how)
        known[how] = shortcuts(treated, look(treated, SILENT))
    table = Table(title="AUC of the difference in one number, pairs within a writer (0.5 knows nothing)")
    table.add_column("number")
    for name in known:
        table.add_column(name)
    for number, words in {**NUMBERS, "together": "all together"}.items():
        cells = [found.get(f"auc_in_group_{number}") for found in known.values()]
        table.add_row(words, *("–" if c is None else f"{c.point:.2f} ({c.low:.2f}–{c.high:.2f})" for c in cells))
    Console(width=120).print(table)
    pens = other_pens(written)
    table = Table(title="What another pen does to genuine signatures, as a share of what forgeries differ by")
    table.add_column("measured")
    for name in PENS:
        table.add_column(name)
    for row, shares in pens.items():
        table.add_row(row, *(f"{share:+.0%}" for share in shares.values()))
    Console(width=120).print(table)
    if args.json:
        figures = {how: {k: [i.point, i.low, i.high] for k, i in found.items()} for how, found in known.items()}
        args.json.write_text(json.dumps({"auc": figures, "other_pens": pens, "versions": versions()}, indent=1))


def other_pens(known: Signatures, each: int = 3) -> dict[str, dict[str, float]]:
    """For every input and the line's quality: by pen, the mean change of genuine probes over forged less genuine."""
    shown, data = pictures_of(known.data, PREPROCESS)
    known = known.among(data)
    seen = looked(shown)
    rows = []
    for writer in np.unique(known.writers):
        own = np.flatnonzero((known.writers == writer) & known.genuine)
        forged = np.flatnonzero((known.writers == writer) & ~known.genuine)
        rows += [(own[0], own[1 + i], forged[i]) for i in range(min(each, len(own) - 1, len(forged)))]
    reference, genuine, forged = np.array(rows).T
    _, quality = line_quality(seen.fine, known.genuine, known.writers, "skilled", 0)
    before = np.column_stack([seen.inputs(reference, genuine), quality[genuine]])
    gap = (np.column_stack([seen.inputs(reference, forged), quality[forged]]) - before).mean(axis=0)
    taught = {}
    for writer in np.unique(known.writers[genuine]):
        others = known.writers != writer
        taught[writer] = learn_quality(seen.fine[others], known.genuine[others], known.writers[others])
    found: dict[str, dict[str, float]] = {name: {} for name in (*INPUTS, "line")}
    for pen in PENS:
        drawn = np.stack([PREPROCESS.apply(with_pen(data.read(int(i)), pen)) for i in genuine])
        other = looked(np.concatenate([shown[reference], drawn]))
        n = len(genuine)
        after = np.empty((n, len(INPUTS) + 1))
        after[:, :-1] = other.inputs(np.arange(n), n + np.arange(n))
        for writer, judge in taught.items():
            mine = known.writers[genuine] == writer
            # What this writer's absence teaches is not what `quality` was judged by: only the difference counts.
            after[mine, -1] = before[mine, -1] + judge(other.fine[n:][mine]) - judge(seen.fine[genuine[mine]])
        for name, share in zip(found, (after - before).mean(axis=0) / gap, strict=True):
            found[name][pen] = float(share)
    return found


def with_pen(image: np.ndarray, pen: str) -> np.ndarray:
    """The same scan `(H, W, C)` uint8, dark ink on bright paper, by another pen."""
    if pen in ("broader", "finer"):
        extreme = ndimage.grey_erosion if pen == "broader" else ndimage.grey_dilation
        return np.asarray((extreme(image, footprint=np.ones((2, 2, 1))).astype(np.float64) + image) / 2, np.uint8)
    paper = np.percentile(image, 90)
    factor = 1.5 if pen == "a half darker" else 2 / 3
    return np.asarray(np.clip(paper - factor * (paper - image.astype(np.float64)), 0, 255), np.uint8)


def as_seen(data: Dataset, how: Any) -> Dataset:
    """The same data as the network would see it."""
    store = load(data, replace(SEEN, ink=how))
    return replace(store.dataset, items=tuple(store.images(list(range(len(store))))))


if __name__ == "__main__":
    main()
