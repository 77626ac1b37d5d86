"""An ONNX file of the user's, such as ArcFace: run by ONNX Runtime, always frozen, kept whole inside the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from twinnet.core.errors import ConfigError
from twinnet.encoders.adapters.adapted import pooled
from twinnet.encoders.adapters.graph import read_graph, self_contained
from twinnet.encoders.adapters.lazily import imported
from twinnet.encoders.adapters.recipe import Backbone, Inputs, Opened
from twinnet.encoders.adapters.request import SCALES, Request

MOST_BYTES = 1 << 30
"""A larger file is refused: a model carries its backbone, and one of this size already holds 268 million weights."""
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxTrunk(nn.Module):
    """The bytes of an ONNX file as a tensor, so that a model file holds, hashes and checks them like any weight."""

    onnx: Tensor

    def __init__(self, size: int, layout: str) -> None:
        super().__init__()
        self.register_buffer("onnx", torch.zeros(size, dtype=torch.uint8))
        self.layout = layout
        self._session: Any = None

    def __getstate__(self) -> dict[str, Any]:
        # A session cannot be copied; a copy of the module opens its own.
        return {**self.__dict__, "_session": None}

    def forward(self, images: Tensor) -> Tensor:
        """`(B, C, H, W)` → what the file gives, on the device of the images; the file itself runs on the CPU."""
        if self._session is None:
            self._session = session(self.onnx.cpu().numpy().tobytes())
        entry = self._session.get_inputs()[0]
        x = np.ascontiguousarray(images.detach().float().cpu().numpy(), _TYPES[entry.type])
        if self.layout == "nhwc":
            x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
        at_once = entry.shape[0] if isinstance(entry.shape[0], int) else len(x)
        parts = []
        for start in range(0, len(x), max(1, at_once)):
            part = x[start : start + at_once]
            # A file with a fixed batch takes nothing else; what fills it up is dropped again.
            full = np.concatenate([part, np.repeat(part[-1:], at_once - len(part), axis=0)])
            parts.append(self._session.run(None, {entry.name: full})[0][: len(part)])
        return torch.from_numpy(np.concatenate(parts).astype(np.float32)).to(images.device)


def open_file(request: Request, size_px: int) -> Opened:
    """Read the file, look at its input and output, and take its scale from the options (see docs/backbones.md)."""
    data = read_graph(Path(request.name), request.output, MOST_BYTES)
    ran = session(data)
    entries, exits = ran.get_inputs(), [exit_.name for exit_ in ran.get_outputs()]
    if len(entries) != 1 or entries[0].type not in _TYPES or len(entries[0].shape) != 4:
        seen = ", ".join(f"{e.name} {e.type} {e.shape}" for e in entries)
        raise ConfigError(f"{request.name}: needs one input of float images with 4 axes; this file takes {seen}.")
    if len(exits) != 1:
        raise ConfigError(f"{request.name}: has the outputs {', '.join(exits)}. Next: onnx:{request.name},output=NAME.")
    layout, channels, height, width = _geometry(request, entries[0].shape, size_px)
    scaling = request.scaling(channels)
    if scaling is None and (channels, height, width) == (3, 112, 112):
        scaling = ((127.5 / 255,) * 3, (128 / 255,) * 3)  # what InsightFace's recognition files were trained on
    if scaling is None:
        raise ConfigError(
            f"{request.name}: a file does not say how its pixels were scaled, and {channels}×{height}×{width} is not "
            f"the usual input of a face network. Next: onnx:{request.name},scale=NAME with one of {', '.join(SCALES)}, "
            "or mean= and std= in units of 0 … 255."
        )
    trunk = OnnxTrunk(len(data), layout)
    trunk.onnx.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
    try:
        features = pooled(trunk(torch.zeros(1, channels, height, width))).shape[1]
    except Exception as error:  # ONNX Runtime's own errors share no base
        raise ConfigError(f"{request.name}: does not run on a {height}×{width} picture: {error}.") from error
    config = {"bytes": len(data), "layout": layout}
    recipe = Backbone("onnx", Path(request.name).name, features, True, request.order, config)
    return Opened(recipe, Inputs(height, width, channels, *scaling), trunk)


def rebuild(recipe: Backbone) -> nn.Module:
    """The trunk with as many bytes as the file had; a model file's tensors fill them."""
    size, layout = recipe.config.get("bytes"), recipe.config.get("layout")
    if type(size) is not int or not 0 < size <= MOST_BYTES or layout not in ("nchw", "nhwc"):
        raise ConfigError(f"backbone {recipe.label}: bytes {size!r} and layout {layout!r} cannot be.")
    imported("onnxruntime", "onnx")
    return OnnxTrunk(size, layout)


def session(data: bytes) -> Any:
    """ONNX Runtime on the CPU, with as many threads as torch has. Raises ConfigError for bytes that are no network."""
    runtime = imported("onnxruntime", "onnx")
    self_contained(data)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # warnings about unused weights are not a user's concern
    try:
        return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ConfigError(f"ONNX Runtime cannot run this network: {error}.") from error


def _geometry(request: Request, shape: list[Any], size_px: int) -> tuple[str, int, int, int]:
    """Layout, channels, height and width; a file that leaves its size open needs one."""
    layout = "nhwc" if shape[3] in (1, 3) and shape[1] not in (1, 3) else "nchw"
    c, h, w = (shape[3], shape[1], shape[2]) if layout == "nhwc" else shape[1:]
    asked = request.size or size_px
    for name, side in (("high", h), ("wide", w)):
        if isinstance(side, int) and asked and asked != side:
            raise ConfigError(
                f"{request.name}: takes pictures {side} pixels {name}, not {asked}. Next: leave size out."
            )
    if not asked and not (isinstance(h, int) and isinstance(w, int)):
        raise ConfigError(
            f"{request.name}: leaves its size open. Next: onnx:{request.name},size=112, as it was trained."
        )
    channels = c if isinstance(c, int) else 3
    if channels not in (1, 3):
        raise ConfigError(f"{request.name}: takes {channels} channels; pictures have 1 or 3.")
    return layout, channels, h if isinstance(h, int) else asked, w if isinstance(w, int) else asked
