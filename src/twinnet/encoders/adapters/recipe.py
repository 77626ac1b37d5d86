"""What is saved about a pre-trained backbone beside its weights, and what a freshly opened one brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from torch import nn

from twinnet.core.errors import ConfigError

KINDS = ("lite0", "timm", "hf", "onnx")


@dataclass(frozen=True, slots=True)
class Backbone:
    """Everything that rebuilds a backbone but its weights; plain values only, and none of them names code.

    `name` is what the user called it, without folders; `features` how many numbers it makes of an image; `order` the
    order of the colour channels it was trained on; `config` what its own library needs to build it.
    """

    kind: str
    name: str
    features: int
    frozen: bool = True
    order: str = "rgb"
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"backbone: kind {self.kind!r} is unknown. Known: {', '.join(KINDS)}.")
        if type(self.features) is not int or not 1 <= self.features <= 1_000_000:
            raise ConfigError(f"backbone: features must be in 1 … 1,000,000, not {self.features!r}.")
        if self.order not in ("rgb", "bgr"):
            raise ConfigError(f"backbone: order must be rgb or bgr, not {self.order!r}.")
        if type(self.frozen) is not bool or not isinstance(self.name, str) or not isinstance(self.config, dict):
            raise ConfigError("backbone: frozen must be true or false, name a text, config an object.")

    @property
    def label(self) -> str:
        """Such as `onnx:arcface.onnx`."""
        return f"{self.kind}:{self.name}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Backbone:
        """Back from `to_dict`; an unknown key is an error."""
        if unknown := sorted(set(values) - {f.name for f in fields(cls)}):
            raise ConfigError(f"backbone: unknown {', '.join(unknown)}.")
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The pictures a backbone was trained on: pixels, channels, and mean and std per channel where white is 1."""

    height: int
    width: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A backbone with its weights: `trunk` turns `(B, C, H, W)` into `(B, features)`."""

    recipe: Backbone
    inputs: Inputs
    trunk: nn.Module
