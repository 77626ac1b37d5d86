"""Defects found by a detector that saw good samples only, beside simpler ones, on three kinds of data.

    python benchmarks/anomalies.py --castings casting --seeds 20 --steps 1000
    python benchmarks/anomalies.py --tiles magnetic_tile --steps 2000
    python benchmarks/anomalies.py --tiles magnetic_tile --eyes lite0 --steps 40   # pip install 'twinnet[lite0]'
    python benchmarks/anomalies.py --omniglot images_background.zip --minutes 2

`casting` has `ok/` and `defect/`: half of the good ones teach, by seed, the rest and all defects are judged.
`magnetic_tile` has `tiles.csv` (path, tile, label): five folds over tiles, so that no exposure of a judged tile is
learned from; masks for the place of the defect are `<image>.png` beside it. Omniglot: twins learn from 20 alphabets,
100 drawings of one other alphabet are good, 100 more and 100 of four other alphabets are judged. Minutes are of one
thread.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import IsolationForest

import twinnet
from twinnet.apps.anomalies import FitConfig, fit
from twinnet.apps.anomalies.dense import DenseTwin
from twinnet.apps.anomalies.judge import auroc, auroc_interval, pixel_auroc
from twinnet.apps.anomalies.patches import coreset
from twinnet.cli.anomalies_answers import pictures
from twinnet.core.seeds import derive, stream
from twinnet.data import hold_out
from twinnet.data.decode import decode
from twinnet.data.plane import plane
from twinnet.decide.intervals import clopper_pearson
from twinnet.encoders.lite0 import Lite0

RATE = 0.1
OURS = "twinnet"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--castings", type=Path)
    parser.add_argument("--tiles", type=Path)
    parser.add_argument("--omniglot", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--folds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--minutes", type=float, default=0.75)
    parser.add_argument(
        "--steps", type=int, default=0, help="Of each twin, instead of minutes: the same on any machine."
    )
    parser.add_argument("--eyes", choices=("own", "lite0"), default="own", help="pre-trained: PatchCore's, too")
    parser.add_argument(
        "--keep", type=Path, help="a folder for each seed's and fold's figures: resumes, and joins runs"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    if args.castings:
        found["castings"] = castings(args.castings, range(args.first_seed, args.first_seed + args.seeds), args)
    if args.tiles:
        found["tiles"] = tiles(args.tiles, args.folds, args)
    if args.omniglot:
        found["omniglot"] = omniglot(args.omniglot, args.minutes)
    if args.json:
        args.json.write_text(json.dumps({"arguments": vars(args), "figures": found}, default=str, indent=1))


def settings(args: argparse.Namespace, **more: Any) -> FitConfig:
    return FitConfig(rate=RATE, minutes=args.minutes, steps=args.steps, eyes=args.eyes, **more)


def castings(folder: Path, seeds: Sequence[int], args: argparse.Namespace) -> dict[str, Any]:
    ok, bad = ([decode(file) for file in pictures([folder / kind])] for kind in ("ok", "defect"))
    runs = [kept(args, f"castings-{seed}", lambda seed=seed: castings_of(ok, bad, seed, args)) for seed in seeds]
    found = {name: spread([run["auroc"][name] for run in runs]) for name in runs[0]["auroc"]}
    show(f"castings: image AUROC over {len(seeds)} seeds, {length(args)}", found)
    alarms, judged, caught = (sum(run[key] for run in runs) for key in ("alarms", "judged", "caught"))
    false = clopper_pearson(alarms, judged)
    print(f"false alarms at {RATE:.0%} asked: {alarms} of {judged} = {false.point:.1%} (as if independent "
          f"[{false.low:.1%}, {false.high:.1%}]); defects found: {caught / (len(bad) * len(seeds)):.1%}")  # fmt: skip
    return {**found, "false_alarms": [false.point, false.low, false.high], "found": caught / (len(bad) * len(seeds))}


def castings_of(ok: Sequence[Any], bad: Sequence[Any], seed: int, args: argparse.Namespace) -> dict[str, Any]:
    """Of one seed: AUROC by name, and the counts."""
    order = stream(seed, "half").permutation(len(ok))
    good, rest = ([ok[i] for i in part] for part in (order[: len(ok) // 2], order[len(ok) // 2 :]))
    test, is_bad = [*rest, *bad], np.repeat([False, True], [len(rest), len(bad)])
    detector = fit(good, settings(args, turns=True, seed=seed))
    seen = [detector.inspect(image, "") for image in test]
    raised = np.array([s.alarm for s in seen])
    found = {OURS: np.array([s.distance for s in seen])} | beside(good, test, detector, seed)
    rows = {name: auroc(d, is_bad) for name, d in found.items()}
    print(seed, {name: round(value, 3) for name, value in rows.items()}, flush=True)
    counts = {"alarms": int(raised[~is_bad].sum()), "judged": len(rest), "caught": int(raised[is_bad].sum())}
    return {"auroc": rows, **counts}


def tiles(folder: Path, folds: Sequence[int], args: argparse.Namespace) -> dict[str, Any]:
    runs = [kept(args, f"tiles-{f}", lambda f=f: tiles_of(folder, f, args)) for f in folds]
    names = list(runs[0]["distances"])
    is_bad, of, kinds = (np.concatenate([run[key] for run in runs]) for key in ("bad", "tile", "kind"))
    ranks = {name: np.concatenate([among_good(run, name) for run in runs]) for name in names}
    found: dict[str, Any] = {}
    for name in names:
        each = [auroc(np.array(run["distances"][name]), np.array(run["bad"])) for run in runs]
        interval = auroc_interval(ranks[name], is_bad, of)
        found[name] = {"mean": float(np.mean(each)), "low": interval.low, "high": interval.high, "folds": each}
    show(f"tiles: image AUROC, mean of folds {list(folds)}, {length(args)}; interval over tiles", found)
    by_kind = {str(k): auroc(ranks[OURS][~is_bad | (kinds == k)], is_bad[~is_bad | (kinds == k)])
               for k in sorted(set(kinds[is_bad]))}  # fmt: skip
    alarms = {tile: False for run in runs for tile, bad in zip(run["tile"], run["bad"], strict=True) if not bad}
    for run in runs:
        alarms |= dict.fromkeys([t for t, a in zip(run["tile"], run["alarm"], strict=True) if a and t in alarms], True)
    false = clopper_pearson(sum(alarms.values()), len(alarms))
    pixels = float(np.mean([run["pixel_auroc"] for run in runs]))
    # A tile counts once, by its strangest picture, as `fit --group` lets it count.
    tiles_of_run = np.array([f"{tile} {bad}" for tile, bad in zip(of, is_bad, strict=True)])
    whole, first = np.unique(tiles_of_run, return_index=True)
    strangest = {name: np.array([r[tiles_of_run == one].max() for one in whole]) for name, r in ranks.items()}
    print("by whole tile:", {name: round(auroc(d, is_bad[first]), 3) for name, d in strangest.items()})
    print("folds:", {name: [round(v, 3) for v in row["folds"]] for name, row in found.items()})
    print("by kind:", {k: f"{v:.3f}" for k, v in by_kind.items()}, f"; pixel AUROC, mean of folds, {pixels:.3f}")
    print(f"false alarms at {RATE:.0%} asked, by tile: {sum(alarms.values())} of {len(alarms)} = {false.point:.1%} "
          f"[{false.low:.1%}, {false.high:.1%}]")  # fmt: skip
    return {**found, "by_kind": by_kind, "pixel_auroc": pixels, "false_alarms": [false.point, false.low, false.high]}


def tiles_of(folder: Path, f: int, args: argparse.Namespace) -> dict[str, Any]:
    """Of one fold: distances by name, and of each judged picture its tile, kind, label and alarm."""
    with (folder / "tiles.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["label"] != "mixed-tile-exclude"]
    names = sorted({row["tile"] for row in rows})
    fold_of = {names[i]: k % 5 for k, i in enumerate(stream(0, "tiles").permutation(len(names)))}
    train = [row for row in rows if fold_of[row["tile"]] != f and row["label"] == "good"]
    test = [row for row in rows if fold_of[row["tile"]] == f]
    good, images = ([decode(folder / row["path"]) for row in part] for part in (train, test))
    detector = fit(good, settings(args, seed=f, way="split"), groups=[row["tile"] for row in train])
    seen = [detector.inspect(image, row["path"]) for image, row in zip(images, test, strict=True)]
    distances = {OURS: np.array([s.distance for s in seen])}
    distances |= beside(good[:: max(1, len(good) // 120)], images, detector, f)
    bad = [row["label"] != "good" for row in test]
    masks = [(folder / row["path"]).with_suffix(".png") for row in test]
    marked = [i for i, mask in enumerate(masks) if bad[i] and mask.exists()]
    pixels = pixel_auroc([seen[i].heat for i in marked], [decode(masks[i])[..., 0] > 127 for i in marked])
    print(f, {name: round(auroc(d, np.array(bad)), 3) for name, d in distances.items()}, flush=True)
    return {
        "distances": {name: d.tolist() for name, d in distances.items()}, "bad": bad,
        "alarm": [s.alarm for s in seen], "tile": [row["tile"] for row in test],
        "kind": [Path(row["path"]).parts[0] for row in test], "pixel_auroc": pixels,
    }  # fmt: skip


def among_good(run: dict[str, Any], name: str) -> np.ndarray:
    """Distances of different detectors are not on one scale; their ranks among the fold's good ones are."""
    d, bad = np.array(run["distances"][name]), np.array(run["bad"])
    return np.searchsorted(np.sort(d[~bad]), d) / (~bad).sum()


def kept(args: argparse.Namespace, name: str, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `--keep FOLDER` holds of this seed or fold, or else the run, which it then holds."""
    if args.keep is None:
        return run()
    path = args.keep / f"{name}.json"
    if not path.exists():
        args.keep.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(run()))
    return json.loads(path.read_text())


def omniglot(archive: Path, minutes: float) -> dict[str, Any]:
    data = twinnet.open_dataset(archive)
    order = [str(name) for name in stream(0, "alphabets").permutation(data.group_names)]
    rest, judged = hold_out(data, order[:5])
    taught, _ = hold_out(rest, order[5:10])
    settings = {"encoder": "compact", "size_px": 28, "minutes": minutes, "validation_share": 0, "calibration_share": 0}
    model = twinnet.train(taught, twinnet.TrainConfig(**settings, seed=0), accept_leaks=True)
    rows: dict[str, list[float]] = {}
    alarms = count = 0
    for alphabet in order[:5]:
        own = np.array([judged.group_names[g] == alphabet for g in judged.groups])
        rng = stream(0, alphabet)
        mine, others = rng.permutation(np.flatnonzero(own))[:200], rng.permutation(np.flatnonzero(~own))[:100]
        good = [judged.read(int(i)) for i in mine[:100]]
        test = [judged.read(int(i)) for i in [*mine[100:], *others]]
        is_bad = np.repeat([False, True], [len(mine) - 100, len(others)])
        detector = fit(good, FitConfig(rate=RATE, by="whole", way="split", seed=0), model=model)
        seen = [detector.inspect(image, "") for image in test]
        rows.setdefault("trained twins, whole image", []).append(auroc([s.distance for s in seen], is_bad))
        raised = np.array([s.alarm for s in seen])
        alarms, count = alarms + raised[~is_bad].sum(), count + (~is_bad).sum()
        vectors, bank = model.embed(test), model.embed(good)
        forest = IsolationForest(random_state=0).fit(bank)
        rows.setdefault("isolation forest on the embeddings", []).append(auroc(-forest.score_samples(vectors), is_bad))
        rows.setdefault("raw pixels, nearest good", []).append(auroc(pixels(good, test), is_bad))
        print(alphabet, {name: round(values[-1], 3) for name, values in rows.items()}, flush=True)
    found = {name: spread(values) for name, values in rows.items()}
    show("omniglot: one alphabet is good, four others are not; AUROC over 5 alphabets", found)
    false = clopper_pearson(int(alarms), int(count))
    print(f"false alarms at {RATE:.0%} asked: {false.point:.1%} [{false.low:.1%}, {false.high:.1%}]")
    return {**found, "false_alarms": [false.point, false.low, false.high]}


def beside(good: Sequence[Any], test: Sequence[Any], detector: Any, seed: int) -> dict[str, np.ndarray]:
    """Other ways, on the same images; PatchCore takes its maps from the network that ours sees with."""
    size, net = detector.scorers[0].size_px, detector.scorers[0].net
    found = {"raw pixels, nearest good": pixels(good, test)}
    if isinstance(net, DenseTwin):
        with torch.random.fork_rng():
            torch.manual_seed(derive(seed, "untrained"))
            untrained = DenseTwin(net.width).eval()
        ways = {"PatchCore, untrained network": own(untrained), "PatchCore, our taught network": own(net)}
    else:
        # The published way takes both; the later map alone does better on tiles.
        ways = {"PatchCore, pre-trained, strides 8 and 16": levels(net.trunk, (4, 10)),
                "PatchCore, pre-trained, stride 16": levels(net.trunk, (10,))}  # fmt: skip
    for name, maps in ways.items():
        banks, probes = ([features(maps, plane(image, size)) for image in part] for part in (good, test))
        bank = torch.from_numpy(coreset(np.concatenate([f.reshape(-1, f.shape[-1]) for f in banks]), seed))
        near = [torch.cdist(torch.from_numpy(f.reshape(-1, f.shape[-1])), bank).min(1).values.max() for f in probes]
        found[name] = np.array([float(d) for d in near])
    means, asked = (np.stack([f.mean((0, 1)) for f in part]) for part in (banks, probes))  # of the last way
    forest = IsolationForest(random_state=seed).fit(means)
    found["isolation forest on the embeddings"] = -forest.score_samples(asked)
    return found


Maps = Callable[[torch.Tensor], list[torch.Tensor]]


def own(net: DenseTwin) -> Maps:
    return lambda x: [net.trunk(x)]


def levels(trunk: Lite0, blocks: tuple[int, ...]) -> Maps:
    return lambda x: trunk.levels(x.expand(-1, 3, -1, -1), blocks)


def features(maps: Maps, image: np.ndarray) -> np.ndarray:
    """Patches as PatchCore takes them: each map smoothed over 3 × 3, all brought to the size of the first."""
    pool, resize = torch.nn.functional.avg_pool2d, torch.nn.functional.interpolate
    with torch.inference_mode():
        smooth = [pool(m, 3, 1, 1) for m in maps(torch.from_numpy(image)[None, None])]
        size = smooth[0].shape[-2:]
        found = torch.cat([resize(m, size=size, mode="bilinear") for m in smooth], 1)
    return found[0].permute(1, 2, 0).contiguous().numpy()


def pixels(good: Sequence[Any], test: Sequence[Any], side: int = 64) -> np.ndarray:
    from PIL import Image

    def small(image: np.ndarray) -> np.ndarray:
        grey = Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).convert("L").resize((side, side))
        flat = np.asarray(grey, np.float32).ravel()
        return (flat - flat.mean()) / (flat.std() + 1e-6)

    a, b = np.stack([small(image) for image in good]), np.stack([small(image) for image in test])
    return np.sqrt(np.maximum((b**2).sum(1)[:, None] + (a**2).sum(1) - 2 * b @ a.T, 0)).min(1)


def length(args: argparse.Namespace) -> str:
    return f"{args.steps} steps a twin" if args.steps else f"{args.minutes:g} minutes"


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean with its 95 % interval by resampling seeds."""
    v = np.array(values)
    draws = stream(0, "seeds").choice(v, (2000, len(v))).mean(1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return {"mean": float(v.mean()), "low": float(low), "high": float(high), "each": [float(x) for x in v]}


def show(title: str, found: dict[str, Any]) -> None:
    table = Table(title=title)
    for column in ("by", "AUROC", "95 %"):
        table.add_column(column)
    for name, row in found.items():
        table.add_row(name, f"{row['mean']:.3f}", f"{row['low']:.3f} … {row['high']:.3f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
