"""From an encoder to the bytes of an ONNX network, float or int8."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from twinnet.core.errors import MissingExtra, TwinnetError
from twinnet.core.whole import whole
from twinnet.engine import CARD
from twinnet.model import Model

_AT_ONCE = 32


class Areas(nn.Module):
    """Adaptive average pooling as two matrix products: ONNX has none for a raster that does not divide the map.

    Each cell is the mean over rows ⌊i·H/n⌋ … ⌈(i+1)·H/n⌉, as torch defines it, so the two agree to rounding.
    """

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.grid = grid

    def forward(self, features: Tensor) -> Tensor:
        """`(B, C, H, W)` → `(B, C, grid, grid)`."""
        rows, columns = (areas(int(n), self.grid) for n in features.shape[-2:])
        return rows @ features @ columns.T


def areas(n: int, grid: int) -> Tensor:
    """`(grid, n)`: the weight of each of n places in each cell."""
    weights = torch.zeros(grid, n)
    for i in range(grid):
        first, last = i * n // grid, -(-(i + 1) * n // grid)
        weights[i, first:last] = 1 / (last - first)
    return weights


def network(model: Model) -> bytes:
    """The encoder alone: `images (N, C, H, W)` float32 → `embeddings (N, D)`. Raises TwinnetError."""
    if model.spec.name.startswith("onnx:"):
        raise TwinnetError(
            f"{model.spec.name}: a model around an ONNX file cannot be exported again. Next: serve it with torch, or "
            "train on a backbone of timm or Hugging Face."
        )
    p = model.preprocess
    examples = {"images": torch.zeros(2, p.channels, p.height, p.width)}
    return traced(exportable(model), examples, ["embeddings"], {"images": {0: "n"}, "embeddings": {0: "n"}})


def exportable(model: Model) -> nn.Module:
    """A copy of the encoder without what ONNX has no word for."""
    encoder: nn.Module = copy.deepcopy(model.encoder).to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    for owner in list(encoder.modules()):
        for name, part in owner.named_children():
            if isinstance(part, nn.AdaptiveAvgPool2d) and isinstance(part.output_size, int) and part.output_size > 1:
                setattr(owner, name, Areas(part.output_size))
    return encoder


def traced(
    module: nn.Module, examples: Mapping[str, Tensor], found: Sequence[str], open_axes: Mapping[str, Mapping[int, str]]
) -> bytes:
    """Any module as ONNX: its inputs by name, the names of its outputs, and which axes may have any length."""
    check_extra()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is called legacy
        path = Path(folder) / "model.onnx"
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # where it fails, it prints the whole network
                torch.onnx.export(
                    module, tuple(examples.values()), str(path), input_names=list(examples), output_names=list(found),
                    dynamic_axes={name: dict(axes) for name, axes in open_axes.items()}, dynamo=False,
                )  # fmt: skip
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            reason = str(error).splitlines()[0][:200]
            raise TwinnetError(f"this network has a layer that ONNX does not know ({reason}).") from error
        return path.read_bytes()


def quantised(content: bytes, images: npt.NDArray[np.float32]) -> bytes:
    """int8 weights by channel, activations by the ranges that `images (N, C, H, W)` show."""
    check_extra()
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = iter([{"images": images[i : i + _AT_ONCE]} for i in range(0, len(images), _AT_ONCE)])

        def get_next(self) -> Any:
            return next(self._batches, None)

    with tempfile.TemporaryDirectory() as folder:
        whole, ready, small = (Path(folder) / f"{n}.onnx" for n in ("whole", "ready", "small"))
        whole.write_bytes(content)
        quant_pre_process(str(whole), str(ready), skip_symbolic_shape=True)
        # reduce_range: without it two products of 8 bits overflow on processors that lack VNNI.
        quantize_static(
            str(ready), str(small), Reader(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
        )  # fmt: skip
        return small.read_bytes()


def with_card(content: bytes, card: Mapping[str, Any]) -> bytes:
    """The network with everything else that a verdict needs, as JSON in its metadata."""
    import onnx

    graph = onnx.load_from_string(content)
    entry = graph.metadata_props.add()
    entry.key, entry.value = CARD, json.dumps(card)
    return bytes(graph.SerializeToString())


def written(path: Path, content: bytes) -> None:
    """The file, whole or not at all. Raises TwinnetError."""
    try:
        with whole(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise TwinnetError(f"{path}: the model cannot be written ({error.strerror or error}).") from error


def check_extra() -> None:
    """Raises MissingExtra where onnx or its runtime is not installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise MissingExtra("exporting needs onnx and onnxruntime. Next: pip install 'twinnet[onnx]'.") from error
