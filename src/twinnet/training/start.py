"""Going on from a model: its encoder, its weights and the way it looks at pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from twinnet.core.errors import ConfigError
from twinnet.model import Model
from twinnet.training.config import TrainConfig

GENTLE = 0.05
"""The share of the usual learning rate: what many identities taught should be bent, not overwritten."""


def following(config: TrainConfig, model: Model) -> TrainConfig:
    """The settings with everything that the weights of `model` fix taken from it.

    The learning rate is a quarter of the usual unless another one was asked for. Raises ConfigError for a model on a
    pre-trained backbone, and for an encoder, embedding size or input size that is asked for and is not the model's.
    """
    spec, preprocess = model.spec, model.preprocess
    if spec.backbone is not None:
        raise ConfigError(
            f"the model to start from has the backbone {spec.name}, and only our own encoders can be gone on from. "
            f"Next: --encoder {spec.name} --fine-tune."
        )
    usual = TrainConfig()
    own: dict[str, Any] = {
        "encoder": spec.name, "dim": spec.dim, "width": spec.width, "grid": spec.grid, "head": spec.head,
        "channels": spec.channels,
        "size_px": preprocess.height, "width_px": preprocess.width if preprocess.width != preprocess.height else 0,
    }  # fmt: skip
    for name, value in own.items():
        asked = getattr(config, name)
        if asked not in (value, getattr(usual, name)):
            raise ConfigError(f"the model to start from has {name} {value}, and {asked} is asked for. Next: leave it.")
    rate = config.learning_rate if config.learning_rate != usual.learning_rate else GENTLE * usual.learning_rate
    framing: dict[str, Any] = {name: getattr(preprocess, name) for name in ("fit", "polarity", "trim", "ink", "centre")}
    return replace(config, learning_rate=rate, **own, **framing)


def load_weights(network: nn.ModuleDict, model: Model) -> None:
    """The model's weights into a fresh network; of the comparison only where it is of the same kind."""
    network["encoder"].load_state_dict(model.encoder.state_dict())
    mine, theirs = network["comparison"], model.comparison
    if type(mine) is type(theirs):
        mine.load_state_dict(theirs.state_dict())
