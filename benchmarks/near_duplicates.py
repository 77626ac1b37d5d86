"""Find altered copies in a folder of pictures, beside perceptual hashes.

    python benchmarks/near_duplicates.py --data emoji.zip lfw_aligned_112.zip --pictures 400
    python benchmarks/near_duplicates.py --synthetic 10000

`--data`: of each picture one per identity is taken, so that no two are copies, at most `--pictures`; every fourth also
comes altered in each of the known ways (resize 0.5 to 2, JPEG 30 to 90, crop 5 to 20 % of each side, turn 1 to 5°,
brightness ± 30 %, grey, a line of text), and mirrored, which is neither right nor wrong and told apart. A pair is right
where both come from one picture. The program sees only the pile; alterations are drawn by another seed than its own.

Hashes are those of imagededup, or of imagehash where it is not installed, 64 bits, with a pair called a copy up to 10
bits apart, the default of imagededup, and at the best number of bits for F1 on this very pile, which nobody can know
beforehand. The program's groups count with all pairs in them; hashes count by pairs, without the chains that grouping
them would make.

`--synthetic N` measures seconds and the growth of memory over N generated pictures, a tenth of which are copies.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

import twinnet
from twinnet.apps.duplicates import find_duplicates
from twinnet.apps.duplicates.altered import KINDS, alter
from twinnet.core.errors import DataError
from twinnet.core.seeds import stream
from twinnet.data import Dataset, from_arrays
from twinnet.decide import clopper_pearson
from twinnet.training.facts import versions

DEFAULT_BITS = 10


def main() -> None:
    """One table for each set of pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--far", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--synthetic", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    report: dict[str, Any] = {}
    for path in args.data:
        pile, of, kinds = made(path, args.pictures, args.seed)
        report[path.name] = compared(path.name, pile, of, kinds, args)
    if args.synthetic:
        report["synthetic"] = grown(args.synthetic)
    if args.json:
        args.json.write_text(
            json.dumps({"arguments": vars(args), "figures": report, "versions": versions()}, default=str)
        )


def made(path: Path, most: int, seed: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """The pile, from which picture each comes `(N,)`, and how it was altered `(N,)`."""
    try:
        data = twinnet.open_dataset(path)
        rows = np.array([items[0] for items in data.by_identity().values()])
    except DataError:
        data = twinnet.open_dataset(path, kind="loose")
        rows = np.arange(len(data))
    rows = np.sort(stream(seed, "pictures").permutation(rows)[:most])
    pile = [data.read(int(row)) for row in rows]
    of, kinds = list(range(len(pile))), ["original"] * len(pile)
    for i in range(0, len(rows), 4):
        for kind in KINDS:
            if kind == "grey" and pile[i].shape[2] == 1:
                continue
            pile.append(alter(pile[i], kind, stream(seed, "benchmark", i, kind)))
            of.append(i)
            kinds.append(kind)
        pile.append(pile[i][:, ::-1])
        of.append(10_000_000 + i)
        kinds.append("mirror")
    return pile, np.array(of), np.array(kinds)


def compared(name: str, pile: list[np.ndarray], of: np.ndarray, kinds: np.ndarray, args: argparse.Namespace) -> Any:
    """twinnet and each hash: precision and recall of pairs, and of originals with a copy, by kind."""
    n = len(pile)
    truth = of[:, None] == of[None]
    mirrored = (of[:, None] - of[None]) % 10_000_000 == 0  # a picture and its mirror image: neither right nor wrong
    upper = np.triu(np.ones((n, n), bool), 1) & ~(mirrored & ~truth)
    began = time.process_time()
    found = find_duplicates(as_data(pile), far=args.far)
    seconds = time.process_time() - began
    called = np.zeros((n, n), bool)
    for group in found.groups:
        rows = np.array(group.rows)
        called[np.ix_(rows, rows)] = True
    rows = {"twinnet": figures(called, truth, upper, of, kinds)}
    turned = np.flatnonzero(kinds == "mirror")
    mirrors = int(called[of[turned] - 10_000_000, turned].sum())
    table = Table(
        title=f"{name}: {n:,} pictures, {int((truth & upper).sum()):,} pairs of copies; {seconds:.0f} s of a core"
    )
    for column in ("method", "precision [95 %]", "recall [95 %]", "F1", *KINDS):
        table.add_column(column)
    for kind, bits in hashes(pile).items():
        apart = (bits[:, None] != bits[None]).sum(-1)
        rows[f"{kind}, 10 bits"] = figures(apart <= DEFAULT_BITS, truth, upper, of, kinds)
        best = max(range(0, 33), key=lambda t: f1(apart <= t, truth, upper))
        rows[f"{kind}, best: {best} bits"] = figures(apart <= best, truth, upper, of, kinds)
    for method, row in rows.items():
        cells = [f"{row[k][1]:.1%} [{row[k][0]:.1%}, {row[k][2]:.1%}]" for k in ("precision", "recall")]
        table.add_row(
            method, *cells, f"{row['f1']:.3f}", *(f"{row['by_kind'].get(kind, float('nan')):.0%}" for kind in KINDS)
        )
    Console(width=150).print(table)
    t = found.threshold
    if t is not None:
        print(
            f"threshold {t.value:.3f}, learned for FAR {t.asked_far:.1g}: measured {t.far}; missed {t.frr}; "
            f"{mirrors} of {len(turned)} mirror images grouped with their pictures"
        )
    return {"methods": rows, "seconds": seconds, "threshold": found.limit}


def figures(called: np.ndarray, truth: np.ndarray, upper: np.ndarray, of: np.ndarray, kinds: np.ndarray) -> Any:
    right, said, there = (int((x & upper).sum()) for x in (called & truth, called, truth))
    by_kind = {}
    for kind in KINDS:
        rows = np.flatnonzero(kinds == kind)
        if len(rows):
            by_kind[kind] = float(called[of[rows], rows].mean())  # with the original, which has the picture's number
    return {
        "precision": as_list(clopper_pearson(right, said)) if said else [0, float("nan"), 1],
        "recall": as_list(clopper_pearson(right, there)),
        "f1": f1(called, truth, upper),
        "by_kind": by_kind,
    }


def f1(called: np.ndarray, truth: np.ndarray, upper: np.ndarray) -> float:
    right, said, there = (int((x & upper).sum()) for x in (called & truth, called, truth))
    return 2 * right / max(1, said + there)


def as_list(interval: twinnet.core.types.Interval) -> list[float]:
    return [interval.low, interval.point, interval.high]


def hashes(pile: list[np.ndarray]) -> dict[str, np.ndarray]:
    """64 bits of each picture by each method `(N, 64)`, of imagededup where it is installed, else of imagehash."""
    try:
        return _of_imagededup(pile)
    except (ImportError, RuntimeError) as reason:  # a torchvision that does not fit torch raises the latter
        print(f"imagededup: left out ({reason}). Next: pip install imagededup, with a torchvision that fits torch")
    try:
        return _of_imagehash(pile)
    except ImportError as missing:
        print(f"hashes: left out ({missing}). Next: pip install imagehash")
        return {}


def _of_imagededup(pile: list[np.ndarray]) -> dict[str, np.ndarray]:
    from imagededup.methods import AHash, DHash, PHash, WHash

    found = {}
    for make in (PHash(verbose=False), DHash(verbose=False), AHash(verbose=False), WHash(verbose=False)):
        words = [make.encode_image(image_array=np.repeat(p, 3, 2) if p.shape[2] == 1 else p) for p in pile]
        name = f"{type(make).__name__[0].lower()}Hash of imagededup"
        found[name] = np.array([np.unpackbits(np.frombuffer(bytes.fromhex(word), np.uint8)) for word in words])
    return found


def _of_imagehash(pile: list[np.ndarray]) -> dict[str, np.ndarray]:
    import imagehash

    makers = {
        "pHash": imagehash.phash, "dHash": imagehash.dhash, "aHash": imagehash.average_hash, "wHash": imagehash.whash,
    }  # fmt: skip
    pictures = [Image.fromarray(np.ascontiguousarray(p[:, :, 0] if p.shape[2] == 1 else p)) for p in pile]
    return {f"{name} of imagehash": np.array([make(p).hash.ravel() for p in pictures]) for name, make in makers.items()}


def as_data(pile: list[np.ndarray]) -> Dataset:
    return replace(from_arrays(pile, range(len(pile))), identities=None, identity_names=())


def grown(n: int) -> Any:
    """Seconds, and how much memory a search of all takes beyond one of a tenth of it."""
    out = {}
    for some in (n // 10, n):
        data = as_data(_Pictures(some).all())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        found = find_duplicates(data)
        seconds = time.process_time() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        right = sum(len({row % (some - some // 10) for row in g.rows}) == 1 for g in found.groups)
        out[some] = {
            "seconds": seconds,
            "grown_mb": (peak - before) / 1024,
            "groups": len(found.groups),
            "right": right,
        }
        print(
            f"{some:,} pictures: {seconds:.0f} s of a core, peak memory +{out[some]['grown_mb']:.0f} MB, "
            f"{len(found.groups):,} groups, {right:,} of them of one picture each; {some // 10:,} copies made"
        )
    return out


class _Pictures:
    """N smooth random pictures of 64 × 64; the last tenth are copies of the first, saved as JPEG."""

    def __init__(self, n: int) -> None:
        self._n = n

    def all(self) -> list[np.ndarray]:
        rng, fresh = np.random.default_rng(0), self._n - self._n // 10
        small = rng.integers(0, 256, (fresh, 7, 7, 3), np.uint8)
        first = [np.asarray(Image.fromarray(s).resize((64, 64), Image.Resampling.BICUBIC)) for s in small]
        return first + [alter(first[i], "jpeg", stream(0, "synthetic", i)) for i in range(self._n - fresh)]


if __name__ == "__main__":
    main()
