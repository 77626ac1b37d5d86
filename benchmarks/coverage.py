"""Do 95 % intervals over identities hold the truth in 95 %? Simulated studies whose truth is known, design by design.

    python benchmarks/coverage.py --studies 1000 --replicates 200 --seed 2026 --json coverage.json

No data is needed. A row is a design: so many identities with so many items each (a range: unequal), scattering by
`spread`, which differs between identities by a factor of about e^±unlike; the threshold is fixed beforehand. A cell is
the share of the studies whose interval held the true figure; 1,000 studies of a true 95 % give 93.6 to 96.4 %.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from twinnet.cli.progress import bars
from twinnet.decide.coverage import NAMES, coverage
from twinnet.training.facts import versions


@dataclass(frozen=True, slots=True)
class Design:
    """What a study looks like; the arguments of `coverage`."""

    identities: int
    items: int
    unequal: bool = False
    spread: float = 0.4
    unlike: float = 0.2
    threshold: float = 1.8


DESIGNS = [
    Design(10, 4),
    Design(10, 4, unequal=True),
    Design(20, 4),
    Design(20, 6),
    Design(20, 4, unequal=True),
    Design(20, 4, spread=0.3, unlike=0.3, threshold=1.5),
    Design(40, 4),
    Design(40, 6),
    Design(40, 4, unequal=True),
    Design(40, 4, spread=0.3, unlike=0.3, threshold=1.5),
]


def main() -> None:
    """One row per design."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    table = Table(title=f"95 % intervals that held the truth, of {args.studies:,} studies; seed {args.seed}")
    for column in ("identities", "items", "spread", "unlike", *NAMES, "seconds"):
        table.add_column(column, justify="right")
    rows: list[dict[str, Any]] = []
    for design in DESIGNS:
        started = time.perf_counter()
        held = coverage(
            **asdict(design), studies=args.studies, replicates=args.replicates, seed=args.seed, progress=bars()
        )
        rows.append({"design": asdict(design), "held": held, "seconds": time.perf_counter() - started})
        items = f"2–{2 * design.items - 2}" if design.unequal else str(design.items)
        shares = [f"{held[name]:.1%}" for name in NAMES]
        table.add_row(
            str(design.identities), items, str(design.spread), str(design.unlike), *shares, f"{rows[-1]['seconds']:.0f}"
        )
        if args.json:  # after every design: an interrupted run keeps what it has
            report = {"arguments": vars(args), "rows": rows, "versions": versions()}
            args.json.write_text(json.dumps(report, default=str, indent=1))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
