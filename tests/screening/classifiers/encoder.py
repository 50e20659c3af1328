"""One layer of an encoder as exporters write it, in the forms that attention takes, and batches for it."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from screening.classifiers.engines.fusion import folded, fused

HEADS, WIDTH, VOCABULARY, LABELS = 4, 32, 50, 3


def encoder(
    mask: str = "additive", bias: bool = True, scale: str = "after", merged: int = 3, tensors: int = 1
) -> bytes:
    """One layer of a BERT as the exporter writes it, its weights stored in int8, then the first token's logits.

    `mask` is additive (1 - mask) × -10000, or the Where of newer exports. The rest makes it a layer of another form:
    projections without a bias, a scale that stands before the product, heads merged to so many axes, and keys of
    another tensor.
    """
    random = np.random.default_rng(1)
    stored: dict[str, np.ndarray] = {}
    nodes: list[onnx.NodeProto] = []

    def add(op: str, *inputs: str, **attributes: object) -> str:
        nodes.append(helper.make_node(op, inputs, [f"t{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def keep(value: object, kind: type = np.float32) -> str:
        stored[f"c{len(stored)}"] = np.array(value, kind)
        return f"c{len(stored) - 1}"

    def weight(*shape: int) -> str:
        whole = add("Cast", keep(random.integers(-127, 128, shape), np.int8), to=TensorProto.FLOAT)
        return add("Mul", whole, keep(np.full((1, shape[1]), 2 / 127 / shape[0] ** 0.5)))

    def dense(x: str, inner: int, outer: int) -> str:
        return add("Add", add("MatMul", x, weight(inner, outer)), keep(random.normal(size=outer) / 4))

    def norm(x: str) -> str:
        return add("LayerNormalization", x, keep(random.normal(1, 0.1, WIDTH)), keep(random.normal(0, 0.1, WIDTH)))

    def heads(x: str, perm: list[int]) -> str:
        projected = dense(x, WIDTH, WIDTH) if bias else add("MatMul", x, weight(WIDTH, WIDTH))
        return add("Transpose", add("Reshape", projected, split), perm=perm)

    x = norm(add("Gather", weight(VOCABULARY, WIDTH), "input_ids"))
    size = [add("Shape", "input_ids", start=i, end=i + 1) for i in (0, 1)]
    split = add("Concat", *size, keep([HEADS], np.int64), keep([WIDTH // HEADS], np.int64), axis=0)
    y = x if tensors == 1 else norm(x)
    q, k, v = heads(x, [0, 2, 1, 3]), heads(y, [0, 2, 3, 1]), heads(x, [0, 2, 1, 3])
    factor = keep((WIDTH / HEADS) ** -0.5)
    scores = add("MatMul", add("Mul", q, factor) if scale == "before" else q, k)
    if scale == "after":
        scores = add("Mul", scores, factor)
    axes = keep([1, 2], np.int64)
    if mask == "additive":
        there = add("Unsqueeze", add("Cast", "attention_mask", to=TensorProto.FLOAT), axes)
        masked = add("Mul", add("Sub", keep(1), there), keep(-10000))
    else:
        there = add("Unsqueeze", add("Cast", "attention_mask", to=TensorProto.BOOL), axes)
        masked = add("Where", there, keep(0), keep(np.finfo(np.float32).min))
    weights = add("Softmax", add("Add", scores, masked), axis=-1)
    mixed = add("Transpose", add("MatMul", weights, v), perm=[0, 2, 1, 3])
    if merged == 3:
        together = add("Reshape", mixed, add("Concat", *size, keep([WIDTH], np.int64), axis=0))
    else:
        together = add("Reshape", add("Reshape", mixed, keep([-1, WIDTH], np.int64)), add("Shape", x))
    x = norm(add("Add", dense(together, WIDTH, WIDTH), x))
    x = norm(add("Add", dense(add("Gelu", dense(x, WIDTH, 2 * WIDTH)), 2 * WIDTH, WIDTH), x))
    first = add("Gather", x, keep(0, np.int64), axis=1)
    nodes.append(helper.make_node("Gemm", [first, weight(WIDTH, LABELS)], ["logits"]))
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "s"]) for n in ("input_ids", "attention_mask")]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", LABELS])]
    kept = [numpy_helper.from_array(value, name) for name, value in stored.items()]
    graph = helper.make_graph(nodes, "encoder", inputs, outputs, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def batch(rows: int = 5, length: int = 20) -> dict[str, np.ndarray]:
    """Rows of falling lengths, from all of it to 1."""
    random = np.random.default_rng(2)
    mask = (np.arange(length) < np.linspace(length, 1, rows).astype(int)[:, None]).astype(np.int64)
    return {"input_ids": random.integers(1, VOCABULARY, (rows, length)) * mask, "attention_mask": mask}


def session(model: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def logits(model: bytes, feed: dict[str, np.ndarray]) -> np.ndarray:
    return session(model).run(["logits"], feed)[0]


def rewritten(model: bytes, half: bool = False) -> bytes:
    return fused(folded(model, "bundle.json"), half)


def operators(model: bytes) -> set[str]:
    return {node.op_type for node in onnx.load_from_string(model).graph.node if node.domain == "com.microsoft"}
