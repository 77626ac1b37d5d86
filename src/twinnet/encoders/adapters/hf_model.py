"""Image encoders of Hugging Face's transformers: a local folder, the local cache, or, asked for, the hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from twinnet.core.errors import ConfigError
from twinnet.encoders.adapters.adapted import pooled
from twinnet.encoders.adapters.lazily import imported, offline
from twinnet.encoders.adapters.recipe import Backbone, Inputs, Opened
from twinnet.encoders.adapters.request import Request

# A positive list: a saved config may name one of these and nothing else, so it cannot ask for code or for a download.
TYPES = frozenset({
    "beit", "bit", "clip_vision_model", "convnext", "convnextv2", "cvt", "data2vec-vision", "deit", "dinat", "dinov2",
    "dinov2_with_registers", "dinov3_convnext", "dinov3_vit", "efficientnet", "focalnet", "hiera", "ijepa", "levit",
    "mobilenet_v1", "mobilenet_v2", "mobilevit", "mobilevitv2", "poolformer", "pvt", "pvt_v2", "regnet", "resnet",
    "siglip_vision_model", "swiftformer", "swin", "swinv2", "vit", "vit_mae", "vit_msn",
})  # fmt: skip
_DROPPED = ("auto_map", "quantization_config", "architectures", "id2label", "label2id", "transformers_version", "dtype")


class HfTrunk(nn.Module):
    """A transformers model as `(B, C, H, W)` → `(B, F)`: its pooled output, else its first token, else the mean."""

    def __init__(self, net: nn.Module, pool: str) -> None:
        super().__init__()
        self.net, self.pool = net, pool

    def forward(self, images: Tensor) -> Any:
        """Features of a batch."""
        out = self.net(pixel_values=images)
        if self.pool == "pooler":
            return out.pooler_output.flatten(1)
        return out.last_hidden_state[:, 0] if self.pool == "first" else pooled(out.last_hidden_state)


def open_model(request: Request, size_px: int, *, frozen: bool, download: bool) -> Opened:
    """From a folder, or by name from the local cache; from the hub only with `download`. Safetensors weights only."""
    lib = imported("transformers", "hf")
    try:
        with offline(imported("huggingface_hub", "hf"), unless=download):
            config, net, missing, pictures = _read(lib, request.name, download)
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(_absent(request.name, error, download)) from error
    if lost := [key for key in missing if "pooler" not in key]:
        raise ConfigError(
            f"hf:{request.name}: the file lacks the weights {', '.join(lost[:3])} of a {config.model_type}."
        )
    inputs = _inputs(request, config, pictures, size_px)
    net.eval()
    pool = _pool(net, inputs, bool(missing))
    trunk = HfTrunk(net, pool).eval()
    with torch.no_grad():
        features = trunk(torch.zeros(1, inputs.channels, inputs.height, inputs.width)).shape[1]
    saved = {"pool": pool, "model": plain_config(config.to_dict())}
    name = Path(request.name).name if Path(request.name).exists() else request.name
    return Opened(Backbone("hf", name, features, frozen, request.order, saved), inputs, trunk)


def _read(lib: Any, name: str, download: bool) -> tuple[Any, nn.Module, list[str], dict[str, Any]]:
    """Config, network, the names of weights that the file lacks, and how its pictures were scaled."""
    where: dict[str, Any] = {"local_files_only": not download, "trust_remote_code": False}
    config = lib.AutoConfig.from_pretrained(name, **where)
    config = getattr(config, "vision_config", config)  # of a model for pictures and texts, the half for pictures
    _known(config.model_type, name)
    state = torch.random.get_rng_state()
    torch.manual_seed(0)  # a pooling layer that the file lacks is drawn; the same file must give the same model
    try:
        net, loading = lib.AutoModel.from_pretrained(
            name, config=config, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **where
        )
    finally:
        torch.random.set_rng_state(state)
    found = lib.utils.cached_file(
        name, "preprocessor_config.json", local_files_only=not download, _raise_exceptions_for_missing_entries=False
    )
    pictures = dict(json.loads(Path(found).read_text(encoding="utf-8"))) if found else {}
    return config, net, sorted(str(key) for key in loading["missing_keys"]), pictures


def rebuild(recipe: Backbone) -> nn.Module:
    """The same network of its saved config, without weights; asks no network and runs no code but transformers'."""
    lib = imported("transformers", "hf")
    values, pool = recipe.config.get("model"), recipe.config.get("pool")
    if not isinstance(values, Mapping) or pool not in ("pooler", "first", "mean"):
        raise ConfigError(f"backbone {recipe.label}: its config is not one of transformers'.")
    values = plain_config(values)
    _known(values.pop("model_type", None), recipe.name)
    config = lib.AutoConfig.for_model(recipe.config["model"]["model_type"], **values)
    with offline(imported("huggingface_hub", "hf"), unless=False):
        return HfTrunk(lib.AutoModel.from_config(config), pool)


def plain_config(values: Mapping[str, Any]) -> dict[str, Any]:
    """A config without what names code, kernels or another model, and without what says nothing about the network."""
    kept = {
        key: plain_config(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if not key.startswith("_")
        and key not in _DROPPED
        and "implementation" not in key
        and "kernel_config" not in key
    }
    return dict(json.loads(json.dumps(kept, default=str)))


def _known(model_type: Any, name: str) -> None:
    if model_type not in TYPES:
        raise ConfigError(
            f"hf:{name}: a {model_type!r} is no image encoder known here. Known: {', '.join(sorted(TYPES))}."
        )


def _pool(net: nn.Module, inputs: Inputs, pooler_missing: bool) -> str:
    with torch.no_grad():
        out = net(pixel_values=torch.zeros(1, inputs.channels, inputs.height, inputs.width))
    if getattr(out, "pooler_output", None) is not None and not pooler_missing:
        return "pooler"
    # Tokens without a pooling layer that was trained: the first one is the picture's own, where there is such a one.
    return "first" if hasattr(net, "embeddings") and hasattr(net.embeddings, "cls_token") else "mean"


def _inputs(request: Request, config: Any, pictures: Mapping[str, Any], size_px: int) -> Inputs:
    channels = getattr(config, "num_channels", 3)
    if channels not in (1, 3):
        raise ConfigError(f"hf:{request.name}: takes {channels} channels; pictures have 1 or 3.")
    scaling = request.scaling(channels)
    if scaling is None:
        mean, std = pictures.get("image_mean"), pictures.get("image_std")
        if pictures.get("do_normalize", True) is False:
            mean, std = [0.0] * channels, [1.0] * channels
        if not mean or not std:
            raise ConfigError(
                f"hf:{request.name}: has no preprocessor_config.json that says how its pictures were scaled. "
                f"Next: put it beside config.json, or give hf:{request.name},scale=imagenet (or another scale)."
            )
        factor = 255 * float(pictures.get("rescale_factor", 1 / 255))  # usually 1
        scaling = tuple(float(m) / factor for m in mean), tuple(float(s) / factor for s in std)
    own = pictures.get("crop_size") or pictures.get("size") or getattr(config, "image_size", 0) or 224
    if isinstance(own, Mapping):
        height, width = (int(own.get(side) or own.get("shortest_edge") or 224) for side in ("height", "width"))
    elif isinstance(own, list | tuple):
        height, width = (int(side) for side in own)
    else:
        height = width = int(own)
    asked = request.size or size_px
    return Inputs(asked or height, asked or width, channels, *scaling)


def _absent(name: str, error: Exception, download: bool) -> str:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if download or Path(name).exists():
        return f"hf:{name}: cannot be opened ({first}). Next: it must hold config.json and model.safetensors."
    return (
        f"hf:{name}: is not on this machine, and nothing is fetched unasked ({first}). "
        "Next: --download (download=True), or give a folder with config.json and model.safetensors."
    )
