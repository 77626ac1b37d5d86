"""Train twins that read: the recipe for small drawings, and a reading rule learned on alphabets of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from twinnet.apps.handwriting.reading import fit_reading
from twinnet.core.errors import DataError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.data import Dataset, hold_out, load, omniglot, open_dataset, split_identities
from twinnet.model import Model
from twinnet.training import TrainConfig
from twinnet.training import train as train_twins
from twinnet.training.calibration import calibrate_store
from twinnet.training.recipes import recipe as known_recipe

_HELD_SHARE, _MOST_HELD = 0.1, 3  # of the groups: they teach nothing and set temperature, limit and threshold
_LEAST_GROUPS = 4  # with fewer, characters are held out in place of alphabets
_CHARACTERS = 40  # held out then, at most


def recipe(minutes: float = 5.0, seed: int = 0) -> TrainConfig:
    """The recipe "handwriting", with a quarter of the drawings as by a felt pen (docs/handwriting.md)."""
    own = {"augment": "handwriting", "calibration_share": 0.0, "minutes": minutes, "seed": seed}
    return TrainConfig(**{**known_recipe("handwriting"), **own})


def open_characters(source: str | Path) -> Dataset:
    """`<alphabet>/<character>/*.png`, with drawers where the files are called as Omniglot's; or `<character>/*.png`."""
    try:
        return omniglot(source)
    except DataError:
        return open_dataset(source)


def train(
    data: Dataset | str | Path,
    config: TrainConfig | None = None,
    *,
    out: str | Path | None = None,
    resume: bool = True,
    accept_leaks: bool = False,
    tell: Callable[[list[str]], None] | None = None,
    progress: Progress = SILENT,
) -> Model:
    """Train on characters, learn how to read with it on a tenth of the alphabets (at most three), and save to `out`.

    Without groups, or with fewer than four, a fifth of the characters (at most 40) is held out in their place. What
    was held out teaches nothing. Raises as `twinnet.train` does.
    """
    config = config or recipe()
    known = data if isinstance(data, Dataset) else open_characters(data)
    taught, held = set_apart(known, config.seed)
    model = train_twins(
        taught, config, out=out, resume=resume, accept_leaks=accept_leaks, tell=tell, progress=progress
    )  # fmt: skip
    store = load(held, model.preprocess, progress=progress)
    model = calibrate_store(model, store, seed=config.seed, progress=progress)
    rule = fit_reading(model, store, seed=config.seed, progress=progress)
    model = replace(model, facts={**model.facts, "reading": rule.to_dict()})
    if out:
        model.save(out)
    return model


def set_apart(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """What teaches, and what sets the rule: whole alphabets where there are enough, else characters."""
    if data.groups is not None and len(present := np.unique(data.groups)) >= _LEAST_GROUPS:
        count = min(_MOST_HELD, max(1, round(_HELD_SHARE * len(present))))
        chosen = stream(seed, "alphabets").choice(present, count, replace=False)
        return hold_out(data, [data.group_names[g] for g in chosen])
    n = data.n_identities
    share = max(2, min(_CHARACTERS, round(0.2 * n))) / n
    taught, held = split_identities(data, [1 - share, share], seed)
    return taught, held
