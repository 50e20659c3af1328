"""The engine of a GPU, with ONNX Runtime's CPU provider in the place of CUDA's. What needs a GPU is in tests/gpu."""

from __future__ import annotations

import numpy as np
import pytest

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.classifiers.engines import cuda, engine_id
from screening.classifiers.graph import open_graph
from screening.content import Picture, Text
from screening.errors import ConfigError
from tests.screening.classifiers.encoder import operators
from tests.screening.classifiers.tiny import image_bundle, text_bundle

TEXTS = [Text("good bad the river " * n + "win") for n in range(40)]
PICTURES = [Picture(8, 8, np.full((8, 8, 3), shade, np.uint8)) for shade in range(0, 200, 10)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(str(text_bundle(tmp_path_factory.mktemp("cuda"))))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return load_bundle(str(image_bundle(tmp_path_factory.mktemp("pictures"))))


class TestEngine:
    @pytest.mark.parametrize("precision", cuda.PRECISIONS)
    @pytest.mark.parametrize("kind", ["text", "image"])
    def test_it_scores_as_onnx_runtime_does(self, kind, precision, bundle, pictures):
        contents = TEXTS if kind == "text" else PICTURES
        bundle, engine = {"text": bundle, "image": pictures}[kind], cuda.Cuda("cuda", precision, rehearsed=True)
        exact = Classifier(bundle, make_engine("onnxruntime")).score(contents)
        for one, other in zip(Classifier(bundle, engine).score(contents), exact, strict=True):
            assert [s.score for s in one] == pytest.approx([s.score for s in other], abs=engine.tolerance)

    def test_a_device_that_computes_something_else_is_refused_when_the_bundle_is_loaded(self, bundle, monkeypatch):
        real = cuda.bound
        monkeypatch.setattr(cuda, "bound", lambda *args: lambda feed: [logit + 0.1 for logit in real(*args)(feed)])
        with pytest.raises(ConfigError, match=r"scores on cuda in fp16 differ from the CPU's by 2\.\de-02"):
            cuda.Cuda("cuda", "fp16", rehearsed=True).load(bundle)

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


class TestRehearsal:
    """All but the hardware can be tried without a GPU, and nothing that comes of it passes for a GPU's."""

    def test_it_is_the_engine_that_cuda_and_auto_give_then(self, bundle, monkeypatch):
        monkeypatch.setenv(cuda.REHEARSAL, "1")
        for name in ("cuda", "auto"):
            engine = make_engine(name)
            assert engine == cuda.Cuda("cuda", "fp16", engine.cores, rehearsed=True)
        assert len(Classifier(bundle, engine).score(TEXTS[:3])) == 3

    def test_its_id_is_not_that_of_a_gpu(self):
        rehearsed = cuda.Cuda("cuda", "fp16", rehearsed=True).id
        assert rehearsed.split("/")[1:] == ["cuda-rehearsal", "fp16"]
        assert rehearsed != engine_id("cuda", "fp16")

    @pytest.mark.skipif(cuda.is_there("cuda"), reason="a GPU is there")
    @pytest.mark.parametrize("said", ["", "0", "yes"])
    def test_nothing_else_in_the_environment_asks_for_it(self, said, monkeypatch):
        monkeypatch.setenv(cuda.REHEARSAL, said)
        with pytest.raises(ConfigError, match="cuda was asked for but is not there"):
            make_engine("cuda")

    def test_tensorrt_is_not_rehearsed(self, monkeypatch):
        monkeypatch.setenv(cuda.REHEARSAL, "1")
        with pytest.raises(ConfigError, match="tensorrt was asked for but is not there"):
            make_engine("tensorrt")
