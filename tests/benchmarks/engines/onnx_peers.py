"""Peers that read the bundle's ONNX file: ONNX Runtime naive and sorted, on a GPU too, and OpenVINO raw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from models.export.convert import to_half
from models.text.batches import Batch, batches
from screening.classifiers import Bundle
from screening.classifiers.engines import cuda
from screening.classifiers.engines import openvino as engine
from screening.classifiers.engines.contract import graph_for, outputs
from screening.classifiers.windows import Window
from screening.hardware import cores_here
from tests.benchmarks.engines.contest import Contestant, Run
from tests.benchmarks.engines.work import Work

Logits = npt.NDArray[np.float32]
BATCH = 32  # rows, where a batch is counted in rows
GPU = [("CUDAExecutionProvider", {"use_tf32": "0"})]
GPU_BUDGET = 32_768  # cells a batch, as our own engine's: not measured
BUDGETS = {"onnxruntime": 1024, "openvino": 1024}  # cells a batch, where sorted: as measured, each at its best
CORES = cores_here()


def contestants(bundle: Bundle) -> Iterator[Contestant]:
    """All that run here."""
    yield Contestant("ONNX Runtime, naive", "fp32", partial(naive, bundle), answers="logits", note="batch 32, padded")
    ordered = partial(sorted_onnxruntime, bundle)
    yield Contestant("ONNX Runtime, sorted", "fp32", ordered, answers="logits", quick=True, note="one thread a batch")
    if cuda.is_there("cuda"):
        yield from on_gpu(bundle)
    if engine.is_there():
        for precision in sorted({"fp32", "bf16"} & set(engine.precisions()), reverse=True):
            load, note = partial(openvino, bundle, precision), "one stream a core"
            yield Contestant("OpenVINO raw", precision, load, answers="logits", quick=True, note=note)
        load, note = partial(openvino, bundle, precision, defaults=True), "quantises activations as it runs"
        yield Contestant("OpenVINO raw, its defaults", precision, load, answers="logits", quick=True, note=note)


def on_gpu(bundle: Bundle, providers: Sequence[Any] = GPU) -> Iterator[Contestant]:
    """ONNX Runtime on CUDA as people run it: the graph as it is or in fp16, numpy arrays in and out. By other
    `providers` it is only rehearsed.
    """
    load = partial(naive, bundle, providers)
    note = "batch 32, padded"
    yield Contestant("ONNX Runtime CUDA, naive", "fp32", load, answers="logits", hardware="gpu", note=note)
    for precision in ("fp32", "fp16"):
        load = partial(sorted_on_gpu, bundle, precision, providers)
        yield Contestant("ONNX Runtime CUDA, sorted", precision, load, answers="logits", quick=True, hardware="gpu")


def naive(bundle: Bundle, providers: Sequence[Any] = ("CPUExecutionProvider",)) -> Run:
    """Windows as they come, 32 a batch, padded to the longest of them; ONNX Runtime's own defaults."""
    session, names = _session(graph_for(bundle, "fp32"), providers), outputs(bundle)

    def run(work: Work) -> Logits:
        ids = [window.ids for window in work.cut()]
        chunks = (batches(ids[start : start + BATCH], 1 << 30)[0] for start in range(0, len(ids), BATCH))
        return np.concatenate([_in_order([batch], [session.run(names, feed(batch))]) for batch in chunks])

    return run


def sorted_on_gpu(bundle: Bundle, precision: str, providers: Sequence[Any]) -> Run:
    """Windows by length, a token budget a batch, one batch after the other."""
    model = graph_for(bundle, "fp32")
    if precision == "fp16":
        model = to_half(onnx.load_from_string(model)).SerializeToString()
    session, names = _session(model, providers), outputs(bundle)

    def run(work: Work) -> Logits:
        planned = longest_first(work.cut(), GPU_BUDGET)
        return _in_order(planned, [session.run(names, feed(batch)) for batch in planned])

    return run


def _session(model: bytes, providers: Sequence[Any]) -> ort.InferenceSession:
    """A session by just these providers; RuntimeError where ONNX Runtime would take another in their place."""
    ort.preload_dlls(directory="")
    session = ort.InferenceSession(model, providers=list(providers))
    wanted = providers[0] if isinstance(providers[0], str) else providers[0][0]
    if session.get_providers()[0] != wanted:
        raise RuntimeError(f"{wanted} was asked for and {session.get_providers()[0]} would run")
    return session


def sorted_onnxruntime(bundle: Bundle) -> Run:
    """Windows by length, a token budget a batch, as many batches side by side as cores, one thread each."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session, names = ort.InferenceSession(graph_for(bundle, "fp32"), options), outputs(bundle)
    pool = ThreadPoolExecutor(CORES)

    def run(work: Work) -> Logits:
        planned = longest_first(work.cut(), BUDGETS["onnxruntime"])
        return _in_order(planned, list(pool.map(lambda batch: session.run(names, feed(batch)), planned)))

    return run


def openvino(bundle: Bundle, precision: str, *, defaults: bool = False) -> Run:
    """The same batches through OpenVINO's own queue: one stream a core, one request in flight on each.

    By default OpenVINO quantises activations before a product with int8 weights, whatever precision is asked for:
    logits of this bundle move by 0.04 in fp32. Without it they move by 1e-5.
    """
    import openvino as ov

    core = ov.Core()
    hints = {
        "INFERENCE_PRECISION_HINT": engine.HINTS[precision],
        "NUM_STREAMS": str(CORES),
        "INFERENCE_NUM_THREADS": CORES,
    } | ({} if defaults else {"DYNAMIC_QUANTIZATION_GROUP_SIZE": 0})
    model = core.read_model(graph_for(bundle, "fp32"))
    if not defaults:
        engine.fold(model)  # weights as plain floats, as most ONNX files have them: a seventh faster
    queue, names = ov.AsyncInferQueue(core.compile_model(model, "CPU", hints), CORES), outputs(bundle)

    def keep(request: Any, slot: tuple[list[Any], int]) -> None:
        results, number = slot
        results[number] = [request.get_tensor(name).data.copy() for name in names]

    queue.set_callback(keep)

    def run(work: Work) -> Logits:
        planned = longest_first(work.cut(), BUDGETS["openvino"])
        results: list[Any] = [None] * len(planned)
        for number, batch in enumerate(planned):
            queue.start_async(feed(batch), (results, number))
        queue.wait_all()
        return _in_order(planned, results)

    return run


def longest_first(windows: Sequence[Window], budget: int) -> list[Batch]:
    """Batches of about equal length, the longest first, so that no thread is left with one at the end."""
    return batches([window.ids for window in windows], budget)[::-1]


def feed(batch: Batch) -> dict[str, npt.NDArray[np.int64]]:
    """A batch under the names of the graph's inputs."""
    return {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}


def _in_order(planned: Sequence[Batch], results: Sequence[Sequence[Logits]]) -> Logits:
    """Logits [windows, labels of all heads] in the order of the windows."""
    rows = np.concatenate([batch.rows for batch in planned])
    found = np.concatenate([np.concatenate(heads, axis=1) for heads in results])
    ordered = np.empty_like(found)
    ordered[rows] = found
    return ordered
