"""What a network of a given recipe is made of, known before a single weight is believed."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, device, nn, random

from twinnet import compare, encoders
from twinnet.encoders import EncoderSpec


def skeleton(spec: EncoderSpec, comparison: str) -> tuple[nn.Module, nn.Module]:
    """Both parts with shapes but no numbers: no memory for what a file only claims, no random draw to undo."""
    with device("meta"):
        second = compare.build(comparison, spec.dim)
        try:
            return encoders.build(spec), second
        except (RuntimeError, NotImplementedError):
            if spec.backbone is None:
                raise
    # A backbone that reads a number while it is built cannot be built without any.
    with random.fork_rng(devices=[]):
        return encoders.build(spec), second


def filled(spec: EncoderSpec, encoder: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """The skeleton's encoder with these weights, which fit it."""
    encoder.load_state_dict(dict(weights), assign=True)
    if not any(buffer.is_meta for buffer in encoder.buffers()):
        return encoder
    # Some backbones compute tables while they are built, which no file holds: built again, with numbers.
    with random.fork_rng(devices=[]):
        real = encoders.build(spec)
    real.load_state_dict(dict(weights))
    return real


def tensors_of(encoder: nn.Module, comparison: nn.Module) -> dict[str, Tensor]:
    """Every tensor that a model file holds, by its name there."""
    tensors = {f"encoder.{name}": value for name, value in encoder.state_dict().items()}
    return tensors | {f"comparison.{name}": value for name, value in comparison.state_dict().items()}


def misfit(needed: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """The first tensor that is missing, too many, or of another shape; empty where all fit."""
    for name in sorted(needed.keys() | given.keys()):
        if name not in given:
            return f"tensor {name} is missing"
        if name not in needed:
            return f"tensor {name} belongs to no part of this network"
        want, have = needed[name], given[name]
        if (want.shape, want.dtype) != (have.shape, have.dtype):
            kinds = [f"{str(t.dtype).removeprefix('torch.')} {tuple(t.shape)}" for t in (have, want)]
            return f"tensor {name} is {kinds[0]} where {kinds[1]} is needed"
    return ""
