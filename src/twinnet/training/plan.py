"""Settings left to the program are decided here, by looking at a sample of the data; what was decided is saved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from twinnet.core.errors import ConfigError, EmptyDataset, UnreadableItem
from twinnet.core.seeds import stream
from twinnet.core.types import Image
from twinnet.data.augment import AUGMENTS
from twinnet.data.dataset import Dataset
from twinnet.data.preprocess import Preprocess
from twinnet.encoders.adapters import is_adapter
from twinnet.training.config import TrainConfig

_SAMPLE = 64  # items looked at
_INK_SHARE = 0.6  # of the pixels are paper: the image is a drawing, not a photograph
# NT-Xent's for identities: docs/omniglot.md, "On other pictures", says what they are worth.
_IDENTITIES: dict[str, Any] = {"temperature": 0.015, "hard": 1.0}


def resolve(config: TrainConfig, data: Dataset) -> TrainConfig:
    """The same settings with every `auto` (0, None) replaced by a value that suits this data."""
    config = _with_loss(config, data)
    sample = _sample(data, config.seed)
    drawing = _looks_drawn(sample)
    channels = config.channels or (3 if any(image.shape[2] == 3 and _coloured(image) for image in sample) else 1)
    size = config.size_px or _size(sample, channels)
    if config.augment != "auto" and config.augment not in AUGMENTS:
        raise ConfigError(f"augment {config.augment!r} is unknown. Known: auto, {', '.join(sorted(AUGMENTS))}.")
    blocks = config.group_blocks
    square, labelled = config.width_px in (0, size), data.identities is not None
    if config.class_turns and not square:
        raise ConfigError(f"quarter turns need square pictures, and these are {size} × {config.width_px}.")
    if blocks is None:
        blocks = 2 if drawing and _groups_are_large(data, config.identities_per_batch // 2) else 0
    return replace(
        config,
        comparison=config.known_comparison,
        channels=channels,
        size_px=size,
        encoder=config.encoder if config.encoder != "auto" else ("compact" if size <= 20 else "resnet"),
        augment=config.augment if config.augment != "auto" else ("drawing" if drawing else "photo"),
        # A pre-trained trunk came from AdamW's small steps, and its head is one matrix, which has little to gain.
        optimiser=config.optimiser
        if config.optimiser != "auto"
        else ("adamw" if is_adapter(config.encoder) else "muon"),
        class_turns=config.class_turns if config.class_turns is not None else square and drawing and labelled,
        group_blocks=blocks,
    )


def _with_loss(config: TrainConfig, data: Dataset) -> TrainConfig:
    if config.loss != "auto":
        return config
    if data.identities is None:
        if data.pairs is None:
            return replace(config, loss="triplet")
        # Without a pair of different items the others of the batch must do.
        return replace(config, loss="n_pairs" if data.pairs.same.all() else "contrastive")
    if is_adapter(config.encoder) or config.known_comparison != "cosine":  # its temperature was measured without these
        return replace(config, loss="supcon")
    return replace(config, loss="nt_xent", loss_settings={**_IDENTITIES, **config.loss_settings})


def preprocessing(config: TrainConfig) -> Preprocess:
    """The geometry that these settings ask for; mean and std are measured later."""
    return Preprocess(
        config.size_px, config.width_px or config.size_px, config.channels, fit=config.fit, polarity=config.polarity,
        trim=config.trim, ink=config.ink, centre=config.centre,
    )  # fmt: skip


def _sample(data: Dataset, seed: int) -> list[Image]:
    images = []
    for i in stream(seed, "look").permutation(len(data))[:_SAMPLE]:
        try:
            images.append(data.read(int(i)))
        except UnreadableItem:
            continue  # loading counts and lists it
    if not images:
        raise EmptyDataset(f"{data.source}: none of {min(_SAMPLE, len(data))} sampled items could be read.")
    return images


def _size(sample: list[Image], channels: int) -> int:
    usual = float(np.median([max(image.shape[:2]) for image in sample]))
    # More pixels than this cost more steps than they are worth in minutes of training on a CPU.
    return int(np.clip(8 * round(usual / 8), 16, 56 if channels == 1 else 64))


def _coloured(image: Image) -> bool:
    spread = image.max(axis=2).astype(int) - image.min(axis=2)
    return bool((spread > 8).mean() > 0.01)  # JPEG gives grey pictures a little colour


def _looks_drawn(sample: list[Image]) -> bool:
    shares = []
    for image in sample:
        grey = image.mean(axis=2)
        border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        shares.append((np.abs(grey - np.median(border)) < 32).mean())
    return float(np.median(shares)) > _INK_SHARE and not any(_coloured(image) for image in sample)


def _groups_are_large(data: Dataset, identities: int) -> bool:
    if data.groups is None or data.identities is None:
        return False
    pairs = np.unique(np.stack([data.groups, data.identities]), axis=1)  # (2, distinct)
    counts = np.unique(pairs[0], return_counts=True)[1]
    return len(counts) > 1 and float(np.median(counts)) >= identities
