"""What trivial numbers know of skilled forgeries, before and after each treatment of the ink.

    python benchmarks/signatures_shortcuts.py --data sigcomp2011_dutch --json shortcuts.json

The finder of `twinnet doctor`, on the scans as they are, with the paper removed (`clean`), with every pen made equally
dark (`level`, the default of `twinnet signatures`) and as bare masks (`flat`). Pairs are those within one writer.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from twinnet.apps.signatures import CONFIG, signatures
from twinnet.core.progress import SILENT
from twinnet.data import Dataset, load
from twinnet.data.doctor import look
from twinnet.evaluation.shortcut import NUMBERS, shortcuts
from twinnet.training.facts import versions
from twinnet.training.plan import preprocessing


def main() -> None:
    """One row for each number, one column for each treatment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    data = signatures(args.data).data
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
    if args.json:
        figures = {how: {k: [i.point, i.low, i.high] for k, i in found.items()} for how, found in known.items()}
        args.json.write_text(json.dumps({"auc": figures, "versions": versions()}, indent=1))


def as_seen(data: Dataset, how: Any) -> Dataset:
    """The same data as the network would see it."""
    store = load(data, replace(preprocessing(CONFIG), ink=how))
    return replace(store.dataset, items=tuple(store.images(list(range(len(store))))))


if __name__ == "__main__":
    main()
