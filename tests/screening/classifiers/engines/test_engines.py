"""The engine that was asked for is the one that runs, or there is none; every one keeps the same contract."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures.thread import BrokenThreadPool
from importlib.metadata import version

import numpy as np
import pytest

from screening import hardware
from screening.classifiers import Classifier, engines, load_bundle, make_engine
from screening.classifiers.engines import cuda, openvino
from screening.classifiers.engines.contract import Pool
from screening.classifiers.engines.onnx_cpu import OnnxRuntime
from screening.content import Text
from screening.errors import ConfigError
from screening.hardware import cores_here
from screening.meter import Meter
from screening.settings import load_settings
from tests.screening.classifiers.conftest import engines_here

HAS_CUDA = cuda.is_there("cuda")
TEXTS = [Text("good bad the river " * n + "win") for n in range(40)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    from tests.screening.classifiers.tiny import text_bundle

    return load_bundle(str(text_bundle(tmp_path_factory.mktemp("engines"))))


def test_the_engines_that_have_no_gpu_are_all_tried_here():
    assert {("onnxruntime", "fp32"), ("openvino", "fp32")} <= set(engines_here())


@pytest.mark.parametrize(("name", "precision"), engines_here())
class TestContract:
    def test_the_id_names_runtime_hardware_and_precision(self, name, precision):
        runtime = "openvino" if name == "openvino" else "onnxruntime"
        hardware = name if name in cuda.PROVIDERS else "cpu"
        assert make_engine(name, precision).id == f"{runtime}-{version(runtime)}/{hardware}/{precision}"

    @pytest.mark.parametrize("cores", [1, 2, 5])
    def test_it_scores_as_onnx_runtime_does_on_any_number_of_cores(self, name, precision, cores, bundle):
        engine = make_engine(name, precision, cores)
        exact = Classifier(bundle, make_engine("onnxruntime")).score(TEXTS)
        for one, other in zip(Classifier(bundle, engine).score(TEXTS), exact, strict=True):
            assert [s.score for s in one] == pytest.approx([s.score for s in other], abs=2 * engine.tolerance)

    def test_neighbours_move_a_score_by_no_more_than_it_says(self, name, precision, bundle):
        engine = make_engine(name, precision)
        classifier = Classifier(bundle, engine)
        for text, together in zip(TEXTS[:9], classifier.score(TEXTS), strict=False):
            (alone,) = classifier.score([text])
            assert [s.score for s in alone] == pytest.approx([s.score for s in together], abs=engine.tolerance)

    def test_int8_is_refused_where_the_bundle_has_no_scales_for_it(self, name, precision, bundle):
        if name in cuda.PROVIDERS or precision != "fp32":
            return
        engine = {"onnxruntime": OnnxRuntime, "openvino": openvino.OpenVino}[name]
        with pytest.raises(ConfigError, match=r"tiny-text 1\.0\.0 has no int8 graph"):
            engine("int8", 1).load(bundle)


def test_a_model_that_nobody_holds_any_more_goes_and_its_threads_too():
    class Model:
        def __call__(self, feed):
            return [feed["x"]]

    before, model = set(threading.enumerate()), Model()
    pool, gone = Pool(lambda kept=model: kept, 2), weakref.ref(model)
    pool.run([{"x": np.zeros(1, np.float32)}] * 4)
    own = [thread for thread in threading.enumerate() if thread not in before]
    assert len(own) == 2
    del pool, model
    deadline = time.monotonic() + 10
    while (gone() or any(thread.is_alive() for thread in own)) and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert gone() is None
    assert not any(thread.is_alive() for thread in own)


def test_a_thread_that_can_not_start_stops_the_load():
    def runner():
        raise RuntimeError("no memory for another request")

    with pytest.raises(BrokenThreadPool):
        Pool(runner, 2)


@pytest.mark.parametrize(
    ("said", "exact"),
    [("flags\t: avx2 avx512_vnni", True), ("flags\t: avx2 avx_vnni", True), ("flags\t: avx2", False), ("", False)],
)
def test_int8_is_refused_on_a_cpu_that_clips_its_sums(said, exact, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{said}\n")
    assert hardware.sums_int8_exactly(tmp_path / "cpuinfo", "x86_64") is exact
    # A test cannot choose the CPU that it runs on.
    monkeypatch.setattr(engines, "sums_int8_exactly", lambda: exact)
    for name in ("onnxruntime", "openvino"):
        if exact:
            assert "int8" in make_engine(name, "int8").id
        else:
            with pytest.raises(ConfigError, match="no VNNI or AMX"):
                make_engine(name, "int8")


@pytest.mark.parametrize(
    ("said", "does"),
    [
        ("flags\t: fpu avx512_bf16", True),
        ("Features\t: fp bf16", True),
        ("flags\t: fpu avx512_vnni", False),
        ("", False),
    ],
)
def test_a_cpu_s_bfloat16_is_what_the_kernel_says(said, does, tmp_path):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{said}\n")
    assert hardware.multiplies_bf16(tmp_path / "cpuinfo") is does
    assert not hardware.multiplies_bf16(tmp_path / "nowhere")


def test_int8_without_a_graph_for_it_stops_the_job_at_its_launch(bundle):
    with pytest.raises(ConfigError, match=r"tiny-text 1\.0\.0 has no int8 graph"):
        load_settings(bundles=(str(bundle.folder),), engine="onnxruntime", precision="int8")


def test_auto_takes_the_best_that_is_there_and_never_int8():
    name = "cuda" if HAS_CUDA else "openvino"
    assert make_engine("auto").id == make_engine(name).id
    assert not any("int8" in make_engine(each).id for each, _ in engines_here())


def test_auto_does_without_the_optional_runtime(monkeypatch):
    # A test cannot choose what is installed where it runs.
    monkeypatch.setattr(openvino, "is_there", lambda: False)
    monkeypatch.setattr(cuda, "is_there", lambda _: False)
    assert make_engine("auto").id == make_engine("onnxruntime").id
    with pytest.raises(ConfigError, match="OpenVINO was asked for but is not installed"):
        make_engine("openvino")


@pytest.mark.skipif(HAS_CUDA, reason="CUDA is there")
@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_gpu_that_is_not_there_is_an_error_and_no_fallback(name, bundle):
    with pytest.raises(ConfigError, match=f"{name} was asked for but is not there"):
        make_engine(name)
    with pytest.raises(ConfigError, match="ExecutionProvider was asked for but CPUExecutionProvider would run"):
        cuda.Cuda(name, "fp32").load(bundle)


def test_an_unknown_engine_is_an_error():
    with pytest.raises(ConfigError, match="unknown engine 'tpu'"):
        make_engine("tpu")


def test_a_precision_that_the_hardware_lacks_is_an_error():
    with pytest.raises(ConfigError, match="onnxruntime can't run bf16 on this machine"):
        make_engine("onnxruntime", "bf16")


def test_openvino_takes_bf16_only_where_the_cpu_multiplies_it(monkeypatch):
    class Core:
        def get_property(self, device: str, name: str) -> list[str]:
            assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
            return ["FP32", "INT8"]

    # A test cannot choose the CPU that it runs on.
    monkeypatch.setattr(openvino, "_core", Core)
    monkeypatch.setattr(engines, "sums_int8_exactly", lambda: True)
    assert make_engine("openvino").id.endswith("/cpu/fp32")
    assert make_engine("openvino", "int8").id.endswith("/cpu/int8+fp32")
    with pytest.raises(ConfigError, match="openvino can't run bf16"):
        make_engine("openvino", "bf16")


SLOW_NUMPY = """
import builtins, sys, threading, time

load = builtins.__import__

def slow(name, *args, **kwargs):
    if name.startswith("numpy") and threading.current_thread().name.startswith("infer"):
        time.sleep(0.5)
    return load(name, *args, **kwargs)

from screening.classifiers import Classifier, load_bundle, make_engine
bundle, engine = load_bundle(sys.argv[1]), make_engine("openvino", "fp32", 2)
builtins.__import__ = slow
Classifier(bundle, engine)
print("loaded")
"""


def test_openvino_s_threads_do_not_wait_for_each_other_while_numpy_loads(bundle):
    done = subprocess.run(
        [sys.executable, "-c", SLOW_NUMPY, str(bundle.folder)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "loaded\n", done.stderr


def test_asking_whether_openvino_is_there_does_not_load_it():
    asked = "import sys; from screening.classifiers.engines import openvino; print(openvino.is_there()); "
    asked += "assert 'openvino' not in sys.modules, 'loaded'"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


@pytest.mark.parametrize(
    ("said", "cores"), [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("9900000 100000", 8), ("", 8)]
)
def test_cores_are_those_that_the_container_pays_for(said, cores, tmp_path, monkeypatch):
    # A machine with fewer than eight cores could not tell these shares apart.
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda _: range(8))
    (tmp_path / "cpu.max").write_text(said)
    assert cores_here(tmp_path / "cpu.max") == cores
    assert cores_here(tmp_path / "gone") == 8


def test_the_meter_tells_the_steps_apart_and_leaves_the_trial_out(bundle):
    meter = Meter()
    classifier = Classifier(bundle, meter=meter)
    assert meter.read() == {"models_loaded": 1}, "trying a model is on nobody's clock"
    classifier.score([Text("good news")])
    found = meter.read()
    assert set(found) == {"models_loaded", "tokens", "padding", "ms.tokenise", "ms.infer", "wall_ms.engine"}
    assert found["tokens"] == 4, "two words and a mark at both ends"
