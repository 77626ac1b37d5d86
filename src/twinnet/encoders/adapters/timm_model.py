"""Image encoders of timm: from a safetensors file, from the local cache of its hub, or, asked for, from the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from twinnet.core.errors import ConfigError
from twinnet.encoders.adapters.adapted import pooled
from twinnet.encoders.adapters.lazily import imported, offline
from twinnet.encoders.adapters.recipe import Backbone, Inputs, Opened
from twinnet.encoders.adapters.request import Request


def open_model(request: Request, size_px: int, *, frozen: bool, download: bool) -> Opened:
    """`timm:resnet18`, with `weights=FILE.safetensors` or from the cache. Raises ConfigError with the next step."""
    timm = imported("timm", "timm")
    asked = request.size or size_px
    config: dict[str, Any] = {"architecture": request.name, "img_size": 0}
    bare = _create(timm, config)
    own = dict(getattr(bare, "pretrained_cfg", None) or {})
    weights = Path(request.weights) if request.weights else _cached(request.name, own, download)
    if not weights.is_file() or weights.suffix != ".safetensors":
        raise ConfigError(f"timm:{request.name}: {weights} is no safetensors file; others are not opened.")
    channels, height, width = own.get("input_size") or (3, 224, 224)
    if asked and asked != height and own.get("fixed_input_size"):
        config["img_size"] = asked
    trunk = _create(timm, config, pretrained=True, pretrained_cfg_overlay={"file": str(weights)}).float().eval()
    inputs = _inputs(request, own, channels, asked or height, asked or width)
    with torch.no_grad():
        features = pooled(trunk(torch.zeros(1, channels, inputs.height, inputs.width))).shape[1]
    return Opened(Backbone("timm", request.name, features, frozen, request.order, config), inputs, trunk)


def rebuild(recipe: Backbone) -> nn.Module:
    """The architecture without its weights; asks no network."""
    config = recipe.config
    name, side = config.get("architecture"), config.get("img_size")
    # "hf-hub:" and "local-dir:" names would make timm read a config from elsewhere.
    if not isinstance(name, str) or ":" in name or type(side) is not int or not 0 <= side <= 4096:
        raise ConfigError(f"backbone {recipe.label}: {name!r} is no architecture of timm.")
    return _create(imported("timm", "timm"), config)


def _create(timm: Any, config: dict[str, Any], **more: Any) -> nn.Module:
    name = config["architecture"]
    if ":" in name:
        raise ConfigError(f"timm:{name}: give the plain name of a model, such as timm:resnet18.a1_in1k.")
    if config["img_size"]:
        more["img_size"] = config["img_size"]
    try:
        # Without classes timm gives the pooled features, (B, F).
        net: nn.Module = timm.create_model(name, **{"pretrained": False, **more}, num_classes=0)
    except Exception as error:  # timm raises RuntimeError, KeyError, AttributeError …, torch RuntimeError
        raise ConfigError(
            f"timm:{name}: cannot be made ({type(error).__name__}: {error}). "
            "Next: check the name with timm.list_models()."
        ) from error
    return net


def _cached(name: str, own: dict[str, Any], download: bool) -> Path:
    hub_id = own.get("hf_hub_id")
    if not hub_id:
        raise ConfigError(f"timm:{name}: has no weights on timm's hub. Next: timm:{name},weights=FILE.safetensors.")
    hub = imported("huggingface_hub", "timm")
    try:
        with offline(hub, unless=download):
            return Path(hub.hf_hub_download(hub_id, "model.safetensors", local_files_only=not download))
    except (OSError, ValueError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        asked = "" if download else "--download (download=True), or "
        unasked = "cannot be fetched" if download else "is not on this machine, and nothing is fetched unasked"
        raise ConfigError(
            f"timm:{name}: {unasked} ({first}). Next: {asked}timm:{name},weights=FILE.safetensors."
        ) from error


def _inputs(request: Request, own: dict[str, Any], channels: int, height: int, width: int) -> Inputs:
    scaling = request.scaling(channels)
    if scaling is None:
        mean, std = own.get("mean"), own.get("std")
        if not mean or not std:
            raise ConfigError(
                f"timm:{request.name}: does not say how its pictures were scaled. "
                f"Next: timm:{request.name},scale=imagenet."
            )
        scaling = tuple(map(float, mean)), tuple(map(float, std))
    return Inputs(height, width, channels, *scaling)
