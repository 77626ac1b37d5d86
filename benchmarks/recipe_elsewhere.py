"""Does what Omniglot taught help other pictures? Parts of the recipe "handwriting" beside supcon, set by set.

    python benchmarks/recipe_elsewhere.py --shared data --minutes 3 --seeds 0 1 --json elsewhere.json

Under `--shared` lie `faces/orl`, `faces/lfw_aligned_112.zip` (people with four pictures or more count),
`signatures/sigcomp2011_dutch` (genuine ones) and `retrieval/emoji.zip`; digits are scikit-learn's. Half of the
identities teach and the others are judged, dealt by the seed; in `invented`, invented characters teach and all digits
are judged. With `--wrong-labels 0.1` a tenth of what teaches changes labels among itself. The rows: the settings that
`twinnet train` has where nothing is said, but with the loss that it had before, supcon at 0.1; the same with the
recipe's network, with its loss (which these figures made the default), and with both; and the whole recipe, which cuts
to the ink and bends. One thread; no checkpoint, threshold or setting is chosen on what is judged.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import twinnet
from omniglot_recipe import span
from twinnet.apps.signatures.layout import signatures
from twinnet.data import Dataset, split_identities
from twinnet.data.invented import InventedCharacters
from twinnet.training.facts import versions
from twinnet.training.recipes import recipe

NETWORK = ("encoder", "size_px", "head", "grid", "dim", "dropout")
LOSS = ("loss", "loss_settings")
WHOLE = recipe("handwriting")
SETTINGS: dict[str, dict[str, Any]] = {
    "supcon": {"loss": "supcon"},
    "the recipe's network": {"loss": "supcon", **{key: WHOLE[key] for key in NETWORK}},
    "the recipe's loss": {key: WHOLE[key] for key in LOSS},
    "its network and loss": {key: WHOLE[key] for key in NETWORK + LOSS},
    "the recipe": {key: value for key, value in WHOLE.items() if key != "group_blocks"},  # sets without groups
}
PLACES = {
    "faces": "faces/orl", "lfw": "faces/lfw_aligned_112.zip", "signatures": "signatures/sigcomp2011_dutch",
    "emoji": "retrieval/emoji.zip",
}  # fmt: skip
INVENTED = (2000, 8)


def main() -> None:
    """Train and judge what is not kept yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", required=True, type=Path)
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=0.0)
    budget.add_argument("--steps", type=int, default=0)
    parser.add_argument("--wrong-labels", type=float, default=0.0, help="Share of what teaches.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--json", type=Path, help="What is found goes here, and is not found again.")
    args = parser.parse_args()
    if missing := [at for name, at in PLACES.items() if name in args.sets and not (args.shared / at).exists()]:
        parser.error(f"{args.shared} lacks {', '.join(missing)}. Next: --sets without them.")
    torch.set_num_threads(1)
    how = {"minutes": args.minutes, "steps_asked": args.steps, "wrong": args.wrong_labels}
    if not (args.minutes or args.steps):
        how["minutes"] = 3.0
    kept = json.loads(args.json.read_text())["rows"] if args.json and args.json.exists() else []
    for name in args.sets:
        for seed in args.seeds:
            for setting in args.settings:
                this = {"set": name, "seed": seed, "setting": setting, **how}
                if any(this.items() <= row.items() for row in kept):
                    continue
                taught, judged = SETS[name](args.shared, seed)
                taught = with_wrong(taught, args.wrong_labels, seed)
                length = {"minutes": how["minutes"], "steps": args.steps, "seed": seed}
                kept.append({**this, **measured(taught, judged, {**SETTINGS[setting], **length})})
                print(kept[-1], flush=True)
                if args.json:
                    args.json.write_text(json.dumps({"rows": kept, "versions": versions()}, indent=1))
    show([row for row in kept if how.items() <= row.items()])


def with_wrong(data: Dataset, share: float, seed: int) -> Dataset:
    """The same items, of which a `share` has changed labels among itself."""
    rng, labels = np.random.default_rng(seed), data.labels().copy()
    some = rng.choice(len(labels), int(share * len(labels)), replace=False)
    labels[some] = labels[rng.permutation(some)]
    return replace(data, identities=labels)


def measured(taught: Dataset, judged: Dataset, setting: dict[str, Any]) -> dict[str, Any]:
    """EER over all pairs, and one-shot error among at most twenty of those judged."""
    config = twinnet.TrainConfig(**{**setting, "validation_share": 0.0, "calibration_share": 0.0})
    # A wrong label may put one picture on both sides; nothing else that is found before training matters here.
    model = twinnet.train(taught, config, accept_leaks=True)
    ways, seed = min(20, judged.n_identities), config.seed
    eer = twinnet.evaluate(model, judged, seed=seed).metrics["eer"]
    one = twinnet.evaluate(model, judged, protocol="nway", ways=ways, episodes=1000, seed=seed).metrics["error"]
    return {"eer": [eer.point, eer.low, eer.high], "one_shot": [one.point, one.low, one.high], "ways": ways,
            "steps": model.facts["steps"]}  # fmt: skip


def _halves(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    first, second = split_identities(data, [0.5, 0.5], seed)
    return first, second


def _digits(_: Path, seed: int) -> tuple[Dataset, Dataset]:
    return _halves(twinnet.open_dataset("digits"), seed)


def _invented(_: Path, seed: int) -> tuple[Dataset, Dataset]:
    number, items = INVENTED
    labels = np.repeat(np.arange(number), items)
    drawn = InventedCharacters(seed=seed, resolution=28).draw(labels, np.random.default_rng(seed))
    return twinnet.from_arrays(list(drawn), labels.tolist()), twinnet.open_dataset("digits")


def _orl(shared: Path, seed: int) -> tuple[Dataset, Dataset]:
    return _halves(twinnet.open_dataset(shared / PLACES["faces"]), seed)


def _lfw(shared: Path, seed: int) -> tuple[Dataset, Dataset]:
    data = twinnet.open_dataset(shared / PLACES["lfw"])
    labels = data.labels()
    return _halves(data.subset(np.flatnonzero(np.bincount(labels)[labels] >= 4)), seed)


def _signatures(shared: Path, seed: int) -> tuple[Dataset, Dataset]:
    known = signatures(shared / PLACES["signatures"])
    return _halves(known.data.subset(np.flatnonzero(known.genuine)), seed)


def _emoji(shared: Path, seed: int) -> tuple[Dataset, Dataset]:
    return _halves(twinnet.open_dataset(shared / PLACES["emoji"]), seed)


SETS: dict[str, Callable[[Path, int], tuple[Dataset, Dataset]]] = {
    "digits": _digits, "invented": _invented, "faces": _orl, "lfw": _lfw, "signatures": _signatures, "emoji": _emoji,
}  # fmt: skip


def show(rows: list[dict[str, Any]]) -> None:
    """A row for each set and setting."""
    table = Table(title="The recipe elsewhere")
    for column in ("set", "settings", "seeds", "EER", "one-shot error", "steps"):
        table.add_column(column)
    for name in SETS:
        for setting in SETTINGS:
            of = [row for row in rows if (row["set"], row["setting"]) == (name, setting)]
            if of:
                steps = f"{np.mean([row['steps'] for row in of]):,.0f}"
                spans = [span([row[what] for row in of]) for what in ("eer", "one_shot")]
                table.add_row(name, setting, str(len(of)), *spans, steps)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
