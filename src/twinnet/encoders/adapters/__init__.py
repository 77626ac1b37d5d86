"""Pre-trained backbones as encoders: `lite0:imagenet`, `timm:NAME`, `hf:NAME` or `hf:FOLDER`, `onnx:FILE`.

Nothing is fetched from a network unless `download` says so; nothing is ever unpickled. The libraries are imported by
the function that needs them.
"""

from __future__ import annotations

from torch import nn

from twinnet.core.errors import ConfigError
from twinnet.encoders.adapters import hf_model, lite0_package, onnx_file, timm_model
from twinnet.encoders.adapters.adapted import Adapted, Head
from twinnet.encoders.adapters.recipe import Backbone, Inputs, Opened
from twinnet.encoders.adapters.request import is_adapter, parse
from twinnet.encoders.lite0 import Lite0

__all__ = ["Adapted", "Backbone", "Head", "Inputs", "Opened", "is_adapter", "open_backbone", "rebuild"]


def open_backbone(encoder: str, *, size_px: int = 0, fine_tune: bool = False, download: bool = False) -> Opened:
    """The backbone that `encoder` names, with its weights.

    `size_px` asks for another side than its own, where it can be had. Raises ConfigError with the next step where it is
    not on this machine and `download` is False, MissingExtra where its library is absent or broken.
    """
    request = parse(encoder)
    if request.kind == "onnx":
        if fine_tune:
            raise ConfigError(
                f"{encoder}: an ONNX file can only be used frozen. "
                "Next: leave --fine-tune out, or take the same network from timm: or hf:."
            )
        return onnx_file.open_file(request, size_px)
    if request.kind == "lite0":
        return lite0_package.open_model(request, size_px, frozen=not fine_tune)
    opener = timm_model.open_model if request.kind == "timm" else hf_model.open_model
    return opener(request, size_px, frozen=not fine_tune, download=download)


def rebuild(recipe: Backbone) -> nn.Module:
    """The backbone without its weights, as the recipe of a model file describes it; asks no network."""
    if recipe.kind == "lite0":
        return Lite0()
    makers = {"timm": timm_model.rebuild, "hf": hf_model.rebuild, "onnx": onnx_file.rebuild}
    return makers[recipe.kind](recipe)
