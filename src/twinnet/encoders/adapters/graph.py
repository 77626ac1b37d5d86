"""An ONNX file as one piece of bytes: weights that lie beside it brought in, what lies behind the wanted output cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twinnet.core.errors import ConfigError
from twinnet.encoders.adapters.lazily import imported


def read_graph(path: Path, output: str, most_bytes: int) -> bytes:
    """The network of `path` up to `output` (its own output where empty), self-contained.

    Raises ConfigError for a file that is missing, too large or no ONNX, and for an output that it does not have.
    """
    onnx = imported("onnx", "onnx")
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such ONNX file. Next: check the spelling, onnx:FILE.")
    if path.stat().st_size > most_bytes:
        raise _too_large(path, path.stat().st_size, most_bytes)
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf's, onnx's and the system's errors share no base
        raise ConfigError(f"{path}: cannot be read as ONNX ({type(error).__name__}: {error}).") from error
    if not model.graph.node:
        raise ConfigError(f"{path}: this is not ONNX, or a network without a layer.")
    own = [o.name for o in model.graph.output]
    if output and output not in own:
        _cut(onnx, model, output, path)
    elif output:
        kept = [o for o in model.graph.output if o.name == output]
        del model.graph.output[:]
        model.graph.output.extend(kept)
    if model.ByteSize() > most_bytes:
        raise _too_large(path, model.ByteSize(), most_bytes)
    # Weights in files beside it are in memory now, and must be written into the same bytes.
    onnx.external_data_helper.convert_model_from_external_data(model)
    return bytes(model.SerializeToString())


def self_contained(data: bytes) -> None:
    """Raises ConfigError for bytes that are no ONNX, or whose weights point to another file of whoever opens them."""
    onnx = imported("onnx", "onnx")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:
        raise ConfigError(f"these bytes cannot be read as ONNX ({type(error).__name__}: {error}).") from error
    graphs = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    tensors: list[Any] = []
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            nodes += graph.node
            tensors += graph.initializer
            tensors += [part for sparse in graph.sparse_initializer for part in (sparse.values, sparse.indices)]
            continue
        for attribute in nodes.pop().attribute:
            graphs += [attribute.g, *attribute.graphs]
            tensors += [attribute.t, *attribute.tensors, attribute.sparse_tensor.values]
    if any(tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors):
        raise ConfigError("the weights of this ONNX network lie in another file, which is not opened.")


def _cut(onnx: Any, model: Any, output: str, path: Path) -> None:
    """Keep only the nodes and weights that `output` needs, and make it the one output."""
    maker = {name: node for node in model.graph.node for name in node.output}
    if output not in maker:
        inner = [f"{name} ({node.op_type})" for node in model.graph.node[-6:] for name in node.output]
        names = ", ".join([o.name for o in model.graph.output] + inner)
        raise ConfigError(f"{path}: has nothing called {output!r}. Its last ones: {names}.")
    needed, open_names = set[str](), [output]
    while open_names:
        name = open_names.pop()
        if name not in needed:
            needed.add(name)
            node = maker.get(name)
            open_names += _inputs(node) if node is not None else []
    nodes = [node for node in model.graph.node if needed & set(node.output)]
    weights = [weight for weight in model.graph.initializer if weight.name in needed]
    del model.graph.node[:], model.graph.initializer[:], model.graph.output[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(weights)
    model.graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None))


def _inputs(node: Any) -> list[str]:
    """Names that a node reads, those that its branches and loops read from around them too."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            for inner in graph.node:
                names += _inputs(inner)
    return names


def _too_large(path: Path, size: int, most: int) -> ConfigError:
    return ConfigError(
        f"{path}: has {size:,} bytes; a model carries its backbone, and at most {most:,} are taken. "
        "Next: take a smaller one, or its float16 version."
    )
