"""Genuine signatures against skilled and random forgeries, on writers that nothing has seen, in five folds of writers.

    python benchmarks/signatures.py --data sigcomp2011_dutch --keep work/ --json signatures.json

The folder is `<writer>/genuine/*.png` and `<writer>/forged/*.png`. In each fold the other folds' writers teach: half of
them the network, half the combination of distances. Beside it, on the same pictures and the same trials, stand a
SigNet-like network with the contrastive loss (Dey et al. 2017, scaled down) that gets the same CPU time, HOG with the
cosine distance, and dynamic time warping of three profiles; each also with the combination that twinnet learns, on the
same writers. The method was chosen on fold 0. Whole writers are resampled for the intervals. With `--keep`, an
interrupted run goes on where it was; `--only 2 3` runs two of the folds.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import twinnet
from signatures_beside import darkness_of, dtw, hog_distance, signet
from twinnet.apps.signatures.combine import learn
from twinnet.apps.signatures.layout import Signatures, signatures
from twinnet.apps.signatures.learn import CONFIG, RULE_SHARE
from twinnet.apps.signatures.matching import maps, match
from twinnet.apps.signatures.measure import INPUTS, Pictures, pictures_of
from twinnet.apps.signatures.trials import GENUINE, RANDOM, SKILLED, trials
from twinnet.core.seeds import stream
from twinnet.data import from_arrays
from twinnet.decide import WeightedRates, over_identities
from twinnet.evaluation import bare
from twinnet.training.facts import versions
from twinnet.training.plan import preprocessing

FOLDS, NUMBERS, DRAWS = 5, (1, 3, 5), 10
Tried = dict[str, Any]


def main() -> None:
    """All folds, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--steps", type=int, default=CONFIG.steps, help="Of training; 0: only what learns nothing.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="*", help="These of the folds 0 to 4 only.")
    parser.add_argument("--keep", type=Path, help="A folder for what is done already.")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    known = signatures(args.data)
    shown, known, darkness = prepared(known, args.keep)
    order = stream(args.seed, "folds").permutation(np.unique(known.writers))
    strokes = matched(known, shown, order, args)
    folds = []
    for k in range(FOLDS):
        if args.only is None or k in args.only:
            test, others = order[k::FOLDS], np.concatenate([order[j::FOLDS] for j in range(FOLDS) if j != k])
            name = f"fold{k}-{args.steps}"
            folds.append(
                kept(args.keep, name, lambda t=test, o=others: fold(known, shown, darkness, strokes, t, o, args))
            )
    report(folds, [known.data.group_names[w] for w in order[0::FOLDS]], args)


def prepared(known: Signatures, keep: Path | None) -> tuple[Pictures, Signatures, np.ndarray]:
    """Every picture in both framings, decoded once; how dark each pen was."""
    place = keep / "pictures.npz" if keep else None
    if place and place.exists():
        found = np.load(place)
        return Pictures(found["canvas"], (found["moments"], found["stretch"])), known, found["darkness"]
    shown, data = pictures_of(known.data, preprocessing(CONFIG))
    own = {key for key, genuine in zip(known.data.keys, known.genuine, strict=True) if genuine}
    known = Signatures(data, np.array([key in own for key in data.keys]))
    darkness = darkness_of(data)
    if place:
        place.parent.mkdir(parents=True, exist_ok=True)
        np.savez(place, canvas=shown.canvas, moments=shown.framed[0], stretch=shown.framed[1], darkness=darkness)
    return shown, known, darkness


def matched(known: Signatures, shown: Pictures, order: np.ndarray, args: Any) -> np.ndarray:
    """How well strokes match, `(N, N, 4)`, of all pairs that some fold needs: they learn nothing, so once for all."""
    place = args.keep / "strokes.npy" if args.keep else None
    n = len(known.data)
    out = np.load(place) if place and place.exists() else np.full((n, n, len(INPUTS) - 1), np.nan, np.float32)
    needed = known.writers[:, None] == known.writers[None]
    for k in range(FOLDS):
        rows = np.flatnonzero(np.isin(known.writers, order[k::FOLDS]))
        for trial in trials(known.of(order[k::FOLDS]), 1, draws=100, seed=args.seed):
            needed[np.ix_(rows[trial.references], rows[trial.probes])] = True
    needed &= known.genuine[:, None] | known.genuine[None]
    first, second = np.nonzero(np.triu((needed | needed.T) & np.isnan(out[:, :, 0]), 1))
    parts = [match(maps(framed), first, second) for framed in shown.framed]
    found = np.log(np.concatenate(parts, axis=1) + 1e-3)
    out[first, second] = out[second, first] = found
    if place:
        np.save(place, out)
    return out


def kept(keep: Path | None, name: str, work: Any) -> Tried:
    """What a fold gave, from the folder or anew."""
    place = keep / f"{name}.npz" if keep else None
    if place and place.exists():
        return dict(np.load(place))
    found: Tried = work()
    if place:
        np.savez(place, **found)
    return found


def fold(
    known: Signatures, shown: Pictures, darkness: np.ndarray, strokes: np.ndarray, test: np.ndarray, others: np.ndarray,
    args: Any,
) -> Tried:  # fmt: skip
    """Distances of every probe of the test writers under every method."""
    if not args.steps:
        return without_networks(known, shown, darkness, strokes, test, others, args)
    rule_writers, taught = np.split(others, [round(RULE_SHARE * len(others))])
    rows = np.flatnonzero(np.isin(known.writers, taught))
    # Decoded once for all folds: the stored canvas passes the twins' own preprocessing unchanged.
    canvas = from_arrays(shown.canvas[rows], known.data.labels()[rows], known.writers[rows])
    started = time.process_time()
    config = replace(CONFIG, steps=args.steps, ink="as_is", fit="stretch", seed=args.seed)
    model = twinnet.train(canvas, config, accept_leaks=True)
    seconds = time.process_time() - started
    model = replace(model, preprocess=replace(model.preprocess, fit="pad", ink="level"))
    beside = signet(shown.framed[1][rows, :, :, 0], known.writers[rows], known.genuine[rows], seconds, args.seed)
    out: Tried = {"cpu_s": np.array(seconds), "steps": np.array(model.facts["steps"])}
    for side, writers in (("rule", rule_writers), ("test", test)):
        rows = np.flatnonzero(np.isin(known.writers, writers))
        part, of = known.of(writers), shown.rows(rows)
        own_strokes = strokes[np.ix_(rows, rows)]
        embedded = model.embed_images(of.canvas)
        learned = model.cross(embedded, embedded), beside(of.framed[1][:, :, :, 0])
        every = columns_of(learned, of, own_strokes, darkness[rows])
        for n in NUMBERS:
            collect(out, f"{side}{n}", part, every, n, args.seed)
    return out


def without_networks(
    known: Signatures, shown: Pictures, darkness: np.ndarray, strokes: np.ndarray, test: np.ndarray, others: np.ndarray,
    args: Any,
) -> Tried:  # fmt: skip
    """The same where nothing is trained: all other writers can then set the rules."""
    out: Tried = {"cpu_s": np.array(0.0), "steps": np.array(0)}
    for side, writers in (("rule", others), ("test", test)):
        rows = np.flatnonzero(np.isin(known.writers, writers))
        none = np.zeros((len(rows), len(rows)))
        every = columns_of((none, none), shown.rows(rows), strokes[np.ix_(rows, rows)], darkness[rows])
        for n in NUMBERS:
            collect(out, f"{side}{n}", known.of(writers), every, n, args.seed)
    return out


def columns_of(
    learned: tuple[np.ndarray, np.ndarray], of: Pictures, strokes: np.ndarray, darkness: np.ndarray
) -> np.ndarray:
    """The logarithm of everything measured of a pair, `(N, N, 9)`: twinnet's inputs, then what stands beside them."""
    twins, beside = learned
    stretched = of.framed[1][:, :, :, 0]
    others = [beside, hog_distance(stretched), dtw(stretched, np.isfinite(strokes[:, :, 0]))]
    others.append(np.abs(darkness[:, None] - darkness[None]))
    logs = [np.log(np.maximum(x, 0) + 1e-3)[:, :, None] for x in (twins, *others)]
    return np.concatenate([logs[0], strokes, *logs[1:]], axis=2)


def collect(out: Tried, name: str, known: Signatures, every: np.ndarray, n: int, seed: int) -> None:
    """Between (mean and least over references) and among, for every probe of every trial."""
    mean, least, among, kind, writer = [], [], [], [], []
    for trial in trials(known, n, draws=DRAWS, seed=seed):
        between = every[np.ix_(trial.references, trial.probes)]
        own = every[np.ix_(trial.references, trial.references)][np.triu_indices(n, 1)]
        mean.append(between.mean(0))
        least.append(between.min(0))
        among.append(np.broadcast_to(own.mean(0) if n > 1 else 0 * mean[-1][0], mean[-1].shape))
        kind.append(trial.kind)
        writer.append(np.full(len(trial.probes), trial.writer))
    for part, values in (("mean", mean), ("least", least), ("among", among), ("kind", kind), ("writer", writer)):
        out[f"{name}_{part}"] = np.concatenate(values)


OURS = tuple(range(len(INPUTS)))
SIGNET, HOG, DTW, DARK = (len(INPUTS) + i for i in range(4))
ROWS: dict[str, tuple[str, tuple[int, ...]]] = {
    "twinnet signatures (default)": ("learned", OURS),
    "– the same, darkness of the ink kept as an input": ("learned", (*OURS, DARK)),
    "– strokes only, no network": ("learned", OURS[1:]),
    "– network only, learned combination": ("learned", OURS[:1]),
    "– network only, mean": ("mean", OURS[:1]),
    "– network only, least": ("least", OURS[:1]),
    "– network only, mean less the references' own": ("normalised", OURS[:1]),
    "– strokes (unlike, moments), mean": ("mean", (1,)),
    "– strokes (unlike, moments), mean less the references' own": ("normalised", (1,)),
    "SigNet-like, mean": ("mean", (SIGNET,)),
    "SigNet-like, learned combination": ("learned", (SIGNET,)),
    "HOG + cosine, mean": ("mean", (HOG,)),
    "HOG + cosine, learned combination": ("learned", (HOG,)),
    "DTW of profiles, mean": ("mean", (DTW,)),
    "DTW of profiles, learned combination": ("learned", (DTW,)),
    "darkness of the ink alone, learned combination": ("learned", (DARK,)),
}


def distances(found: Tried, n: int, how: str, columns: tuple[int, ...]) -> np.ndarray:
    """What a row of the table says of the test probes of one fold, `(T,)`."""
    side = {part: found[f"test{n}_{part}"][:, columns] for part in ("mean", "least", "among")}
    if how == "mean":
        return np.asarray(side["mean"][:, 0])
    if how == "least":
        return np.asarray(side["least"][:, 0])
    if how == "normalised":
        return np.asarray(side["mean"][:, 0] - side["among"][:, 0])
    rule = {part: found[f"rule{n}_{part}"][:, columns] for part in ("mean", "least", "among")}
    x, t = (part["mean"] if n == 1 else np.concatenate(list(part.values()), axis=1) for part in (rule, side))
    kind = found[f"rule{n}_kind"]
    used = kind != RANDOM
    return learn(x[used], kind[used] == GENUINE, found[f"rule{n}_writer"][used])(t)


def eer_over_folds(folds: list[Tried], judged: list[np.ndarray], n: int, against: int, replicates: int = 200) -> Any:
    """The mean of the folds' equal error rates; all folds' writers are resampled, or, with 0 replicates, none."""
    parts, writer = [], []
    for found, distance in zip(folds, judged, strict=True):
        kind = found[f"test{n}_kind"]
        rows = (kind == GENUINE) | (kind == against)
        parts.append(WeightedRates(distance[rows], kind[rows] == GENUINE))
        writer.append(found[f"test{n}_writer"][rows])
    ends = np.cumsum([len(w) for w in writer])[:-1]
    who = np.concatenate(writer)

    def mean(weights: np.ndarray) -> list[float]:
        pieces = np.split(weights, ends)
        return [float(np.mean([rates(w)[0] for rates, w in zip(parts, pieces, strict=True)]))]

    if not replicates:
        return bare(mean(np.ones(len(who)))[0])
    pairs = [sum(rates.pairs[0] for rates in parts)]
    return over_identities(mean, who, who, pairs=pairs, replicates=replicates)[0]


def report(folds: list[Tried], chosen_on: list[str], args: Any) -> None:
    """The table, and the same as JSON."""
    seconds = [float(found["cpu_s"]) for found in folds]
    title = f"Equal error rates, five folds, {np.mean(seconds) / 60:.1f} CPU minutes of training each; folds 1–4 beside"
    table, figures = Table(title=title), dict[str, Any]()
    table.add_column("judged by")
    for n in NUMBERS:
        table.add_column(f"skilled, {n} ref. [95 %] (folds 1–4)")
        table.add_column(f"random, {n}")
    for name, (how, columns) in ROWS.items():
        if not args.steps and {0, SIGNET} & set(columns):
            continue
        cells, row = [], dict[str, Any]()
        for n in NUMBERS:
            judged = [distances(found, n, how, columns) for found in folds]
            skilled = eer_over_folds(folds, judged, n, SKILLED)
            random = eer_over_folds(folds, judged, n, RANDOM, 0)
            late = eer_over_folds(folds[1:] or folds, judged[1:] or judged, n, SKILLED, 0)
            cells += [f"{skilled.point:.1%} [{skilled.low:.1%}, {skilled.high:.1%}] ({late.point:.1%})"]
            cells += [f"{random.point:.1%}"]
            row[str(n)] = {
                "skilled": [skilled.point, skilled.low, skilled.high],
                "random": random.point,
                "skilled_folds_1_to_4": late.point,
            }
        figures[name] = row
        table.add_row(name, *cells)
    Console(width=190).print(table)
    if args.json:
        report = {"arguments": vars(args), "eer": figures, "chosen_on": chosen_on, "cpu_s": seconds}
        args.json.write_text(json.dumps({**report, "versions": versions()}, default=str, indent=1))


if __name__ == "__main__":
    main()
