"""Convert a model to static int8: QuantizeLinear and DequantizeLinear around each product, for integer kernels.

Activations are uint8 with one scale and zero point per tensor, set once on calibration rows. Nothing is measured at run
time, so no score depends on the rest of its batch. Weights are int8, symmetric, with a scale per output channel. Three
steps regain most of the accuracy that a plain conversion loses:

- A few channels of a transformer's activations are ten times as large as the rest. One channel in `ASIDE`, those with
  the largest values, is multiplied in float beside the others (LLM.int8(), Dettmers et al. 2022; here chosen once).
- The larger half of the other channels is scaled down to the median of the channels' maxima, and the weight's rows are
  scaled up (SmoothQuant, Xiao et al. 2023, with the scales of outlier suppression, Wei et al. 2022).
- Weights are rounded input by input, and the inputs that are still to come compensate for the error (GPTQ, Frantar et
  al. 2023), based on the second moments of the rounded activations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from models.export.quantise import SMALLEST, Floats, store_tables

Channels = npt.NDArray[np.int64]
Moments = npt.NDArray[np.float64]
ASIDE = 24  # one in so many channels stays in float
DAMPING = 0.01  # a share of the mean second moment, as in GPTQ
LEVELS = 255


@dataclass
class Seen:
    """What calibration rows show of one activation: the least and largest value per channel, and second moments."""

    low: Floats
    high: Floats
    moments: Moments
    tokens: int = 0

    @classmethod
    def nothing(cls, width: int) -> Seen:
        return cls(np.zeros(width, np.float32), np.zeros(width, np.float32), np.zeros((width, width)))

    def add(self, x: Floats) -> None:
        """Add values of the activation, [tokens, channels]."""
        self.low, self.high = np.minimum(self.low, x.min(0)), np.maximum(self.high, x.max(0))
        self.moments += x.T @ x
        self.tokens += len(x)

    def split(self) -> tuple[Channels, Channels]:
        """Return the channels with the largest values, which stay in float, and the others; both ascending."""
        order = np.argsort(-self.top, kind="stable")
        few = -(-len(order) // ASIDE)
        return np.sort(order[:few]), np.sort(order[few:])

    def of(self, channels: Channels) -> Seen:
        """Return what the rows show of some of the channels."""
        return Seen(self.low[channels], self.high[channels], self.moments[np.ix_(channels, channels)], self.tokens)

    @property
    def top(self) -> Floats:
        """The largest absolute value of each channel."""
        largest: Floats = np.maximum(self.high, -self.low)
        return largest

    def smooth(self) -> Floats:
        """Return the divisor of each channel, which is 1 except for channels above the median."""
        factors: Floats = np.maximum(self.top / np.median(self.top), 1).astype(np.float32)
        return factors

    def grid(self, smooth: Floats) -> tuple[np.float32, np.float32]:
        """Return the least value and the step of the uint8 grid of the smoothed activation; 0 is on the grid."""
        low, high = min((self.low / smooth).min(), 0), (self.high / smooth).max()
        return np.float32(low), np.float32((high - low) / LEVELS)

    def rounded(self, smooth: Floats) -> Moments:
        """Return the second moments of the smoothed activation on its grid; rounding adds step² / 12."""
        moments = self.moments / self.tokens / np.outer(smooth, smooth)
        noise = float(self.grid(smooth)[1]) ** 2 / 12 + DAMPING * np.diag(moments).mean()
        moments[np.diag_indices_from(moments)] += noise
        return moments


def to_static(model: onnx.ModelProto, feeds: Sequence[Mapping[str, npt.NDArray[Any]]]) -> int:
    """Turn the matrix products by stored weights into integer ones, in place; return their number.

    `feeds` has calibration batches [batch, seq] with an `attention_mask`. Embedding tables are stored as int8 too.
    """
    graph = model.graph
    stored = {t.name: t for t in graph.initializer}
    products: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        weight = stored.get(node.input[1]) if node.op_type == "MatMul" else None
        if weight is not None and len(weight.dims) == 2 and np.prod(weight.dims) >= SMALLEST:
            products.setdefault(node.input[0], []).append(node)
    before: dict[str, list[onnx.NodeProto]] = {}
    after: dict[str, onnx.NodeProto] = {}
    for name, seen in observe(model, products, feeds).items():
        aside, rest = seen.split()
        seen = seen.of(rest)
        smooth = seen.smooth()
        before[products[name][0].output[0]] = made = _activation(graph, name, seen, smooth, aside, rest)
        for node in products[name]:
            weight, out = node.input[1], node.output[0]
            exact = numpy_helper.to_array(stored[weight])
            q = np.zeros(exact.shape, np.int8)
            q[rest], scale = gptq(exact[rest] * smooth[:, None], seen.rounded(smooth))
            graph.initializer.remove(stored[weight])
            parts: dict[str, npt.NDArray[Any]] = {f"{weight}.int8": q, f"{weight}.scale": scale}
            _store(graph, {**parts, f"{weight}.aside": exact[aside]})
            made.append(helper.make_node("DequantizeLinear", list(parts), [weight], axis=1))
            made.append(helper.make_node("MatMul", [f"{name}.aside", f"{weight}.aside"], [f"{out}.aside"]))
            after[out] = helper.make_node("Add", [f"{out}.rest", f"{out}.aside"], [out])
            node.input[0] = f"{name}.float"
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        graph.node.extend([*before.get(node.output[0], ()), node])
        if whole := after.get(node.output[0]):
            graph.node[-1].output[0] = whole.input[0]
            graph.node.append(whole)
    store_tables(model)
    return sum(map(len, products.values()))


def observe(
    model: onnx.ModelProto, names: Iterable[str], feeds: Sequence[Mapping[str, npt.NDArray[Any]]]
) -> dict[str, Seen]:
    """Return what the feeds' tokens (where the mask is 1) show of the named activations, [batch, seq, channels]."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    wanted = list(names)
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in wanted)
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    seen: dict[str, Seen] = {}
    for feed in feeds:
        mine = feed["attention_mask"] == 1
        for name, values in zip(wanted, session.run(wanted, dict(feed)), strict=True):
            seen.setdefault(name, Seen.nothing(values.shape[-1])).add(values[mine])
    return seen


def gptq(weight: Floats, moments: Moments) -> tuple[npt.NDArray[np.int8], Floats]:
    """Return the weight [inputs, outputs] as int8, and its scale per output.

    `moments` [inputs, inputs] are those of its inputs, which are rounded in the order of their moments, the largest
    first, in blocks of 128.
    """
    scale = np.abs(weight).max(0) / np.float32(127)
    scale[scale == 0] = 1
    order = np.argsort(-np.diag(moments))
    inverse = np.linalg.inv(moments[np.ix_(order, order)])
    upper = np.linalg.cholesky(inverse).T
    left, q = weight[order].astype(np.float64), np.zeros(weight.shape, np.int8)
    for start in range(0, len(left), 128):
        end = min(start + 128, len(left))
        errors = np.zeros((end - start, left.shape[1]))
        for i in range(start, end):
            q[order[i]] = np.clip(np.rint(left[i] / scale), -127, 127)
            errors[i - start] = (left[i] - q[order[i]] * scale) / upper[i, i]
            left[i + 1 : end] -= np.outer(upper[i, i + 1 : end], errors[i - start])
        left[end:] -= upper[start:end, end:].T @ errors
    return q, scale


def _activation(
    graph: onnx.GraphProto, name: str, seen: Seen, smooth: Floats, aside: Channels, rest: Channels
) -> list[onnx.NodeProto]:
    """Return nodes that split an activation: into NAME.aside, and NAME.float, the rest, scaled and rounded to uint8.

    To save a copy, the rest keeps all channels. Those aside may be clipped there, since they meet weights of 0.
    """
    low, scale = seen.grid(smooth)
    divide = np.ones(len(aside) + len(rest), np.float32)
    divide[rest] = 1 / smooth
    zero = np.uint8(np.rint(-low / scale))
    _store(graph, {f"{name}.smooth": divide, f"{name}.scale": scale, f"{name}.zero": zero, f"{name}.channels": aside})
    grid = [f"{name}.scale", f"{name}.zero"]
    return [
        helper.make_node("Gather", [name, f"{name}.channels"], [f"{name}.aside"], axis=-1),
        helper.make_node("Mul", [name, f"{name}.smooth"], [f"{name}.even"]),
        helper.make_node("QuantizeLinear", [f"{name}.even", *grid], [f"{name}.uint8"]),
        helper.make_node("DequantizeLinear", [f"{name}.uint8", *grid], [f"{name}.float"]),
    ]


def _store(graph: onnx.GraphProto, values: Mapping[str, npt.ArrayLike]) -> None:
    graph.initializer.extend(numpy_helper.from_array(np.asarray(each), name) for name, each in values.items())
