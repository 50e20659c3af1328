"""The float graph that a static int8 one was made of, as far as its stored weights tell."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper


def float_graph(model: bytes) -> bytes:
    """The graph without rounding of activations: each pair of QuantizeLinear and DequantizeLinear is left out.

    Stored weights stay int8, with one scale or one per channel, symmetric; their DequantizeLinear becomes Cast and Mul,
    which ONNX Runtime folds into a constant when it loads the graph. A graph without pairs comes back as it computes.
    """
    proto = onnx.load_model_from_string(model)
    graph = proto.graph
    stored = {each.name: each for each in graph.initializer}
    rounded: dict[str, str] = {}  # the input of a QuantizeLinear, by its output
    exact: dict[str, str] = {}  # what stands for the output of a pair
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        node.input[:] = [exact.get(name, name) for name in node.input]
        if node.op_type == "QuantizeLinear":
            rounded[node.output[0]] = node.input[0]
        elif node.op_type == "DequantizeLinear" and node.input[0] in rounded:
            exact[node.output[0]] = rounded[node.input[0]]
        elif node.op_type == "DequantizeLinear" and node.input[0] in stored and len(node.input) == 2:
            _shape_scale(node, stored)
            cast = f"{node.output[0]}.cast"
            nodes.append(helper.make_node("Cast", node.input[:1], [cast], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [cast, node.input[1]], node.output[:1]))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [each for each in graph.initializer if each.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    said: bytes = proto.SerializeToString()
    return said


def _shape_scale(node: onnx.NodeProto, stored: dict[str, onnx.TensorProto]) -> None:
    """Shape the scale of a weight, in place, so that it broadcasts along the axis of its channels."""
    scale, weight = stored[node.input[1]], stored[node.input[0]]
    if len(scale.dims) == 1:
        axis = next((each.i for each in node.attribute if each.name == "axis"), 1) % len(weight.dims)
        scale.dims[:] = [scale.dims[0], *[1] * (len(weight.dims) - 1 - axis)]
