"""The tracker that ships: taught by pictures nobody took, its rule learned on sequences staged from such pictures.

    python benchmarks/tracking_default.py -o src/twinnet/apps/track/default.twin

One thread, one seed; with both the weights are the same again on the same kind of processor. Cut off, it goes on from
where it was: OUT.checkpoint while it learns, OUT.learned until the rule is learned too.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from twinnet.apps.track import LearnConfig, Material, calibrate, learn, load_tracker, trained

STEPS, SEQUENCES = 500, 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    learned, config = args.out.with_suffix(".learned"), LearnConfig(steps=args.steps, seed=args.seed)
    if not (learned.exists() and load_tracker(learned).facts["config"] == asdict(config)):
        trained(*learn(Material(), config, checkpoint=args.out.with_suffix(".checkpoint"))).save(learned)
    taught = load_tracker(learned)
    print(dict(taught.facts), flush=True)
    began = time.process_time()
    tracker = calibrate(taught, sequences=args.sequences, seed=args.seed)
    spent = {
        "calibration_cpu_seconds": round(time.process_time() - began, 1),
        "command": "benchmarks/tracking_default.py",
    }
    replace(tracker, facts={**tracker.facts, **spent}).save(args.out)
    learned.unlink()
    print(
        tracker.rule, {**tracker.facts["calibration"], **spent}, tracker.fingerprint, args.out.stat().st_size, "bytes"
    )


if __name__ == "__main__":
    main()
