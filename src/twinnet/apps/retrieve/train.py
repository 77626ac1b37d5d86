"""Twins for finding things again: settings that suit it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from twinnet.core.progress import SILENT, Progress
from twinnet.data import Dataset, Preprocess, load, open_dataset
from twinnet.data.split import split_identities
from twinnet.model import Model
from twinnet.training import TrainConfig, calibrate
from twinnet.training.check import as_notes, check
from twinnet.training.described import mapped, shared, with_network
from twinnet.training.facts import training_facts
from twinnet.training.loop import Learned
from twinnet.training.machine import choose
from twinnet.training.plan import resolve
from twinnet.training.run import fingerprint, split

FEW = 40
"""From fewer things than this a network learns nothing that holds for others."""
_ENOUGH = 10  # things that can say how much the network should count


def retrieval_config(*, minutes: float = 5.0, size_px: int = 64, seed: int = 0) -> TrainConfig:
    """What was best on the development identities of `benchmarks/retrieval.py`.

    Pictures are cut to what is on them and described (`twinnet.encoders.described`); the network is a small one over
    the description. The multi-similarity loss ranks within batches of 64 identities. No identities are spared to choose
    a checkpoint; some say how much the network counts, and others set the threshold.
    """
    return TrainConfig(
        encoder="shallow", loss="multi_similarity", dim=256, size_px=size_px, trim=True, minutes=minutes,
        identities_per_batch=64, items_per_identity=4, augment="described", learning_rate=3e-3, validation_share=0.0,
        calibration_share=0.1, class_turns=False, group_blocks=0, seed=seed,
    )  # fmt: skip


def train_retrieval(
    data: Dataset | str | Path,
    out: str | Path | None = None,
    *,
    minutes: float = 5.0,
    size_px: int = 64,
    seed: int = 0,
    tell: Callable[[list[str]], None] | None = None,
    progress: Progress = SILENT,
) -> Model:
    """Train on a folder with one subfolder per thing, each with several pictures of it, and save to `out`.

    The embedding has two parts: a map of the described picture, learned in closed form, and what a network makes of the
    description, which learns for what is left of `minutes`. Fewer than 40 things get the first part only, in seconds.
    With `out`, a checkpoint `out + ".checkpoint"` is written as it goes and taken up again after an interruption.
    Different things may look alike here, so near copies among them do not stop it. Raises what `train` raises.
    """
    began = time.monotonic()
    data = data if isinstance(data, Dataset) else open_dataset(data)
    config = resolve(retrieval_config(minutes=minutes, size_px=size_px, seed=seed), data)
    parts, machine = split(data, config), choose(config.device, config.precision)
    found = check(
        data, {"training": parts.train, "calibration": parts.calibration}, accept_leaks=True, seed=seed,
        progress=progress,
    )  # fmt: skip
    if tell:
        tell(as_notes(found, data.source))
    store = load(parts.train, Preprocess(size_px, size_px, config.channels, trim=config.trim), progress=progress)
    model, planes = mapped(store, progress=progress)
    judges, others = _halves(parts.calibration, seed)
    learned = Learned(stopped="nothing to repeat: the map is computed at once")
    if data.n_identities >= FEW:
        left = max(minutes / 2, minutes - (time.monotonic() - began) / 60)
        model, learned = with_network(
            model, planes, store.dataset.labels(), replace(config, minutes=left), machine,
            save_to=Path(f"{out}.checkpoint") if out else None,
            run={"config": config.to_dict(), "data": fingerprint(data)}, progress=progress,
        )  # fmt: skip
    held = {name: part for name, part in (("validation", judges), ("calibration", others)) if part is not None}
    facts = training_facts(data, store.dataset, held, [store], config, learned, machine, time.monotonic() - began)
    if judges is not None and data.n_identities >= FEW:
        model, facts["network_share"] = shared(model, load(judges, model.preprocess, progress=progress))
    model = replace(model, facts=facts)
    if others is not None:
        model = calibrate(model, others, seed=seed, progress=progress)
    if out is not None:
        model.save(out)
        Path(f"{out}.checkpoint").unlink(missing_ok=True)
    return model


def _halves(held: Dataset | None, seed: int) -> tuple[Dataset | None, Dataset | None]:
    """Things that say how much the network counts, and others for the threshold; of few all are for the latter."""
    if held is None or held.n_identities < 2 * _ENOUGH:
        return None, held
    judges, others = split_identities(held, [0.5, 0.5], seed)
    return judges, others
