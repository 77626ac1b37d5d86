"""The weights, thresholds and probabilities that ship, learned on invented texts and programs; about two minutes.

python benchmarks/plagiarism_defaults.py -o src/twinnet/apps/plagiarism/defaults.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from plagiarism_invented_code import code_pair
from plagiarism_invented_prose import Prose, prose_pair
from twinnet.apps.plagiarism.judge import Judge
from twinnet.apps.plagiarism.learn import learn
from twinnet.apps.plagiarism.measures import MEASURES, measure
from twinnet.apps.plagiarism.prepared import Prepared, prepare, split_words
from twinnet.data.documents import Document


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--topics", type=int, default=100, help="invented topics, and as many tasks")
    parser.add_argument(
        "--far", type=float, default=0.01, help="of honest pairs at most so many are above the threshold"
    )
    args = parser.parse_args()
    found = {}
    for kind in ("prose", "code"):
        rows, copied, group = [], [], []
        for seed in range(args.topics):
            topic = Prose(seed) if kind == "prose" else None
            for number in range(12):
                is_copy = number % 2 == 0
                one, other = prose_pair(topic, is_copy) if topic else code_pair(seed, is_copy, number)[:2]
                rows.append(measure(ready(one, kind), ready(other, kind)).measures)
                copied.append(is_copy)
                group.append(seed)
        x, same = np.array(rows), np.array(copied)
        what = "texts" if kind == "prose" else "programs"
        learned_on = f"{len(x):,} pairs of invented {what}, {args.topics} topics or tasks"
        found[kind] = learn(x, same, np.array(group), learned_on, far=args.far)
        rule = found[kind].rule
        print(f"{kind}: threshold {rule.threshold:.3f}, FAR {rule.far}, FRR {rule.frr}")
        for name, weight, own, other in zip(
            MEASURES[kind], found[kind].combination.weights, x[~same].mean(0), x[same].mean(0), strict=True
        ):
            print(f"  {name:15} weight {weight:6.2f}   mean of honest pairs {own:.2f}, of copies {other:.2f}")
    Judge(found).save(args.out)


def ready(text: str, kind: str) -> Prepared:
    return prepare(split_words(Document("invented", text, "java" if kind == "code" else "")))


if __name__ == "__main__":
    main()
