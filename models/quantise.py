"""Weight-only int8, one scale per output channel: activations stay float32, so no score depends on its neighbours.

In the file a weight is int8 and is turned back by Cast and Mul, which ONNX Runtime folds into a constant when it
loads the graph (a DequantizeLinear it keeps for every run, unless told otherwise). Symmetric, absolute maximum / 127
per channel, as in the ONNX quantisation guide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from models.heads import MultiHead

Floats = npt.NDArray[np.float32]
SMALLEST = 4096  # values; a smaller weight isn't worth two nodes


def to_int8(weight: Floats, axis: int) -> tuple[npt.NDArray[np.int8], Floats]:
    """int8 values and the float32 scale per index of `axis`, shaped to broadcast."""
    other = tuple(a for a in range(weight.ndim) if a != axis)
    scale = (np.abs(weight).max(axis=other, keepdims=True) / np.float32(127)).astype(np.float32)
    scale[scale == 0] = 1
    return np.clip(np.rint(weight / scale), -127, 127).astype(np.int8), scale


def round_weights(network: MultiHead) -> None:
    """Put each matrix of the encoder through int8 and back, in place: what torch then computes is what ships."""
    with torch.no_grad():
        for parameter in network.encoder.parameters():
            if parameter.ndim == 2 and parameter.numel() >= SMALLEST:
                q, scale = to_int8(parameter.numpy(), 0)
                parameter.copy_(torch.from_numpy(q.astype(np.float32) * scale))


def quantise_weights(model: onnx.ModelProto) -> int:
    """Store the weights of Gather, MatMul and Gemm as int8, in place; gives how many."""
    graph = model.graph
    stored = {t.name: t for t in graph.initializer}
    axis_of: dict[str, int] = {}
    for node in graph.node:
        if node.op_type == "Gather" and node.input[0] in stored:
            axis_of[node.input[0]] = 0
        elif node.op_type == "MatMul" and node.input[1] in stored:
            axis_of[node.input[1]] = 1
        elif node.op_type == "Gemm" and node.input[1] in stored:
            turned = any(a.name == "transB" and a.i for a in node.attribute)
            axis_of[node.input[1]] = 0 if turned else 1
    added = []
    for name, axis in axis_of.items():
        weight = numpy_helper.to_array(stored[name])
        if weight.ndim != 2 or weight.size < SMALLEST or weight.dtype != np.float32:
            continue
        q, scale = to_int8(weight, axis)
        graph.initializer.remove(stored[name])
        graph.initializer.extend(
            [numpy_helper.from_array(q, f"{name}.int8"), numpy_helper.from_array(scale, f"{name}.scale")]
        )
        added += [
            helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]),
        ]
    nodes = [*added, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return len(added) // 2
