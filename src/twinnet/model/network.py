"""What a network of a given recipe is made of, known before a single weight is believed."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, device, nn

from twinnet import compare, encoders
from twinnet.encoders import EncoderSpec


def skeleton(spec: EncoderSpec, comparison: str) -> tuple[nn.Module, nn.Module]:
    """Both parts with shapes but no numbers: no memory for what a file only claims, no random draw to undo."""
    with device("meta"):
        return encoders.build(spec), compare.build(comparison, spec.dim)


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
