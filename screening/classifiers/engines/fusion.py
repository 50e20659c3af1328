"""Rewrite a bundle's graph as a GPU runs it best: weights folded, attention in one operator, activations in float16.

ONNX Runtime finds no attention in these graphs, neither when it loads them nor with `onnxruntime.transformers`. Both
know only the masks of older exporters, with one Unsqueeze per axis, and give what they find a 2-D mask, for which CUDA
has no fused kernel. Here attention is found however its mask was made: what is added to the scores becomes the
`attention_bias` of com.microsoft.Attention. CUDA then writes no scores to memory if the length and the size of a head
are multiples of 8 (contrib_ops/cuda/bert/attention.cc). Attention of another form, such as DeBERTa's, stays as it is.

Every operator has a CPU kernel too, so a rewritten graph can be compared with the published one without a GPU.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnx import NodeProto, helper, numpy_helper

from screening.classifiers.graph import open_graph


def folded(model: bytes, file: str) -> bytes:
    """Return the graph after ONNX Runtime's basic passes, which turn weights stored in int8 into floats again.

    Raises ConfigError if the graph does not load.
    """
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = 1
    # Otherwise a DequantizeLinear stays, and a CPU then rounds the activations to int8 (MatMulNBits).
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(path)
        open_graph(model, options, ["CPUExecutionProvider"], file)
        return path.read_bytes()


def fused(model: bytes, half: bool) -> bytes:
    """Return a folded graph with fused operators for its layers.

    With `half` it computes in float16, but its inputs and outputs keep their types.
    """
    # Not at the top: these imports take a second and append their folder to sys.path. None of them imports torch.
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_by_fusion

    for name in ("onnxruntime.transformers", "onnx_model", "fusion_base", "fusion_skiplayernorm"):
        logging.getLogger(name).setLevel(logging.ERROR)
    whole = onnx.load_from_string(model)
    _Attentions(whole.graph).fuse()
    whole.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    if half:
        whole = convert_float_to_float16(whole, keep_io_types=True)
    options = FusionOptions("bert")
    options.enable_attention = options.enable_embed_layer_norm = False
    options.enable_shape_inference = False  # it would need sympy
    norms = [node for node in whole.graph.node if node.op_type == "LayerNormalization"]
    options.enable_skip_layer_norm = all(len(node.input) == 3 for node in norms)  # it fails if one has no bias
    return bytes(optimize_by_fusion(whole, "bert", optimization_options=options).model.SerializeToString())


class _Other(Exception):
    """Raised inside this module for nodes that don't have the form of an attention."""


class _Attentions:
    """The attention layers softmax(q kᵀ × scale + bias) v of a graph, in which q, k and v project one tensor."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._made = {name: node for node in graph.node for name in node.output}
        self._stored = {tensor.name: tensor for tensor in graph.initializer}
        self._squares: dict[str, str] = {}

    def fuse(self) -> None:
        """Replace each layer by one operator. Nodes that nothing reads any more stay; a later pass drops them."""
        nodes: list[NodeProto] = []
        for node in self._graph.node:
            try:
                nodes += self._attention(node)
            except _Other:
                nodes.append(node)
        del self._graph.node[:]
        self._graph.node.extend(nodes)

    def _attention(self, merge: NodeProto) -> list[NodeProto]:
        output = merge.output[0]
        transposed, shape = self._inputs(output, "Reshape")
        self._sizes(shape, 3)
        weighted, v = self._inputs(self._inputs(transposed, "Transpose", perm=[0, 2, 1, 3])[0], "MatMul")
        added = self._inputs(self._inputs(weighted, "Softmax")[0], "Add")
        scores = next((name for name in added if self._is(name, "Mul")), "")
        product, scale = self._constant_last(scores, "Mul")
        q, k = self._inputs(product, "MatMul")
        x, head, weights, biases = self._projections({q: [0, 2, 1, 3], k: [0, 2, 3, 1], v: [0, 2, 1, 3]})
        if scale.size != 1:
            raise _Other
        nodes: list[NodeProto] = []
        (bias,) = (name for name in added if name != scores)
        if bias not in self._squares:  # all layers share it; the operator needs a row for each query
            grid, square = f"{bias}_grid", f"{bias}_square"
            one = self._store("attention_one", np.array([1]))
            nodes = [
                helper.make_node("Shape", [x], [f"{bias}_rows"], start=1, end=2),
                helper.make_node("Concat", [one, one, f"{bias}_rows", one], [grid], axis=0),
                helper.make_node("Expand", [bias, grid], [square]),
            ]
            self._squares[bias] = square
        inputs = [x, self._store(f"{output}_weights", weights), self._store(f"{output}_biases", biases)]
        return [*nodes, helper.make_node(
            "Attention", [*inputs, "", "", self._squares[bias]], [output], name=f"{output}_attention",
            domain="com.microsoft", num_heads=weights.shape[1] // 3 // head, scale=float(scale.item()),
        )]  # fmt: skip

    def _projections(self, permutations: dict[str, list[int]]) -> tuple[str, int, npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the tensor that q, k and v project, the size of a head, and their weights and biases side by side."""
        found = []
        for name, permutation in permutations.items():
            split, shape = self._inputs(self._inputs(name, "Transpose", perm=permutation)[0], "Reshape")
            product, bias = self._constant_last(split, "Add")
            x, weight = self._constant_last(product, "MatMul")
            found.append((x, self._sizes(shape, 4), weight.shape, weight, bias))
        sources, heads, shapes, weights, biases = zip(*found, strict=True)
        same = all(len(set(each)) == 1 for each in (sources, heads, shapes))
        if len(found) != 3 or not same or not heads[0]:
            raise _Other
        return sources[0], heads[0], np.concatenate(weights, axis=1), np.concatenate(biases)

    def _is(self, name: str, op: str) -> bool:
        return name in self._made and self._made[name].op_type == op

    def _inputs(self, name: str, op: str, **attributes: object) -> tuple[str, str]:
        """Return the first and last input of the operator that makes this tensor; raises _Other if it is not `op`."""
        if not self._is(name, op):
            raise _Other
        node = self._made[name]
        has = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        if any(list(has.get(key, ())) != value for key, value in attributes.items()) or has.get("axis", -1) != -1:
            raise _Other
        return node.input[0], node.input[-1]

    def _constant_last(self, name: str, op: str) -> tuple[str, npt.NDArray[Any]]:
        """Return the tensor that an operator takes, and the constant that it takes too; raises _Other if none is."""
        one, other = self._inputs(name, op)
        if other not in self._stored and op != "MatMul":
            one, other = other, one
        if other not in self._stored:
            raise _Other
        return one, numpy_helper.to_array(self._stored[other])

    def _sizes(self, shape: str, rank: int) -> int:
        """Return the last size of a shape, 0 if it is computed; raises _Other if the shape's rank is not `rank`."""
        if shape in self._stored:
            sizes = numpy_helper.to_array(self._stored[shape]).tolist()
        elif self._is(shape, "Concat"):
            parts = [self._stored.get(each) for each in self._made[shape].input]
            sizes = [int(numpy_helper.to_array(part).item()) if part is not None else 0 for part in parts]
        else:
            raise _Other
        if len(sizes) != rank:
            raise _Other
        return int(sizes[-1])

    def _store(self, name: str, value: npt.NDArray[Any]) -> str:
        if name not in self._stored:
            self._stored[name] = numpy_helper.from_array(value, name)
            self._graph.initializer.append(self._stored[name])
        return name
