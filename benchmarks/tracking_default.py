"""The tracker that ships: taught by pictures nobody took, its rule learned on sequences staged from such pictures.

python benchmarks/tracking_default.py -o src/twinnet/apps/track/default.twin
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from twinnet.apps.track import LearnConfig, Material, calibrate, learn, trained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--sequences", type=int, default=16)
    args = parser.parse_args()
    torch.set_num_threads(1)
    net, facts = learn(Material(), LearnConfig(steps=args.steps), checkpoint=args.out.with_suffix(".checkpoint"))
    print(facts, flush=True)
    tracker = calibrate(trained(net, facts), sequences=args.sequences)
    tracker.save(args.out)
    print(tracker.rule, tracker.facts["calibration"], args.out.stat().st_size)


if __name__ == "__main__":
    main()
