"""The engine that was asked for is the one that runs, or there is none."""

from __future__ import annotations

import onnxruntime
import pytest

from screening.classifiers import Classifier, engines, load_bundle, make_engine
from screening.classifiers.engines import OnnxRuntime
from screening.errors import ConfigError
from screening.records import Article
from screening.stopwatch import Stopwatch

HAS_CUDA = "CUDAExecutionProvider" in onnxruntime.get_available_providers() and engines._has_gpu()


def test_the_id_names_runtime_hardware_and_precision():
    assert make_engine("cpu").id == f"onnxruntime-{onnxruntime.__version__}/CPUExecutionProvider/fp32"


def test_auto_takes_what_is_there():
    assert make_engine("auto").id == make_engine("cuda" if HAS_CUDA else "cpu").id


@pytest.mark.skipif(HAS_CUDA, reason="CUDA is there")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_cuda_that_is_not_there_is_an_error_and_no_fallback(tiny_bundle):
    with pytest.raises(ConfigError, match="CUDA was asked for and is not there"):
        make_engine("cuda")
    with pytest.raises(ConfigError, match="CUDAExecutionProvider was asked for and CPUExecutionProvider would run"):
        OnnxRuntime("cuda", 1).load(load_bundle(str(tiny_bundle())))


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_CUDA, reason="no CUDA")
def test_cuda_scores_as_the_cpu_does(tiny_bundle):
    bundle = load_bundle(str(tiny_bundle()))
    text = [Article("text/plain", "good bad news"), Article("text/plain", "win a prize")]
    there, here = (Classifier(bundle, make_engine(name)).score(text) for name in ("cuda", "cpu"))
    for one, other in zip(there, here, strict=True):
        assert [s.score for s in one] == pytest.approx([s.score for s in other], abs=1e-4)


def test_an_unknown_engine_is_an_error():
    with pytest.raises(ConfigError, match="unknown engine 'tpu'"):
        make_engine("tpu")


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_no_score(tiny_bundle, threads):
    bundle = load_bundle(str(tiny_bundle()))
    texts = [Article("text/plain", "good bad the river " * n) for n in range(40)]
    assert Classifier(bundle, make_engine("cpu", threads)).score(texts) == Classifier(bundle).score(texts)


def test_the_stopwatch_tells_the_steps_apart_and_leaves_the_loading_out(tiny_bundle):
    stopwatch = Stopwatch()
    classifier = Classifier(load_bundle(str(tiny_bundle())), stopwatch=stopwatch)
    assert not stopwatch.seconds
    classifier.score([Article("text/plain", "good news")])
    assert set(stopwatch.seconds) == {"tokenise", "infer"}
    assert all(seconds > 0 for seconds in stopwatch.seconds.values())
