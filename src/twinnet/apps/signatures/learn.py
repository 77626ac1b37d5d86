"""Train on a folder of signatures: the network on most writers, the rules on the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from twinnet.apps.signatures.fit import fit, measure
from twinnet.apps.signatures.layout import Signatures, signatures
from twinnet.apps.signatures.measure import Pictures, look, pictures_of
from twinnet.apps.signatures.rules import KEY, Forgeries
from twinnet.apps.signatures.synthetic import with_forgeries
from twinnet.core.errors import TooFewIdentities
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.data import Dataset
from twinnet.model import Model
from twinnet.training import TrainConfig
from twinnet.training import train as train_twins

HEIGHT_PX, WIDTH_PX = 64, 128

CONFIG = TrainConfig(
    encoder="resnet", width=16, grid=4, dim=128, loss="circle", size_px=HEIGHT_PX, width_px=WIDTH_PX, channels=1,
    fit="pad", ink="level", identities_per_batch=16, items_per_identity=6, group_blocks=8, class_turns=False,
    augment="signature", validation_share=0.0, calibration_share=0.0, steps=100,
)  # fmt: skip
"""What `signatures train` asks of the training loop. A writer and his forgeries are always in one batch."""

RULE_SHARE = 0.5
"""Share of the writers that teach the network nothing and set the thresholds."""
FEWEST = 6
"""Writers that it takes: three for the network, three for the rules."""


def learn(
    source: Signatures | Dataset | str | Path,
    config: TrainConfig = CONFIG,
    *,
    out: str | Path | None = None,
    draws: int = 10,
    progress: Progress = SILENT,
) -> Model:
    """A model with rules for 1 … 5 references. With `out` it is saved, and an interrupted training goes on.

    Where the folder has no forgeries, genuine signatures bent by the program stand in for them, and the model says so.
    Raises TooFewIdentities for fewer than six writers.
    """
    known = source if isinstance(source, Signatures) else signatures(source)
    names = known.names
    if len(names) < FEWEST:
        raise TooFewIdentities(
            f"{known.data.source} has {len(names)} writers; it takes {FEWEST}, three to learn from and three to set "
            "thresholds. Next: collect more writers: a dozen of each's signatures is enough"
        )
    forgeries: Forgeries = "skilled" if known.has_forgeries else "synthetic"
    if not known.has_forgeries:
        known = with_forgeries(known, seed=config.seed)
    order = stream(config.seed, "writers").permutation(np.unique(known.writers))
    held = max(3, round(RULE_SHARE * len(order)))
    model = train_twins(known.of(order[held:]).data, config, out=out, accept_leaks=True, progress=progress)
    shown, data = pictures_of(known.of(order[:held]).data, model.preprocess, progress)
    judged = Signatures(data, np.isin(data.keys, [k for k, g in zip(known.data.keys, known.genuine, strict=True) if g]))
    model = with_rules(model, judged, shown, forgeries=forgeries, draws=draws, progress=progress)
    if out:
        model.save(out)
    return model


def with_rules(
    model: Model, known: Signatures, shown: Pictures, *, forgeries: Forgeries, draws: int = 10, seed: int = 0,
    progress: Progress = SILENT,
) -> Model:  # fmt: skip
    """The same twins with rules learned on these writers, whom the network has not seen."""
    measured = measure(known, look(model, shown), draws=draws, seed=seed, progress=progress)
    rules = fit(known, measured, forgeries=forgeries, draws=draws, seed=seed)
    return replace(model, facts={**model.facts, KEY: rules.to_dict()})
