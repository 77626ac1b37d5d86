"""Twins for finding things again: settings that suit it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from twinnet.core.progress import SILENT, Progress
from twinnet.data import Dataset, open_dataset
from twinnet.model import Model
from twinnet.training import TrainConfig, calibrate, train
from twinnet.training.run import split

FEW = 40
"""Fewer things than this to learn from ask for other settings."""


def retrieval_config(things: int = 1000, *, minutes: float = 5.0, size_px: int = 32, seed: int = 0) -> TrainConfig:
    """For so many things, what was best on the development identities of `benchmarks/retrieval.py`.

    Pictures are cut to what is on them and made small: in minutes on a CPU, four times as many steps are worth more
    than twice the pixels. The multi-similarity loss ranks within batches of 64 identities. No identities are spared to
    choose a checkpoint; few set the threshold. Of fewer than 40 things more pictures of each go into a batch, turned by
    quarters to make more things of them, and the network is half as wide.
    """
    few = things < FEW  # a large network learns them by heart
    return TrainConfig(
        encoder="resnet", loss="multi_similarity", dim=128, width=12 if few else 24, size_px=size_px, trim=not few,
        minutes=minutes, identities_per_batch=64, items_per_identity=16 if few else 4, augment="retrieval",
        class_turns=few, learning_rate=1e-3 if few else 3e-3, validation_share=0.0, calibration_share=0.05, seed=seed,
    )  # fmt: skip


def train_retrieval(
    data: Dataset | str | Path,
    out: str | Path | None = None,
    *,
    minutes: float = 5.0,
    size_px: int = 32,
    seed: int = 0,
    tell: Callable[[list[str]], None] | None = None,
    progress: Progress = SILENT,
) -> Model:
    """Train on a folder with one subfolder per thing, each with several pictures of it, and save to `out`.

    Different things may look alike here, so near copies among them do not stop it. Raises what `train` raises.
    """
    data = data if isinstance(data, Dataset) else open_dataset(data)
    config = retrieval_config(data.n_identities, minutes=minutes, size_px=size_px, seed=seed)
    model = train(data, config, out=out, accept_leaks=True, tell=tell, progress=progress)
    if data.n_identities < FEW:
        model = headless(model)
        held = split(data, config).calibration
        model = calibrate(model, held, seed=seed, progress=progress) if held is not None else model
        if out is not None:
            model.save(out)
    return model


def headless(model: Model) -> Model:
    """The same twins without their last layer: what is pooled of the last feature map is the embedding.

    The last layer learns most by heart which things it was taught (Chen et al. 2020 leave theirs out for this reason).
    The threshold belongs to the old embedding and goes.
    """
    encoder = copy.deepcopy(model.encoder)
    width = int(encoder.fc.in_features)  # type: ignore[union-attr, arg-type]
    encoder.fc = torch.nn.Linear(width, width)
    torch.nn.init.eye_(encoder.fc.weight)
    torch.nn.init.zeros_(encoder.fc.bias)
    encoder.dim = width  # type: ignore[assignment]
    return replace(model, encoder=encoder.eval(), spec=replace(model.spec, dim=width), rule=None)
