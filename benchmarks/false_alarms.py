"""Is the promised rate of false alarms kept? Many detectors, each fitted anew, asked about good samples they never saw.

    python benchmarks/false_alarms.py --omniglot images_background.zip

Simulated distances of good samples kept back and of new ones follow one law (log-normal, or the size of a Cauchy
number). Objects have 5 pictures with 0.8 of their variance in common. The cross detectors are three, which see the same
sample with a correlation of 0.7. With an archive, also real ones: drawings of one alphabet are good, the network is
not trained at all, and each detector is fitted to another 60 of them and asked about 40 more.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import twinnet
from twinnet import compare, encoders
from twinnet.apps.anomalies import FitConfig, fit
from twinnet.core.seeds import stream
from twinnet.core.types import FloatArray
from twinnet.data import Preprocess
from twinnet.decide.conformal import by_group, cross_bound, cross_p_values, p_values
from twinnet.encoders import EncoderSpec
from twinnet.model import Model

FOLDS, PICTURES = 3, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detectors", type=int, default=4000, help="simulated ones of each kind")
    parser.add_argument("--omniglot", type=Path)
    parser.add_argument("--fitted", type=int, default=200, help="real ones, with --omniglot")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    for rate, n in ((0.01, 99), (0.05, 19), (0.05, 60), (0.1, 19), (0.1, 200)):
        for law in ("log-normal", "Cauchy"):
            rng = stream(args.seed, "split", n, law)
            rows.append(row(f"split, {law}", n, rate, rate, [split(rng, law, n, rate) for _ in range(args.detectors)]))
        rng = stream(args.seed, "objects", n)
        rows.append(row("split, objects of 5", n, rate, rate, [objects(rng, n, rate) for _ in range(args.detectors)]))
        rng = stream(args.seed, "cross", n)
        bound = cross_bound(rate, n, FOLDS)
        rows.append(row("cross, three twins", n, rate, bound, [cross(rng, n, rate) for _ in range(args.detectors)]))
    if args.omniglot:
        rows += [row("fitted to drawings", 60, rate, rate, real(args.omniglot, rate, args)) for rate in (0.05, 0.1)]
    show(rows)
    if args.json:
        args.json.write_text(json.dumps({"arguments": vars(args), "rows": rows}, default=str, indent=1))


def draw(rng: np.random.Generator, law: str, n: int) -> FloatArray:
    return np.exp(rng.normal(size=n)) if law == "log-normal" else np.abs(rng.standard_cauchy(n))


def split(rng: np.random.Generator, law: str, n: int, rate: float) -> float:
    """Share of 20 new good samples that raise an alarm, by one detector with n kept back."""
    return float((p_values(draw(rng, law, n), draw(rng, law, 20)) <= rate + 1e-9).mean())


def objects(rng: np.random.Generator, n: int, rate: float) -> float:
    """Share of 20 new good objects that raise an alarm in any of their pictures."""

    def some(count: int) -> FloatArray:
        own, each = rng.normal(size=(count, 1)), rng.normal(size=(count, PICTURES))
        d = np.exp(np.sqrt(0.8) * own + np.sqrt(0.2) * each).ravel()
        return by_group(d, np.repeat(np.arange(count), PICTURES))

    return float((p_values(some(n), some(20)) <= rate + 1e-9).mean())


def cross(rng: np.random.Generator, n: int, rate: float) -> float:
    """Three twins see the same sample with a correlation of 0.7."""
    held_by = np.arange(n) % FOLDS

    def seen(count: int) -> FloatArray:
        return np.exp(np.sqrt(0.7) * rng.normal(size=(count, 1)) + np.sqrt(0.3) * rng.normal(size=(count, FOLDS)))

    good = seen(n)[np.arange(n), held_by]
    return float((cross_p_values(good, seen(20)[:, held_by]) <= rate + 1e-9).mean())


def real(archive: Path, rate: float, args: argparse.Namespace) -> list[float]:
    data = twinnet.open_dataset(archive)
    alphabet = data.group_names.index("Latin")
    own = np.flatnonzero(data.groups == alphabet)
    spec = EncoderSpec("compact", 1, 16, width=8)
    model = Model(encoders.build(spec).eval(), compare.build("cosine", 16), Preprocess(28, 28), None, {}, spec)
    shares = []
    for k in range(args.fitted):
        chosen = stream(args.seed, "drawings", k).permutation(own)
        good, new = ([data.read(int(i)) for i in part] for part in (chosen[:60], chosen[60:100]))
        detector = fit(good, FitConfig(rate=rate, by="whole", way="split", seed=k), model=model)
        shares.append(float(np.mean([detector.inspect(image).alarm for image in new])))
    return shares


def row(name: str, n: int, rate: float, promised: float, shares: list[float]) -> dict[str, Any]:
    v = np.array(shares)
    half = 1.96 * v.std(ddof=1) / np.sqrt(len(v))
    return {"by": name, "good": n, "asked": rate, "promised": promised, "detectors": len(v),
            "found": [float(v.mean() - half), float(v.mean()), float(v.mean() + half)]}  # fmt: skip


def show(rows: list[dict[str, Any]]) -> None:
    table = Table(title="false alarms: what was asked, what is promised, what was found")
    for column in ("by", "good", "asked", "promised at most", "found [95 %]", "detectors"):
        table.add_column(column)
    for r in rows:
        low, mean, high = r["found"]
        table.add_row(r["by"], str(r["good"]), f"{r['asked']:.0%}", f"{r['promised']:.1%}",
                      f"{mean:.2%} [{low:.2%}, {high:.2%}]", f"{r['detectors']:,}")  # fmt: skip
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
