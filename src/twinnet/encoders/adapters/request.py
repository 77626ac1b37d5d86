"""What a user asks for: `lite0:imagenet`, `timm:resnet18`, `hf:FOLDER`, `onnx:FILE`, with `,option=value` behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twinnet.core.errors import ConfigError
from twinnet.encoders.adapters.recipe import KINDS

# What was done to a pixel of 0 … 255 before it entered: (x − mean) / std, one number for all channels or one for each.
SCALES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "arcface": ((127.5,), (128.0,)),
    "half": ((127.5,), (127.5,)),
    "unit": ((0.0,), (255.0,)),
    "raw": ((0.0,), (1.0,)),
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}
_OPTION = re.compile(r",([a-z]+)=([^,]*)$")
_OPTIONS = ("scale", "mean", "std", "order", "size", "output", "weights")


@dataclass(frozen=True, slots=True)
class Request:
    """A backbone and the options given with it; empty ones are left to its file. `mean` and `std` in pixel units."""

    kind: str
    name: str
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    order: str = "rgb"
    size: int = 0
    output: str = ""
    weights: str = ""

    def scaling(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Mean and std per channel where white is 1, or None where none was asked for."""
        if not self.std:
            return None
        return _spread(self.mean, channels), _spread(self.std, channels)


def is_adapter(encoder: str) -> bool:
    """Whether an encoder's name asks for a pre-trained backbone."""
    return encoder.partition(":")[0] in KINDS and ":" in encoder


def parse(encoder: str) -> Request:
    """Read `KIND:NAME[,option=value …]`. Raises ConfigError for an unknown option or a value that cannot be."""
    kind, _, name = encoder.partition(":")
    options: dict[str, str] = {}
    while found := _OPTION.search(name):
        key, value = found.groups()
        if key not in _OPTIONS:
            raise ConfigError(f"{encoder}: option {key!r} is unknown. Known: {', '.join(_OPTIONS)}.")
        options.setdefault(key, value)
        name = name[: found.start()]
    if not name:
        raise ConfigError(
            f"{encoder!r} names no backbone. Next: lite0:imagenet, timm:NAME, hf:NAME or hf:FOLDER, onnx:FILE."
        )
    scale = options.get("scale", "")
    if scale and scale not in SCALES:
        raise ConfigError(f"{encoder}: scale {scale!r} is unknown. Known: {', '.join(SCALES)}.")
    if scale and ("mean" in options or "std" in options):
        raise ConfigError(f"{encoder}: give a scale or mean and std, not both.")
    mean, std = SCALES.get(scale, ((), ()))
    if "mean" in options or "std" in options:
        mean, std = _numbers(encoder, options.get("mean", "0")), _numbers(encoder, options.get("std", "1"))
    if std and min(std) <= 0:
        raise ConfigError(f"{encoder}: std must be above 0.")
    order, size = options.get("order", "rgb"), options.get("size", "0")
    if order not in ("rgb", "bgr"):
        raise ConfigError(f"{encoder}: order must be rgb or bgr, not {order!r}.")
    if not size.isdecimal() or int(size) > 4096:
        raise ConfigError(f"{encoder}: size must be a side in pixels, at most 4096, not {size!r}.")
    return Request(kind, name, mean, std, order, int(size), options.get("output", ""), options.get("weights", ""))


def _numbers(encoder: str, text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(":"))
    except ValueError:
        raise ConfigError(f"{encoder}: {text!r} is no number, nor several with a colon between them.") from None
    return values


def _spread(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if len(values) not in (1, channels):
        raise ConfigError(f"a backbone of {channels} channel(s) needs 1 or {channels} numbers, not {len(values)}.")
    per_channel = values * channels if len(values) == 1 else values
    return tuple(value / 255 for value in per_channel)
