"""The GPU's engine: its graph, its shapes and its memory, on ONNX Runtime's CPU provider with the same code.

What has never run on a GPU is marked `gpu`: on a machine with one and the gpu extra, `pytest -m gpu tests/screening`.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.classifiers.engines import cuda
from screening.classifiers.engines.contract import Pool
from screening.classifiers.engines.device import Limit, bound, halving, rows_for, shaped
from screening.classifiers.engines.fusion import folded, fused
from screening.classifiers.graph import open_graph
from screening.errors import ConfigError
from screening.records import Article, Picture
from tests.screening.classifiers.tiny import image_bundle, text_bundle

HEADS, WIDTH, VOCABULARY, LABELS = 4, 32, 50, 3
TEXTS = [Article("text/plain", "good bad the river " * n + "win") for n in range(40)]
PICTURES = [Picture("image/png", 8, 8, 1, np.full((8, 8, 3), shade, np.uint8)) for shade in range(0, 200, 10)]
gpu = pytest.mark.gpu
no_gpu = pytest.mark.skipif(not cuda.is_there("cuda"), reason="no GPU")


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


class TestGraph:
    @pytest.mark.parametrize("mask", ["additive", "where"])
    def test_a_layer_becomes_fused_operators_however_its_mask_is_made(self, mask):
        assert operators(rewritten(encoder(mask), False)) == {"Attention", "SkipLayerNormalization", "BiasGelu"}

    @pytest.mark.parametrize("other", [{"bias": False}, {"scale": "before"}, {"merged": 2}, {"tensors": 2}])
    def test_a_layer_of_another_form_keeps_its_attention(self, other):
        model = rewritten(encoder(**other), False)
        assert "Attention" not in operators(model)
        assert logits(model, batch()) == pytest.approx(logits(encoder(**other), batch()), abs=1e-5)

    @pytest.mark.parametrize("mask", ["additive", "where"])
    @pytest.mark.parametrize(("half", "apart"), [(False, 1e-5), (True, 2e-2)])
    def test_it_computes_what_the_published_graph_does(self, mask, half, apart):
        wanted = logits(encoder(mask), batch())
        assert np.ptp(wanted, axis=0).min() > 0.1  # rows differ, so one can't pass for another
        assert logits(rewritten(encoder(mask), half), batch()) == pytest.approx(wanted, abs=apart)

    def test_a_masked_token_does_not_matter_to_it(self):
        model, feed = rewritten(encoder(), True), batch()
        noise = np.where(feed["attention_mask"] == 1, feed["input_ids"], 7)
        assert (logits(model, feed) == logits(model, {**feed, "input_ids": noise})).all()

    def test_half_is_half_the_bytes_between_the_same_inputs_and_outputs(self):
        whole, half = (onnx.load_from_string(rewritten(encoder(), half)) for half in (False, True))
        kinds = [{numpy_helper.to_array(t).dtype for t in model.graph.initializer} for model in (whole, half)]
        assert np.dtype(np.float32) in kinds[0]
        assert np.dtype(np.float32) not in kinds[1]
        assert half.graph.input == whole.graph.input
        assert half.graph.output == whole.graph.output

    def test_weights_behind_a_dequantize_linear_are_folded(self):
        model = onnx.load_from_string(encoder())
        (table,) = (t for t in model.graph.initializer if list(t.dims) == [VOCABULARY, WIDTH])
        model.graph.initializer.append(numpy_helper.from_array(np.float32(2 / 127 / VOCABULARY**0.5), "step"))
        (cast,) = (node for node in model.graph.node if node.input[0] == table.name)
        (scaled,) = (node for node in model.graph.node if cast.output[0] in node.input)
        scaled.CopyFrom(helper.make_node("DequantizeLinear", [table.name, "step"], list(scaled.output)))
        as_written = model.SerializeToString()
        half = rewritten(as_written, True)
        assert "DequantizeLinear" not in {node.op_type for node in onnx.load_from_string(half).graph.node}
        assert logits(half, batch()) == pytest.approx(logits(as_written, batch()), abs=2e-2)

    def test_what_is_no_graph_is_refused(self):
        with pytest.raises(ConfigError, match="the model does not load"):
            folded(b"nothing", "bundle.json")

    def test_engines_load_without_onnx_and_graphs_are_rewritten_without_torch(self):
        code = """
import sys
import screening.classifiers.engines
assert "onnx" not in sys.modules
from screening.classifiers.engines.fusion import folded, fused
fused(folded(sys.stdin.buffer.read(), ""), True)
assert "torch" not in sys.modules
"""
        subprocess.run([sys.executable, "-c", code], input=encoder(), check=True, timeout=120)


class TestShapes:
    def test_rows_come_in_few_sizes_and_a_full_batch_is_one_of_them(self):
        assert [rows_for(n, 100) for n in (1, 15, 16, 17, 31, 33, 64, 65, 97, 100)] == [
            1, 15, 16, 18, 32, 36, 64, 72, 100, 100,
        ]  # fmt: skip
        assert len({rows_for(n, 2048) for n in range(1, 2049)}) == 72
        assert all(n <= rows_for(n, 2048) <= 9 / 8 * n for n in range(1, 2049))

    def test_tokens_are_masked_up_to_a_multiple_of_eight_and_rows_repeat_the_last(self):
        feed = batch(17, 20)
        wide = shaped(feed, 10_000)
        for name in feed:
            assert wide[name].shape == (18, 24)
            assert (wide[name][:17, :20] == feed[name]).all()
            assert (wide[name][:, 20:] == 0).all()
            assert (wide[name][17] == wide[name][16]).all()
        assert shaped(feed, 17 * 20)["input_ids"].shape == (17, 24)

    def test_a_batch_of_pictures_gets_rows_and_nothing_else(self):
        feed = {"pixels": np.arange(17 * 3 * 4 * 6, dtype=np.float32).reshape(17, 3, 4, 6)}
        wide = shaped(feed, 10_000)["pixels"]
        assert wide.shape == (18, 3, 4, 6)
        assert (wide[:17] == feed["pixels"]).all()


class TestBuffers:
    def run(self, half: bool = False) -> tuple[object, ort.InferenceSession]:
        opened = session(rewritten(encoder(), half))
        return bound(opened, {"logits": LABELS}, "cpu", 512), opened

    @pytest.mark.parametrize("half", [False, True])
    def test_bound_buffers_give_what_a_plain_run_gives(self, half):
        run, opened = self.run(half)
        for rows, length in ((1, 16), (17, 20), (25, 20), (16, 32), (17, 20), (7, 18)):
            feed = batch(rows, length)
            (got,) = run(feed)
            assert got.dtype == np.float32
            assert got == pytest.approx(opened.run(None, feed)[0], abs=5e-3 if half else 1e-5)

    def test_a_result_stays_when_its_buffer_is_written_again(self):
        run, _ = self.run()
        (first,) = run(batch(5, 20))
        before = first.copy()
        run({name: array[::-1] for name, array in batch(5, 20).items()})
        assert (first == before).all()

    def test_buffers_are_made_once_a_shape(self, monkeypatch):
        run, opened = self.run()
        made = []
        real = opened.io_binding
        monkeypatch.setattr(opened, "io_binding", lambda: made.append(1) or real())
        for rows in (17, 18, 17, 18):  # one shape
            run(batch(rows, 20))
        assert len(made) == 1
        run(batch(19, 20))
        assert len(made) == 2

    def test_two_threads_of_one_session_do_not_mix_their_rows(self):
        opened = session(rewritten(encoder(), False))
        pool = Pool(lambda: bound(opened, {"logits": LABELS}, "cpu", 512), cuda.AT_ONCE)
        feeds = [batch(rows, 24) for rows in range(1, 21)] * 3
        for feed, (got,) in zip(feeds, pool.run(feeds), strict=True):
            assert got == pytest.approx(opened.run(None, feed)[0], abs=1e-5)


class Small:
    """A device with memory for so many values; it gives each row's sum, and notes what it was asked."""

    def __init__(self, memory: int, message: str = "Failed to allocate memory for requested buffer of size 1024"):
        self.memory, self.message, self.asked = memory, message, []

    def __call__(self, feed):
        self.asked.append(feed["input_ids"].shape)
        if feed["input_ids"].size > self.memory:
            raise RuntimeError(f"[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : {self.message}")
        return [feed["input_ids"].sum(axis=1, keepdims=True).astype(np.float32)]


class TestMemory:
    @pytest.mark.parametrize(
        "message", ["Failed to allocate memory for requested buffer of size 9", "CUDA failure 2: out of memory",
                    "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED"],
    )  # fmt: skip
    def test_a_batch_too_large_runs_in_halves_and_the_next_one_at_once(self, message):
        device = Small(100, message)
        run = halving(device, Limit())
        feed = batch(21, 20)
        wanted = feed["input_ids"].sum(axis=1, keepdims=True)
        assert (run(feed)[0] == wanted).all()
        failed = [shape for shape in device.asked if np.prod(shape) > 100]
        assert failed == [(21, 20), (10, 20)]
        device.asked.clear()
        assert (run(feed)[0] == wanted).all()
        assert all(np.prod(shape) <= 100 for shape in device.asked)

    def test_what_one_thread_learned_the_other_knows(self):
        limit, device = Limit(), Small(100)
        halving(device, limit)(batch(8, 20))
        device.asked.clear()
        halving(device, limit)(batch(8, 20))
        assert all(np.prod(shape) <= 100 for shape in device.asked)

    def test_a_row_that_does_not_fit_alone_is_an_error(self):
        with pytest.raises(RuntimeError, match="allocate memory"):
            halving(Small(10), Limit())(batch(4, 20))

    def test_every_other_error_passes_and_teaches_nothing(self):
        device, limit = Small(100, "indices element out of data bounds"), Limit()
        with pytest.raises(RuntimeError, match="out of data bounds"):
            halving(device, limit)(batch(8, 20))
        assert device.asked == [(8, 20)]
        device.memory = 1000
        halving(device, limit)(batch(8, 20))
        assert device.asked == [(8, 20)] * 2


def test_the_device_does_not_wait_while_a_slab_is_ready():
    """Two callers with a slab each: the second's batches follow the first's before anybody has its results."""
    gate, ran, done = threading.Event(), [], []
    finished = threading.Event()

    def device(feed):
        assert gate.wait(30)
        ran.append(int(feed["input_ids"][0, 0]))
        if ran[-1] == 10:
            assert finished.wait(30)  # the first caller goes on, to its next slab, while the device has work
        return []

    pool = Pool(lambda: device, 1)
    slabs = [[{"input_ids": np.array([[i]])} for i in range(start, start + 3)] for start in (0, 10)]

    def caller(slab):
        pool.run(slab)
        done.append(len(slab))
        finished.set()

    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(caller, slabs[0])
        while pool._pool._work_queue.qsize() < 2:
            threading.Event().wait(0.001)
        second = callers.submit(caller, slabs[1])
        while pool._pool._work_queue.qsize() < 5:
            threading.Event().wait(0.001)
        gate.set()
        first.result(30)
        second.result(30)
    assert ran == [0, 1, 2, 10, 11, 12]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(str(text_bundle(tmp_path_factory.mktemp("cuda"))))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return load_bundle(str(image_bundle(tmp_path_factory.mktemp("pictures"))))


@pytest.fixture
def on_cpu(monkeypatch):
    """The engine with ONNX Runtime's CPU provider in the place of CUDA's."""
    monkeypatch.setattr(cuda, "PROVIDERS", {"cuda": "CPUExecutionProvider"})
    monkeypatch.setattr(cuda, "DEVICE", "cpu")


class TestEngine:
    @pytest.mark.usefixtures("on_cpu")
    @pytest.mark.parametrize("precision", cuda.PRECISIONS)
    @pytest.mark.parametrize("kind", ["text", "image"])
    def test_it_scores_as_onnx_runtime_does(self, kind, precision, bundle, pictures):
        contents = TEXTS if kind == "text" else PICTURES
        bundle, engine = {"text": bundle, "image": pictures}[kind], cuda.Cuda("cuda", precision)
        exact = Classifier(bundle, make_engine("onnxruntime")).score(contents)
        for one, other in zip(Classifier(bundle, engine).score(contents), exact, strict=True):
            assert [s.score for s in one] == pytest.approx([s.score for s in other], abs=engine.tolerance)

    @pytest.mark.usefixtures("on_cpu")
    def test_a_device_that_computes_something_else_is_refused_when_the_bundle_is_loaded(self, bundle, monkeypatch):
        real = cuda.bound
        monkeypatch.setattr(cuda, "bound", lambda *args: lambda feed: [logit + 0.1 for logit in real(*args)(feed)])
        with pytest.raises(ConfigError, match=r"scores on cuda in fp16 are 2\.\de-02 from the CPU's"):
            cuda.Cuda("cuda", "fp16").load(bundle)

    def test_half_precision_comes_first(self):
        assert cuda.PRECISIONS[0] == "fp16"

    @pytest.mark.skipif(cuda.is_there("tensorrt"), reason="TensorRT is there")
    def test_tensorrt_gets_its_option_and_no_operator_that_it_does_not_know(self, bundle, monkeypatch):
        given = []
        monkeypatch.setattr(cuda, "open_graph", lambda *args: given.append(args) or open_graph(*args))
        with (
            pytest.raises(ConfigError, match="TensorrtExecutionProvider was asked for"),
            pytest.warns(match="Specified provider"),
        ):
            cuda.Cuda("tensorrt", "fp16").load(bundle)
        graph, _, providers, _ = given[0]
        assert not operators(graph)
        assert providers[0] == ("TensorrtExecutionProvider", {"trt_fp16_enable": "True"})


@gpu
@no_gpu
@pytest.mark.parametrize("precision", cuda.PRECISIONS)
class TestGpu:
    """Never run: no machine with a GPU was at hand."""

    def test_it_computes_what_the_cpu_does(self, precision):
        model = rewritten(encoder(), precision == "fp16")
        opened = ort.InferenceSession(model, providers=[("CUDAExecutionProvider", {"use_tf32": "0"})])
        pool = Pool(lambda: bound(opened, {"logits": LABELS}, cuda.DEVICE, 4096), cuda.AT_ONCE)
        feeds = [batch(rows, length) for rows in (1, 5, 13, 64) for length in (16, 20, 64)] * 5
        for feed, (got,) in zip(feeds, pool.run(feeds), strict=True):
            assert got == pytest.approx(logits(encoder(), feed), abs=3e-2 if precision == "fp16" else 1e-3)

    def test_a_classifier_scores_as_on_the_cpu(self, precision, bundle):
        engine = make_engine("cuda", precision)
        exact = Classifier(bundle, make_engine("onnxruntime")).score(TEXTS)
        for one, other in zip(Classifier(bundle, engine).score(TEXTS), exact, strict=True):
            assert [s.score for s in one] == pytest.approx([s.score for s in other], abs=engine.tolerance)

    def test_memory_that_runs_out_is_met_with_halves(self, precision):
        small = [("CUDAExecutionProvider", {"gpu_mem_limit": str(64 << 20)})]
        opened = ort.InferenceSession(rewritten(encoder(), precision == "fp16"), providers=small)
        run = halving(bound(opened, {"logits": LABELS}, cuda.DEVICE, 1 << 20), Limit())
        feed = batch(4096, 128)
        assert run(feed)[0] == pytest.approx(logits(encoder(), feed), abs=3e-2)
