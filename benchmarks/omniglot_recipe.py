"""The recipe "handwriting" beside people: one-shot error on held-out Omniglot alphabets, by minutes, seed and change.

    python benchmarks/omniglot_recipe.py --data images_background.zip --minutes 3 30 --seeds 0 1 2 3 4 --keep omniglot/
    python benchmarks/omniglot_recipe.py --data images_background.zip --minutes 3 --keep omniglot/ --changes \
        class_mirror=false 'loss_settings={"temperature":0.05}' 'head="fc" dim=64' --hold-out CHOICE
    python benchmarks/omniglot_recipe.py --keep omniglot/ --figure omniglot.svg

Training sees the background alphabets but those held out, which choose nothing: neither weights nor threshold. Judged
on them: 20-way one-shot within an alphabet by all drawers in turn; 200 runs shaped as the published ones (20 characters
of one alphabet, examples by one drawer, probes by another); Koch's verification; and the common, easier protocol of
mixed alphabets. `--changes` trains the recipe again with one thing changed; CHOICE are the five alphabets on which the
recipe was chosen, and others than those reported. Minutes are those of the whole training. Each result is kept as a
file, so the runs may be made one at a time; the table is of all that are kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import twinnet
from twinnet.apps.lake_runs import write_runs
from twinnet.training.facts import versions
from twinnet.training.recipes import recipe

REPORTED = ["Armenian", "Early_Aramaic", "Korean", "Ojibwe_(Canadian_Aboriginal_Syllabics)", "Tagalog"]
CHOICE = ["Balinese", "Cyrillic", "Grantha", "Japanese_(hiragana)", "Tifinagh"]
COLUMNS = {
    "error": "20-way, all drawers", "runs": "200 runs", "koch": "Koch, right", "mixed 20-1": "mixed 20-way 1-shot",
    "mixed 20-5": "5-shot", "mixed 5-1": "5-way 1-shot", "mixed 5-5": "5-shot",
}  # fmt: skip
# Of the published evaluation runs, which are of other alphabets: Lake, Salakhutdinov & Tenenbaum 2015 and 2019, and
# Koch, Zemel & Salakhutdinov 2015.
PUBLISHED = {"prototypical networks": 13.7, "Koch's twins": 8.0, "people": 4.5, "BPL": 3.3}


def main() -> None:
    """Train and judge what is not kept yet, then print the table of what is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--keep", required=True, type=Path, help="a folder for each run's result and model")
    parser.add_argument("--minutes", nargs="*", type=float, default=[])
    parser.add_argument("--steps", type=int, default=0, help="in place of minutes: the same work on a shared machine")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--changes", nargs="*", default=[""], help="of the recipe, as NAME=JSON NAME=JSON")
    parser.add_argument("--hold-out", nargs="+", default=["REPORTED"], help="alphabets, or REPORTED, or CHOICE")
    parser.add_argument("--alphabets", type=int, default=0, help="train on so many only, the seed deciding which")
    parser.add_argument("--figure", type=Path, help="error by minutes")
    args = parser.parse_args()
    args.keep.mkdir(parents=True, exist_ok=True)
    if args.data:
        for minutes in args.minutes or [0.0]:
            for change in args.changes:
                for seed in args.seeds:
                    run(args, minutes, change, seed)
    rows = [json.loads(path.read_text()) for path in sorted(args.keep.glob("*.json"))]
    show(rows)
    if args.figure:
        draw(rows, args.figure)


def run(args: argparse.Namespace, minutes: float, change: str, seed: int) -> None:
    """Train one model, judge it, and keep both, unless they are kept already."""
    held_out = {"REPORTED": REPORTED, "CHOICE": CHOICE}.get(args.hold_out[0], args.hold_out)
    length = f"{args.steps} steps" if args.steps else f"{minutes:g} min"
    words = [held_out[0].split("_")[0], length, f"seed {seed}", change]
    words += [f"{args.alphabets} alphabets"] if args.alphabets else []
    name = " ".join(word for word in words if word).replace("/", "")
    if (args.keep / f"{name}.json").exists():
        return
    data = twinnet.omniglot(args.data)
    if held_out == CHOICE:
        data, _ = twinnet.hold_out(data, REPORTED)  # what is reported helps to choose nothing, not even as training
    rest, held = twinnet.hold_out(data, held_out)
    if args.alphabets:
        names = [rest.group_names[g] for g in np.unique(rest.groups)]
        few = np.random.default_rng(seed).choice(names, args.alphabets, replace=False)
        _, rest = twinnet.hold_out(rest, list(few))
    changed = {key: json.loads(value) for key, value in (part.split("=", 1) for part in change.split())}
    budget: dict[str, Any] = {"steps": args.steps} if args.steps else {"minutes": minutes}
    config = twinnet.TrainConfig(**{**recipe("handwriting"), **changed}, **budget, seed=seed)
    started = time.monotonic()
    model = twinnet.train(rest, config)
    seconds = time.monotonic() - started
    model.save(args.keep / f"{name}.twin")
    row = {"held_out": held_out[0], "minutes": minutes, "steps": model.facts["steps"], "seconds": round(seconds),
           "seed": seed, "change": change, "alphabets": args.alphabets, **judged(model, held),
           "weights": sum(p.numel() for p in model.encoder.parameters()), "versions": versions()}  # fmt: skip
    (args.keep / f"{name}.json").write_text(json.dumps(row, indent=1))


def judged(model: twinnet.Model, held: twinnet.Dataset) -> dict[str, Any]:
    """Shares of errors, `koch` excepted, with 95 % intervals over episodes, runs or pairs."""
    within = {"within_groups": True, "across_sessions": True}
    all_drawers = twinnet.evaluate(model, held, protocol="nway", ways=20, episodes=2000, **within)
    found = {"error": all_drawers.metrics["error"]}
    with tempfile.TemporaryDirectory() as folder:
        write_runs(held, Path(folder) / "runs", runs=200)
        found["runs"] = twinnet.evaluate(model, Path(folder) / "runs", protocol="lake20").metrics["error"]
    found["koch"] = twinnet.evaluate(model, held, protocol="koch").metrics["accuracy"]
    for ways in (20, 5):
        for shots in (1, 5):
            mixed = twinnet.evaluate(model, held, protocol="nway", ways=ways, shots=shots, episodes=1000)
            found[f"mixed {ways}-{shots}"] = mixed.metrics["error"]
    of_group = all_drawers.arrays["group"]
    by = {held.group_names[g]: 1 - float(all_drawers.arrays["accuracy"][of_group == g].mean()) for g in set(of_group)}
    return {**{what: [i.point, i.low, i.high] for what, i in found.items()}, "by_alphabet": by}


def show(rows: list[dict[str, Any]]) -> None:
    """One line for each length and change: mean over seeds, and their range or, of one seed, its interval."""
    table = Table(title="Omniglot, held-out background alphabets")
    for column in ["held out", "length", "change", "seeds", *COLUMNS.values()]:
        table.add_column(column)
    kinds = sorted({(r["held_out"], r["minutes"] or r["steps"], r["change"], r["alphabets"]) for r in rows})
    for held, length, change, alphabets in kinds:
        of = [r for r in rows if (r["held_out"], r["minutes"] or r["steps"], r["change"], r["alphabets"])
              == (held, length, change, alphabets)]  # fmt: skip
        unit = "min" if of[0]["minutes"] else "steps"
        what = change + (f" {alphabets} alphabets" if alphabets else "")
        table.add_row(held, f"{length:g} {unit}", what, str(len(of)), *(span([r[c] for r in of]) for c in COLUMNS))
    Console(width=200).print(table)


def span(found: list[list[float]]) -> str:
    """Mean and range over seeds, `(point, low, high)` each; of one seed, its interval."""
    points = [f[0] for f in found]
    low, high = (min(points), max(points)) if len(found) > 1 else found[0][1:]
    return f"{np.mean(points):.1%} [{low:.1%}, {high:.1%}]"


def draw(rows: list[dict[str, Any]], out: Path) -> None:
    """Error by minutes, each seed a point, beside what is published."""
    from matplotlib.figure import Figure

    ours = [r for r in rows if r["held_out"] == REPORTED[0] and r["minutes"] and not r["change"] and not r["alphabets"]]
    figure = Figure(figsize=(7, 4.2))
    axes = figure.subplots()
    minutes = sorted({r["minutes"] for r in ours})
    for what, label in (("runs", "200 runs of held-out alphabets"), ("error", "all drawers of them in turn")):
        line = axes.plot(minutes, [100 * np.mean([r[what][0] for r in ours if r["minutes"] == m]) for m in minutes])
        axes.plot([r["minutes"] for r in ours], [100 * r[what][0] for r in ours], ".", color=line[0].get_color(),
                  label=label)  # fmt: skip
    for name, error in PUBLISHED.items():
        axes.axhline(error, color="0.6", linewidth=0.8)
        whose = f"{name} (published runs, other alphabets)"
        axes.text(minutes[-1], error, whose, ha="right", va="bottom", fontsize=8, color="0.4")
    axes.set(xlabel="minutes of training on 2 cores", ylabel="20-way one-shot error, %", ylim=(0, 15), xscale="log")
    axes.set_xticks(minutes, [f"{m:g}" for m in minutes])
    axes.set_xticks([], minor=True)
    axes.legend()
    figure.savefig(out)


if __name__ == "__main__":
    main()
