"""The engine ONNX Runtime on a CPU, which is always there and exact."""

from __future__ import annotations

from dataclasses import dataclass

import onnxruntime as ort

from screening.classifiers.bundle import Bundle
from screening.classifiers.engines.contract import TOLERANCES, Pool, Session, graph_for, outputs
from screening.classifiers.graph import open_graph
from screening.hardware import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")  # the preferred one first; bf16 runs on ARM only


@dataclass(frozen=True, slots=True)
class OnnxRuntime:
    """One session that every thread shares; `precision` is fp32 or int8."""

    precision: Precision
    cores: int

    @property
    def id(self) -> str:
        """Runtime, version, hardware and precision, for example `onnxruntime-1.32.0/cpu/fp32`."""
        return f"onnxruntime-{ort.__version__}/cpu/{self.precision}"

    @property
    def budget(self) -> int:
        """The cells of a batch whose activations stay in a core's cache, as measured with a MiniLM-L6."""
        return 1024

    @property
    def tolerance(self) -> float:
        """How much the rest of a batch may move a score in this precision."""
        return TOLERANCES[self.precision]

    def load(self, bundle: Bundle) -> Session:
        """Return the model, ready to run. Raises ConfigError if it can't run in this precision."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = open_graph(graph_for(bundle, self.precision), options, ["CPUExecutionProvider"], bundle.file)
        names = outputs(bundle)
        return Pool(lambda: lambda feed: session.run(names, dict(feed)), self.cores)
