from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def onnx_file(
    path: Path, shape: tuple[Any, ...] = ("batch", 3, 16, 16), features: int = 12, seed: int = 0, apart: bool = False
) -> Path:
    """A small real network: 3×3 convolution, ReLU, mean over 2×2 blocks, product. `shape` may be NHWC."""
    onnx = pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
    helper, numpy_helper, float_ = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
    rng = np.random.default_rng(seed)
    last = shape[3] in (1, 3)
    channels = shape[3] if last else shape[1]
    weights = {
        "w1": rng.normal(0, 0.4, (4, channels, 3, 3)).astype(np.float32),
        "w2": rng.normal(0, 0.4, (4 * 64, features)).astype(np.float32),
    }
    node = helper.make_node
    nodes = [node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2])] if last else []
    nodes += [
        node("Conv", ["t" if last else "x", "w1"], ["map"], pads=[1, 1, 1, 1]),
        node("Relu", ["map"], ["bright"]),
        node("AveragePool", ["bright"], ["blocks"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["blocks"], ["flat"]),
        node("MatMul", ["flat", "w2"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("x", float_, shape)],
        [helper.make_tensor_value_info("features", float_, [shape[0], features])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    onnx.save(
        model, path, save_as_external_data=apart, size_threshold=0, **({"location": "weights.bin"} if apart else {})
    )
    return path


@pytest.fixture
def make_onnx(tmp_path: Path) -> Callable[..., Path]:
    """`make_onnx("face.onnx", shape=…)` in the test's folder."""
    return lambda name="small.onnx", **how: onnx_file(tmp_path / name, **how)
