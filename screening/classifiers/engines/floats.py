"""Turn a static int8 graph back into the float graph it was made from, except that its weights stay rounded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper


def float_graph(model: bytes) -> bytes:
    """Return the graph without the rounding of activations: pairs of QuantizeLinear and DequantizeLinear are left out.

    Stored weights stay int8 (symmetric, with one scale or one per channel). Their DequantizeLinear becomes Cast and
    Mul, which ONNX Runtime folds into a constant when it loads the graph. A product that was split into rounded and
    float channels becomes one product again. A graph without such pairs computes the same as before.
    """
    proto = onnx.load_model_from_string(model)
    graph = proto.graph
    _join(graph)
    stored = {each.name: each for each in graph.initializer}
    rounded: dict[str, str] = {}  # the output of each QuantizeLinear to its input
    exact: dict[str, str] = {}  # the output of each pair to what replaces it
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
    """Reshape the scale of a weight, in place, so that it broadcasts along the axis of the channels."""
    scale, weight = stored[node.input[1]], stored[node.input[0]]
    if len(scale.dims) == 1:
        axis = next((each.i for each in node.attribute if each.name == "axis"), 1) % len(weight.dims)
        scale.dims[:] = [scale.dims[0], *[1] * (len(weight.dims) - 1 - axis)]


def _join(graph: onnx.GraphProto) -> None:
    """Join, in place, each pair of products that the export (`models.export.qdq`) made from a single one.

    The graph adds the two up: the scaled and rounded channels times an int8 weight, and a few channels, not rounded,
    times a float weight. The int8 weight is 0 in the rows that the float weight has.
    """
    made = {name: node for node in graph.node for name in node.output}
    stored = {each.name: each for each in graph.initializer}

    def above(name: str, *kinds: str) -> onnx.NodeProto | None:
        """Follow first inputs upwards through nodes of these kinds; return the last node, or None."""
        node = None
        for kind in kinds:
            node = made.get(name)
            if node is None or node.op_type != kind:
                return None
            name = node.input[0]
        return node

    def array(name: str) -> npt.NDArray[np.float32]:
        return numpy_helper.to_array(stored[name])

    for node in [each for each in graph.node if each.op_type == "Add"]:
        scaled = above(node.input[0], "MatMul", "DequantizeLinear", "QuantizeLinear", "Mul")
        picked = above(node.input[1], "MatMul", "Gather")
        if scaled is None or picked is None:
            continue
        rounded, beside = (made[name].input[1] for name in node.input)
        values, scale = made[rounded].input
        weight = array(values) * array(scale) * array(scaled.input[1])[:, None]
        weight[array(picked.input[1])] = array(beside)
        graph.initializer.append(numpy_helper.from_array(weight, f"{rounded}.joined"))
        node.CopyFrom(helper.make_node("MatMul", [scaled.input[0], f"{rounded}.joined"], node.output))
    wanted = {each.name for each in graph.output}
    kept: list[onnx.NodeProto] = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    kept.reverse()
    del graph.node[:]
    graph.node.extend(kept)
