"""One-shot runs in Omniglot's published layout, of alphabets that training does not see; then judged like the official.

python benchmarks/lake_runs.py --data images_background.zip --out runs --alphabets Korean Tagalog
twinnet evaluate MODEL runs --protocol lake20
"""

from __future__ import annotations

import argparse
from pathlib import Path

import twinnet
from twinnet.apps.lake_runs import write_runs


def main() -> None:
    """Write the runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--alphabets", nargs="+", help="only these; by default all that have enough characters")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--ways", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    data = twinnet.omniglot(args.data)
    if args.alphabets:
        _, data = twinnet.hold_out(data, args.alphabets)
    write_runs(data, args.out, runs=args.runs, ways=args.ways, seed=args.seed)


if __name__ == "__main__":
    main()
