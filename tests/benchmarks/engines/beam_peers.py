"""Peers on Beam's stock RunInference, on the local runner, from paths of files as the product's own job is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from apache_beam.metrics import MetricsFilter
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.ml.inference.onnx_inference import OnnxModelHandlerNumpy
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.launch.options import LOCAL_RUNNER
from screening.classifiers import Bundle, load_bundle
from screening.classifiers.engines.contract import graph_for
from screening.classifiers.windows import Window, windows
from tests.benchmarks.engines.contest import Contestant, Run
from tests.benchmarks.engines.work import Work, tokenizer_of

LARGEST = 32  # rows a batch; Beam's own batching settles below it


class ReadWindows(beam.DoFn):
    """A path to what the handler is fed for each window of that article."""

    def __init__(self, bundle: str, fed: Callable[[str, Window], Any]) -> None:
        self._bundle = bundle
        self._fed = fed

    def setup(self) -> None:
        self._tokenizer = tokenizer_of(load_bundle(self._bundle))

    def process(self, path: str) -> Iterator[Any]:
        text = Path(path).read_text(encoding="utf-8")
        for window in windows(self._tokenizer, [text]):
            yield self._fed(text, window)


def with_onnx(bundle: Bundle, folder: Path) -> Contestant:
    """RunInference with the ONNX handler; the graph in float is written to `folder` for it."""
    assert bundle.manifest.text
    model = folder / "float.onnx"
    model.write_bytes(graph_for(bundle, "fp32"))
    padded = partial(_padded, bundle.manifest.text.max_tokens)
    handler = partial(
        OnnxModelHandlerNumpy,
        str(model),
        providers=["CPUExecutionProvider"],
        inference_fn=_both_inputs,
        max_batch_size=LARGEST,
    )
    note = "stock handler; its inference function feeds both inputs, rows are padded to the longest window"
    load = partial(through_beam, bundle, handler, padded)
    return Contestant("Beam RunInference, ONNX", "fp32", load, way="job", note=note)


def with_transformers(bundle: Bundle, text_pipeline: Callable[[], Any]) -> Contestant:
    """RunInference around `transformers.pipeline`; `text_pipeline` makes one, on the worker."""
    try:
        from apache_beam.ml.inference.huggingface_inference import HuggingFacePipelineModelHandler as Stock
    except ImportError:
        handler, note = partial(PipelineHandler, text_pipeline), "a handler of ours: the stock one needs tensorflow"
    else:
        # The stock handler takes the name of a model and not a model, so the only thing changed is what it loads.
        kind = type("Loaded", (Stock,), {"load_model": lambda _: text_pipeline()})
        handler = partial(kind, "text-classification", device="CPU", max_batch_size=LARGEST)
        note = "stock handler, loading the benchmark's network"
    load = partial(through_beam, bundle, handler, _piece)
    return Contestant("Beam RunInference, transformers", "fp32", load, way="job", note=note)


class PipelineHandler(ModelHandler[str, Any, Any]):
    """What HuggingFacePipelineModelHandler does, without its imports: one call a batch, the pipeline's own defaults."""

    def __init__(self, text_pipeline: Callable[[], Any]) -> None:
        super().__init__(max_batch_size=LARGEST)
        self._text_pipeline = text_pipeline

    def load_model(self) -> Any:
        return self._text_pipeline()

    def run_inference(
        self, batch: Sequence[str], model: Any, inference_args: Mapping[str, Any] | None = None
    ) -> Iterable[Any]:
        return model(list(batch), **(inference_args or {}))


def through_beam(bundle: Bundle, handler: Callable[[], Any], fed: Callable[[str, Window], Any]) -> Run:
    """A job of three steps: paths, windows, answers; AssertionError when it does not answer every window."""

    def run(work: Work) -> None:
        pipeline = beam.Pipeline(options=PipelineOptions(["--runner", LOCAL_RUNNER]))
        paths = sorted(str(path) for path in work.folder.rglob("*.txt"))
        read = beam.ParDo(ReadWindows(str(bundle.folder), fed))
        _ = pipeline | beam.Create(paths) | read | RunInference(handler())
        result = pipeline.run()
        result.wait_until_finish()
        counted = result.metrics().query(MetricsFilter().with_name("num_inferences"))["counters"]
        assert sum(counter.committed for counter in counted) == len(work.lengths)

    return run


def _piece(text: str, window: Window) -> str:
    return text[window.span.start : window.span.end]


def _padded(width: int, _: str, window: Window) -> npt.NDArray[np.int64]:
    """Ids and mask, int64 [2, width]: the handler stacks rows, so all are of one size."""
    row = np.zeros((2, width), np.int64)
    row[0, : window.span.tokens] = window.ids
    row[1, : window.span.tokens] = 1
    return row


def _both_inputs(
    session: ort.InferenceSession, batch: Sequence[npt.NDArray[np.int64]], _: Mapping[str, Any] | None = None
) -> npt.NDArray[np.float32]:
    """Logits [rows, labels of all heads]; the stock function feeds the first input only and takes the first output."""
    stacked = np.stack(batch)
    answers = session.run(None, {"input_ids": stacked[:, 0], "attention_mask": stacked[:, 1]})
    return np.concatenate(answers, axis=1)
