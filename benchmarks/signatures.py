"""Genuine signatures against skilled and random forgeries, on writers that nothing has seen, in five folds of writers.

    python benchmarks/signatures.py --data sigcomp2011_dutch --keep work/ --json signatures.json

The folder is `<writer>/genuine/*.png` and `<writer>/forged/*.png`. In each fold the other folds' writers teach a
forger's line and how to combine what is measured; what has to be taught before it is combined is taught in groups of
writers, each judged by the others. Beside it, on the same pictures and the same trials, stand a SigNet-like network
with the contrastive loss (Dey et al. 2017, scaled down; two, each taught by half of the writers and combined on the
other half), HOG with the cosine distance, and dynamic time warping of three profiles; each also with the combination
that twinnet learns, on the same writers. The method was chosen on folds 0 and 1. Whole writers are resampled for the
intervals. With `--keep`, an interrupted run goes on where it was; `--only 2 3` runs two of the folds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from signatures_beside import breadth_of, darkness_of, drawn_again, dtw, hog_distance, signet
from twinnet.apps.signatures.combine import learn
from twinnet.apps.signatures.layout import Signatures, signatures
from twinnet.apps.signatures.learn import line_quality
from twinnet.apps.signatures.measure import INPUTS, PREPROCESS, Seen, look, pictures_of
from twinnet.apps.signatures.resume import resumed
from twinnet.apps.signatures.trials import GENUINE, RANDOM, SKILLED, trials
from twinnet.core.seeds import stream
from twinnet.data import Preprocess
from twinnet.decide import WeightedRates, over_identities
from twinnet.evaluation import bare
from twinnet.training.facts import versions

FOLDS, NUMBERS, DRAWS = 5, (1, 3, 5), 10
CHOSEN_ON = (0, 1)
BESIDE = Preprocess(64, 128, 1, fit="stretch", ink="level")
Tried = dict[str, Any]


def main() -> None:
    """All folds, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--minutes", type=float, default=0.45, help="CPU minutes for each SigNet-like network.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--one-breadth", action="store_true", help="Also every line drawn again by one pen; as long again."
    )
    parser.add_argument("--only", type=int, nargs="*", help="These of the folds 0 to 4 only.")
    parser.add_argument("--keep", type=Path, help="A folder for what is done already.")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    started = time.process_time()
    known = signatures(args.data)
    shown, data = pictures_of(known.data, PREPROCESS)
    known = known.among(data)
    seen = look(shown)
    read_s = time.process_time() - started
    order = stream(args.seed, "folds").permutation(np.unique(known.writers))
    pairs, pair_s = measured(known, seen, order, "pairs", args)
    looks, measures = [seen], [pairs]
    if args.one_breadth:
        looks.append(look(drawn_again(shown)))
        measures.append(measured(known, looks[1], order, "pairs_one_breadth", args)[0])
    beside, _ = pictures_of(data, BESIDE)
    every = columns_of(measures, beside[:, :, :, 0], darkness_of(data), breadth_of(shown))
    folds = []
    for k in range(FOLDS):
        if args.only is None or k in args.only:
            test, others = order[k::FOLDS], np.concatenate([order[j::FOLDS] for j in range(FOLDS) if j != k])
            taught = lambda t=test, o=others: signets(known, beside[:, :, :, 0], t, o, args)  # noqa: E731
            learned = kept(args.keep, f"signet{k}-{args.minutes}", taught)
            folds.append((k, fold(known, looks, every, learned, test, others, args.seed)))
    print(f"{read_s / len(data) * 1e3:.0f} ms of CPU for a signature, {pair_s * 1e3:.0f} ms for a pair of them")
    report(folds, [known.data.group_names[w] for k in CHOSEN_ON for w in order[k::FOLDS]], args)


def measured(known: Signatures, seen: Seen, order: np.ndarray, name: str, args: Any) -> tuple[np.ndarray, float]:
    """What twinnet measures, `(N, N, K)`, of all pairs that some fold needs: it learns nothing, so once for all.

    Also the seconds of CPU time that a pair took.
    """
    n = len(known.data)
    needed = known.writers[:, None] == known.writers[None]
    for k in range(FOLDS):
        parts = [order[k::FOLDS], np.concatenate([order[j::FOLDS] for j in range(FOLDS) if j != k])]
        for writers in parts:
            rows = np.flatnonzero(np.isin(known.writers, writers))
            for trial in trials(known.of(writers), 1, draws=100, seed=args.seed):
                needed[np.ix_(rows[trial.references], rows[trial.probes])] = True
    needed &= known.genuine[:, None] | known.genuine[None]
    first, second = np.nonzero(np.triu(needed | needed.T, 1))
    started = time.process_time()
    resumed(seen, first[:64], second[:64], INPUTS)
    pair_s = (time.process_time() - started) / 64
    out = np.full((n, n, len(INPUTS)), np.nan)
    kept = args.keep / f"{name}.npz" if args.keep else None
    out[first, second] = out[second, first] = resumed(seen, first, second, INPUTS, kept)
    return out, pair_s


def kept(keep: Path | None, name: str, work: Any) -> Tried:
    """What took long in a fold, from the folder or anew."""
    place = keep / f"{name}.npz" if keep else None
    if place and place.exists():
        return dict(np.load(place))
    found: Tried = work()
    if place:
        np.savez(place, **found)
    return found


def columns_of(
    measures: Sequence[np.ndarray], images: np.ndarray, darkness: np.ndarray, breadth: np.ndarray
) -> np.ndarray:
    """Logarithms `(N, N, K)`: twinnet's inputs, what stands beside them (SigNet's place is filled in each fold), and
    perhaps twinnet's inputs of lines that were drawn again."""
    pairs = measures[0]
    beside = [np.zeros(pairs.shape[:2]), hog_distance(images), dtw(images, np.isfinite(pairs[:, :, 0]))]
    beside += [np.abs(x[:, None] - x[None]) for x in (darkness, breadth)]
    logs = [np.log(x + 1e-3)[:, :, None] for x in beside]
    return np.concatenate([pairs, *logs, *measures[1:]], axis=2)


def fold(
    known: Signatures, looks: Sequence[Seen], every: np.ndarray, signet: Tried, test: np.ndarray, others: np.ndarray,
    seed: int,
) -> Tried:  # fmt: skip
    """Distances of every probe of the other writers and of the test writers under every method."""
    rows = {"rule": np.isin(known.writers, others), "test": np.isin(known.writers, test)}
    old = rows["rule"]
    started = time.process_time()
    quality: dict[str, list[np.ndarray]] = {"rule": [], "test": []}
    for seen in looks:
        taught, crossed = line_quality(seen.fine[old], known.genuine[old], known.writers[old], "skilled", seed)
        quality["rule"].append(crossed)
        quality["test"].append(taught(seen.fine[rows["test"]]))
    out: Tried = {"cpu_s": np.array((time.process_time() - started) / len(looks))}
    for side, writers in (("rule", others), ("test", test)):
        at = np.flatnonzero(rows[side])
        own = every[np.ix_(at, at)]
        own[:, :, SIGNET] = signet[side]
        for n in NUMBERS:
            collect(out, f"{side}{n}", known.of(writers), own, np.stack(quality[side], axis=1), n, seed)
    return out


def signets(known: Signatures, images: np.ndarray, test: np.ndarray, others: np.ndarray, args: Any) -> Tried:
    """Logarithms of the SigNet-like networks' distances: one half of the writers by what the other half taught.

    The test writers have the mean of the two networks; pairs across the halves, which only strangers are, too.
    """
    rows = {"rule": np.isin(known.writers, others), "test": np.isin(known.writers, test)}
    sizes = {side: int(chosen.sum()) for side, chosen in rows.items()}
    if not args.minutes:
        return {side: np.zeros((n, n)) for side, n in sizes.items()}
    out = {side: np.zeros((n, n)) for side, n in sizes.items()}
    halves = [others[0::2], others[1::2]]
    own = known.writers[rows["rule"]]
    parts = {}
    for i, half in enumerate(halves):
        at = np.flatnonzero(np.isin(known.writers, half))
        distance = signet(images[at], known.writers[at], known.genuine[at], 60 * args.minutes, args.seed)
        parts[i] = {side: np.log(distance(images[chosen]) + 1e-3) for side, chosen in rows.items()}
        out["test"] += parts[i]["test"] / 2
    first, second = (np.isin(own, half) for half in halves)
    out["rule"] = (parts[0]["rule"] + parts[1]["rule"]) / 2
    for mine, other in ((first, 1), (second, 0)):
        block = np.ix_(mine, mine)
        out["rule"][block] = parts[other]["rule"][block]
    return out


def collect(
    out: Tried, name: str, known: Signatures, every: np.ndarray, quality: np.ndarray, n: int, seed: int
) -> None:
    """Between (mean and least over references), among, and how much worse the line is, for every probe."""
    mean, least, among, worse, kind, writer = [], [], [], [], [], []
    for trial in trials(known, n, draws=DRAWS, seed=seed):
        between = every[np.ix_(trial.references, trial.probes)]
        own = every[np.ix_(trial.references, trial.references)][np.triu_indices(n, 1)]
        mean.append(between.mean(0))
        least.append(between.min(0))
        among.append(np.broadcast_to(own.mean(0) if n > 1 else 0 * mean[-1][0], mean[-1].shape))
        worse.append(quality[trial.probes] - quality[trial.references].mean(axis=0))
        kind.append(trial.kind)
        writer.append(np.full(len(trial.probes), trial.writer))
    found = {"mean": mean, "least": least, "among": among, "worse": worse, "kind": kind, "writer": writer}
    for part, values in found.items():
        out[f"{name}_{part}"] = np.concatenate(values)


OURS = tuple(range(len(INPUTS)))
LAID, TURNS = OURS[:-1], OURS[-1:]
SIGNET, HOG, DTW, DARK, BROAD = (len(INPUTS) + i for i in range(5))
AGAIN = tuple(len(INPUTS) + 5 + i for i in OURS)
LINE, LINE_AGAIN = -1, -2  # how much worse the line is: not a distance of a pair
ROWS: dict[str, tuple[str, tuple[int, ...]]] = {
    "twinnet signatures (default)": ("learned", (*OURS, LINE)),
    "– the same, darkness of the ink kept as an input": ("learned", (*OURS, DARK, LINE)),
    "– the same, every line drawn again with one breadth": ("learned", (*AGAIN, LINE_AGAIN)),
    "– without the line's quality": ("learned", OURS),
    "– laid over each other only": ("learned", LAID),
    "– turns of the line only": ("learned", TURNS),
    "– the line's quality only": ("learned", (LINE,)),
    "– unlike ink (stretch), mean": ("mean", (LAID[-1],)),
    "– unlike ink (stretch), mean less the references' own": ("normalised", (LAID[-1],)),
    "SigNet-like, mean": ("mean", (SIGNET,)),
    "SigNet-like, learned combination": ("learned", (SIGNET,)),
    "HOG + cosine, mean": ("mean", (HOG,)),
    "HOG + cosine, learned combination": ("learned", (HOG,)),
    "DTW of profiles, mean": ("mean", (DTW,)),
    "DTW of profiles, learned combination": ("learned", (DTW,)),
    "darkness of the ink alone, learned combination": ("learned", (DARK,)),
    "breadth of the pen alone, learned combination": ("learned", (BROAD,)),
}


def distances(found: Tried, n: int, how: str, columns: tuple[int, ...]) -> np.ndarray:
    """What a row of the table says of the test probes of one fold, `(T,)`."""
    pairs = [c for c in columns if c >= 0]
    side = {part: found[f"test{n}_{part}"][:, pairs] for part in ("mean", "least", "among")}
    if how == "mean":
        return np.asarray(side["mean"][:, 0])
    if how == "normalised":
        return np.asarray(side["mean"][:, 0] - side["among"][:, 0])

    def features(name: str) -> np.ndarray:
        parts = [found[f"{name}{n}_{part}"][:, pairs] for part in ("mean", "least", "among")[: 1 if n == 1 else 3]]
        parts += [found[f"{name}{n}_worse"][:, [-1 - c]] for c in columns if c < 0]
        return np.concatenate(parts, axis=1)

    kind = found[f"rule{n}_kind"]
    used = kind != RANDOM
    rule = learn(features("rule")[used], kind[used] == GENUINE, found[f"rule{n}_writer"][used])
    return rule(features("test"))


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


def report(folds: list[tuple[int, Tried]], chosen_on: list[str], args: Any) -> None:
    """The table, and the same as JSON."""
    late = [i for i, (k, _) in enumerate(folds) if k not in CHOSEN_ON] or list(range(len(folds)))
    tried = [found for _, found in folds]
    table, figures = Table(title="Equal error rates; those of the folds it was not chosen on beside"), dict[str, Any]()
    table.add_column("judged by")
    for n in NUMBERS:
        table.add_column(f"skilled, {n} ref. [95 %] (folds 2–4)")
        table.add_column(f"random, {n}")
    for name, (how, columns) in ROWS.items():
        if (not args.minutes and SIGNET in columns) or (not args.one_breadth and columns[0] == AGAIN[0]):
            continue
        cells, row = [], dict[str, Any]()
        for n in NUMBERS:
            judged = [distances(found, n, how, columns) for found in tried]
            skilled = eer_over_folds(tried, judged, n, SKILLED)
            random = eer_over_folds(tried, judged, n, RANDOM, 0)
            unseen = eer_over_folds([tried[i] for i in late], [judged[i] for i in late], n, SKILLED, 0)
            cells += [f"{skilled.point:.1%} [{skilled.low:.1%}, {skilled.high:.1%}] ({unseen.point:.1%})"]
            cells += [f"{random.point:.1%}"]
            row[str(n)] = {
                "skilled": [skilled.point, skilled.low, skilled.high],
                "random": random.point,
                "skilled_folds_2_to_4": unseen.point,
            }
        figures[name] = row
        table.add_row(name, *cells)
    Console(width=190).print(table)
    if args.json:
        seconds = [float(found["cpu_s"]) for found in tried]
        report = {"arguments": vars(args), "eer": figures, "chosen_on": chosen_on, "cpu_s": seconds}
        args.json.write_text(json.dumps({**report, "versions": versions()}, default=str, indent=1))


if __name__ == "__main__":
    main()
