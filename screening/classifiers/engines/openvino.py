"""The engine OpenVINO on an x86 CPU: it runs the same ONNX file, in bf16 if the CPU multiplies that natively."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from screening.classifiers.bundle import Bundle
from screening.classifiers.engines.contract import (
    TOLERANCES,
    Feed,
    Logits,
    Pool,
    Run,
    Session,
    graph_for,
    outputs,
)
from screening.errors import ConfigError
from screening.hardware import Precision

HINTS = {"fp32": "f32", "bf16": "bf16"}


def is_there() -> bool:
    """Return whether the openvino extra is installed, without loading it."""
    return find_spec("openvino") is not None


def precisions() -> tuple[Precision, ...]:
    """Return the precisions that this CPU runs natively, the preferred one first."""
    return (
        ("bf16", "fp32", "int8")
        if "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        else ("fp32", "int8")
    )


@cache
def _core() -> Any:
    import openvino  # not at the top: importing it takes 0.3 s

    # OpenVINO's bindings fetch numpy's C functions at their first use. Two threads that both do so first would wait for
    # each other for ever (one for the GIL, the other, which holds it, for the fetch). So the first use is here.
    openvino.Type.f32.to_dtype()
    return openvino.Core()


@dataclass(frozen=True, slots=True)
class OpenVino:
    """An engine with one stream per core; `precision` is bf16, fp32 or int8.

    The float part of an int8 graph runs in the first of the precisions that this CPU has.
    """

    precision: Precision
    cores: int

    @property
    def id(self) -> str:
        """Runtime, version, hardware and precision, for example `openvino-2026.4.1/cpu/bf16` or `…/int8+bf16`."""
        ran = f"int8+{self._rest}" if self.precision == "int8" else self.precision
        return f"openvino-{version('openvino')}/cpu/{ran}"

    @property
    def _rest(self) -> Precision:
        return precisions()[0] if self.precision == "int8" else self.precision

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
        settings = {
            "INFERENCE_PRECISION_HINT": HINTS[self._rest],
            "NUM_STREAMS": self.cores,
            "INFERENCE_NUM_THREADS": self.cores,
            "ENABLE_CPU_PINNING": False,  # readers and decoders need the same cores
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,  # else int8 weights make activations int8, whatever the hint says
        }
        try:
            model = _core().read_model(io.BytesIO(graph_for(bundle, self.precision)))
            if self.precision != "int8":
                fold(model)
            compiled = _core().compile_model(model, "CPU", settings)
        except RuntimeError as error:
            what = str(error).strip().splitlines()[-1]
            raise ConfigError(
                f"OpenVINO does not load the model: {what}", file=bundle.file, fix="use --engine=onnxruntime"
            ) from None
        names = outputs(bundle)

        def runner() -> Run:
            request = compiled.create_infer_request()

            def run(feed: Feed) -> Logits:
                request.infer(dict(feed), share_inputs=True)
                return [request.get_tensor(name).data.copy() for name in names]

            return run

        return Pool(runner, self.cores)


def fold(model: Any) -> None:
    """Turn stored int8 weights into floats, in place. OpenVINO would do so for each batch, a seventh slower."""
    from openvino.passes import ConstantFolding, Manager

    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
