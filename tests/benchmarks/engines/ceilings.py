"""What the machine can do: matrix products at the model's shapes in fp32, bf16, fp16 and int8, and the model's work."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from screening.hardware import cores_here

ROWS = 2048
TURNS = 3
SECONDS = 0.3  # of each turn
CORES = cores_here()
Chain = Sequence[tuple[int, int]]  # products, each of [ROWS, first] and [first, second]


@dataclass(frozen=True)
class Sizes:
    """An encoder's widths."""

    hidden: int
    intermediate: int
    layers: int

    @classmethod
    def of(cls, base: Path) -> Sizes:
        """Read from a model folder's config.json."""
        config = json.loads((base / "config.json").read_text(encoding="utf-8"))
        return cls(config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"])

    @property
    def layer(self) -> Chain:
        """One layer's linear products: query, key, value, output; up and down."""
        h, i = self.hidden, self.intermediate
        return [(h, h)] * 4 + [(h, i), (i, h)]

    def flops(self, lengths: Sequence[int]) -> int:
        """Floating-point operations for windows of these lengths: linear products, QKᵀ and its product with V."""
        linear = 2 * sum(a * b for a, b in self.layer)
        return self.layers * sum(linear * tokens + 4 * self.hidden * tokens**2 for tokens in lengths)


def ceilings(sizes: Sizes) -> dict[str, Any]:
    """GFLOP/s by precision: the best of torch and OpenVINO, on one core and on all, for each chain of products.

    `layer` is one layer's products in their proportion: what an engine's share is a share of.
    """
    h, i = sizes.hidden, sizes.intermediate
    chains: dict[str, Chain] = {f"{h}x{h}": [(h, h)] * 8, f"{h}x{i}x{h}": [(h, i), (i, h)] * 2, "layer": sizes.layer}
    found: dict[str, Any] = {}
    for precision, cores, name, run in _contenders(chains):
        flops = 2 * ROWS * sum(a * b for a, b in chains[name])
        best = found.setdefault(precision, {}).setdefault(cores, {})
        best[name] = max(best.get(name, 0), round(rate(run, flops)))
    return found


def rate(run: Callable[[], int], flops: int) -> float:
    """GFLOP/s of `run`, which says how many chains it did: the median of a few turns."""
    run()
    rates = []
    for _ in range(TURNS):
        start, done = time.perf_counter(), 0
        while (passed := time.perf_counter() - start) < SECONDS:
            done += run()
        rates.append(done * flops / passed / 1e9)
    return statistics.median(rates)


def _contenders(chains: dict[str, Chain]) -> Iterator[tuple[str, str, str, Callable[[], int]]]:
    """Precision, `one core`, `all cores` or `gpu`, name of the chain, and what runs it."""
    for cores, threads in (("one core", 1), ("all cores", CORES)):
        with _torch_threads(threads):
            for name, chain in chains.items():
                for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
                    yield precision, cores, name, on_torch(chain, dtype)
        if importlib.util.find_spec("openvino"):
            for name, chain in chains.items():
                for precision in ("fp32", "bf16", "int8"):
                    yield precision, cores, name, on_openvino(chain, precision, threads)
    if torch.cuda.is_available():
        for name, chain in chains.items():
            for precision, dtype in (("fp16", torch.float16), ("bf16", torch.bfloat16)):
                yield precision, "gpu", name, on_torch(chain, dtype, "cuda")


@contextlib.contextmanager
def _torch_threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def on_torch(chain: Chain, dtype: torch.dtype, device: str = "cpu") -> Callable[[], int]:
    """The chain as `torch.nn.functional.linear`; on a GPU many times over, and waited for."""
    gpu = device == "cuda"
    rows, times = (ROWS * 16, 50) if gpu else (ROWS, 1)
    weights = [torch.randn(out, width, dtype=dtype, device=device) / width**0.5 for width, out in chain]
    start = torch.randn(rows, chain[0][0], dtype=dtype, device=device)

    @torch.inference_mode()
    def run() -> int:
        for _ in range(times):
            values = start
            for weight in weights:
                values = torch.nn.functional.linear(values, weight)
        if gpu:
            torch.cuda.synchronize()
        return times * rows // ROWS

    return run


def on_openvino(chain: Chain, precision: str, threads: int) -> Callable[[], int]:
    """The chain as an OpenVINO graph, one stream a thread; int8 with FakeQuantize around each product."""
    import openvino as ov
    from openvino import opset13 as op

    rng = np.random.default_rng(0)
    values = given = op.parameter([ROWS, chain[0][0]], np.float32)
    for width, out in chain:
        weight = op.constant((rng.standard_normal((out, width)) / width**0.5).astype(np.float32))
        if precision == "int8":
            values, weight = _quantised(values, -4, 4 * 127 / 128, 256), _quantised(weight, -1, 1, 255)
        values = op.matmul(values, weight, False, True)
    hints = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "NUM_STREAMS": str(threads),
        "INFERENCE_NUM_THREADS": threads,
    }
    model = ov.Core().compile_model(ov.Model([values], [given]), "CPU", hints)
    queue = ov.AsyncInferQueue(model, threads)
    tensor = ov.Tensor(rng.standard_normal((ROWS, chain[0][0])).astype(np.float32))

    def run() -> int:
        for _ in range(threads):
            queue.start_async({0: tensor}, share_inputs=True)
        queue.wait_all()
        return threads

    return run


def _quantised(values: Any, low: float, high: float, levels: int) -> Any:
    from openvino import opset13 as op

    edges = [op.constant(np.float32(edge)) for edge in (low, high)]
    return op.fake_quantize(values, *edges, *edges, levels)
