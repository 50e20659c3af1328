"""Store weights as int8 (precision `int8_weights`); activations stay float32, so no score depends on its batch.

Weights are symmetric, with a scale of absolute maximum / 127 for each block of `BLOCK` inputs of an output channel, as
in the block-wise DequantizeLinear of ONNX 21. A kernel has one scale. On the logits of a trained MiniLM-L6, blocks
halve the error of one scale per channel, for 3 % more bytes; choosing the scale with the least squared error changes
nothing. In the file a weight is turned back by Cast, Mul and Reshape, which ONNX Runtime folds into a constant when it
loads the graph. It would run a DequantizeLinear every time, unless told otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

Floats = npt.NDArray[np.float32]
SMALLEST = 4096  # values; a smaller weight isn't worth three nodes
SMALLEST_TABLE = 1_000_000  # values; a table of positions has fewer, and its error, the same in each text, adds up
BLOCK = 64  # inputs that share a scale


def to_int8(weight: Floats, shape: Sequence[int], over: tuple[int, ...]) -> tuple[npt.NDArray[np.int8], Floats]:
    """Return int8 values in that shape, and the float32 scale over the axes `over`, shaped to broadcast."""
    blocks = weight.reshape(shape)
    scale = (np.abs(blocks).max(axis=over, keepdims=True) / np.float32(127)).astype(np.float32)
    scale[scale == 0] = 1
    return np.clip(np.rint(blocks / scale), -127, 127).astype(np.int8), scale


def store_tables(model: onnx.ModelProto) -> None:
    """Store large embedding tables as int8, in place; each row has a scale for each `BLOCK` values."""
    graph = model.graph
    stored = {t.name: t for t in graph.initializer}
    added: list[onnx.NodeProto] = []
    for name in dict.fromkeys(node.input[0] for node in graph.node if node.op_type == "Gather"):
        if name not in stored:
            continue
        table = numpy_helper.to_array(stored[name])
        if table.dtype == np.float32 and table.ndim == 2 and table.size >= SMALLEST_TABLE:
            added += _store(graph, stored[name], *to_int8(table, *_blocks(table.shape, 0)))
    _first(graph, added)


def quantise(model: onnx.ModelProto, network: nn.Module) -> int:
    """Store weights as int8 in the file, and round the network's own in the same way, both in place; return how many.

    These are the weights that Gather, MatMul, Gemm and Conv read, if they are parameters of the network (or one
    transposed). So torch then computes what ships.
    """
    graph = model.graph
    stored = {t.name: t for t in graph.initializer}
    parameters = _parameters(network)
    added: list[onnx.NodeProto] = []
    count = 0
    for name, channels in dict(_weights(graph)).items():
        if name not in stored or stored[name].data_type != TensorProto.FLOAT:
            continue
        weight = numpy_helper.to_array(stored[name])
        found = parameters.get(_key(weight))
        if found is None:
            continue
        q, scale = to_int8(weight, *_blocks(weight.shape, channels))
        rounded = torch.from_numpy((q.astype(np.float32) * scale).reshape(weight.shape))
        parameter, turned = found
        with torch.no_grad():
            parameter.copy_(rounded.T if turned else rounded)
        added += _store(graph, stored[name], q, scale)
        count += 1
    _first(graph, added)
    return count


def _store(
    graph: onnx.GraphProto, tensor: onnx.TensorProto, q: npt.NDArray[np.int8], scale: Floats
) -> list[onnx.NodeProto]:
    """Replace a tensor by int8 values and their scale; return the nodes that turn them back."""
    name = tensor.name
    parts: dict[str, npt.NDArray[Any]] = {"int8": q, "scale": scale, "shape": np.array(tensor.dims, np.int64)}
    graph.initializer.remove(tensor)
    graph.initializer.extend(numpy_helper.from_array(each, f"{name}.{part}") for part, each in parts.items())
    return [
        helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [f"{name}.blocks"]),
        helper.make_node("Reshape", [f"{name}.blocks", f"{name}.shape"], [name]),
    ]


def _first(graph: onnx.GraphProto, added: list[onnx.NodeProto]) -> None:
    nodes = [*added, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _blocks(shape: Sequence[int], channels: int | None) -> tuple[list[int], tuple[int, ...]]:
    """Return the shape in which a weight is rounded, and the axes that share a scale."""
    if channels is None:
        return list(shape), tuple(range(1, len(shape)))
    inputs = 1 - channels
    size = BLOCK if shape[inputs] % BLOCK == 0 else shape[inputs]
    split = [shape[inputs] // size, size]
    return ([*split, shape[1]], (1,)) if inputs == 0 else ([shape[0], *split], (2,))


def _parameters(network: nn.Module) -> dict[bytes, tuple[nn.Parameter, bool]]:
    """Return each matrix (or kernel) of the network by its contents, and also transposed, as files may have it."""
    out: dict[bytes, tuple[nn.Parameter, bool]] = {}
    for parameter in network.parameters():
        if parameter.ndim > 1 and parameter.numel() >= SMALLEST:
            values = parameter.detach().numpy()
            out[_key(values)] = parameter, False
            if parameter.ndim == 2:
                out[_key(values.T)] = parameter, True
    return out


def _key(values: Floats) -> bytes:
    return hashlib.sha256(repr(values.shape).encode() + values.tobytes()).digest()


def _weights(graph: onnx.GraphProto) -> Iterator[tuple[str, int | None]]:
    """Yield what may be a layer's weights, each with its axis of output channels; None means that it has no blocks."""
    for node in graph.node:
        if node.op_type == "Gather":
            yield node.input[0], None
        elif node.op_type == "Conv":
            yield node.input[1], None
        elif node.op_type == "MatMul":
            yield node.input[1], 1
        elif node.op_type == "Gemm":
            turned = any(a.name == "transB" and a.i for a in node.attribute)
            yield node.input[1], 0 if turned else 1
