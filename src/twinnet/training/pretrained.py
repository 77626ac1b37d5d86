"""Settings that follow from a pre-trained backbone: its input's, how long to train, what is learned at all."""

from __future__ import annotations

from dataclasses import replace

from twinnet.encoders import check_name
from twinnet.encoders.adapters import Opened, is_adapter, open_backbone
from twinnet.training.config import TrainConfig

HEAD_STEPS = 500
"""Batches for a head on stored features, where nobody said how many: seconds."""


def opened(config: TrainConfig) -> tuple[TrainConfig, Opened | None]:
    """The backbone that `config.encoder` asks for, if any, and the settings that follow from it.

    Raises ConfigError for a name that is unknown, or a backbone that is not to be had; see `open_backbone`.
    """
    if not is_adapter(config.encoder):
        if config.encoder != "auto":
            check_name(config.encoder)
        return with_budget(config), None
    found = open_backbone(
        config.encoder, size_px=config.size_px, fine_tune=config.fine_tune, download=config.download
    )  # fmt: skip
    inputs, frozen = found.inputs, found.recipe.frozen
    width = inputs.width if inputs.width != inputs.height else 0
    return replace(
        with_budget(config),
        # Its label, not what was typed: that may hold a path of this machine, and these settings are saved.
        encoder=found.recipe.label,
        size_px=inputs.height,
        width_px=width,
        channels=inputs.channels,
        class_turns=False if frozen or width else config.class_turns,
    ), found


def with_budget(config: TrainConfig) -> TrainConfig:
    """How long, where nobody said: minutes for a network, steps for a head on stored features."""
    if config.minutes or config.epochs or config.steps:
        return config
    if is_adapter(config.encoder) and not config.fine_tune:
        return replace(config, steps=HEAD_STEPS)
    return replace(config, minutes=5.0)
