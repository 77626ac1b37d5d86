"""The reader that ships: taught by Omniglot's background set alone, its rule learned on three alphabets of it.

    python benchmarks/handwriting_default.py --data images_background.zip -o src/twinnet/apps/handwriting/default.twin

Fifteen minutes on 2 cores; interrupted, it goes on from OUT.checkpoint. The three alphabets are the seed's choice.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from twinnet.apps.handwriting import open_characters, recipe, train
from twinnet.cli.progress import bars

SOURCE = "Omniglot, images_background (Lake, Salakhutdinov & Tenenbaum 2015), github.com/brendenlake/omniglot"
LICENCE = "MIT, copyright 2015 Brenden Lake"


def main() -> None:
    """Train, add whose data it was, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("-o", "--out", required=True, type=Path)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    data = replace(open_characters(args.data), source=args.data.name)  # a folder of ours is nobody else's business
    model = train(data, recipe(args.minutes, args.seed), out=args.out, progress=bars())
    facts = {**model.facts, "data_source": SOURCE, "data_licence": LICENCE,
             "made_by": "benchmarks/handwriting_default.py"}  # fmt: skip
    replace(model, facts=facts).save(args.out)
    print(model.facts["reading"], model.facts["steps"], "steps", args.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
