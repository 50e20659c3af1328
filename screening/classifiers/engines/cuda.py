"""ONNX Runtime on an NVIDIA GPU, through CUDA or TensorRT.

Nothing here has run on a GPU yet: its parts are tested on ONNX Runtime's CPU provider, and `make test-gpu` on a machine
with a GPU holds CUDA against the CPU. So each load does too, on a batch of its own, and is refused where the scores
differ. With `CONTENT_SCREENING_GPU_REHEARSAL=1` in the environment the CPU provider takes CUDA's place wherever `cuda`
is asked for, so that everything but the hardware can be tried. The engine's id then says `cuda-rehearsal`, so its
verdicts can't be taken for those of a GPU. These are left out until there is a GPU to check them on:

- CUDA graphs. Shapes are few and addresses fixed, as they require (see "Using CUDA Graphs" in ONNX Runtime's page on
  the CUDA provider), but `enable_cuda_graph` refuses models with an operator on the CPU, and a replay is tied to one
  thread.
- Pinned host memory. The Python API gives it to plug-in providers only (`memory_info=` of
  `OrtValue.ortvalue_from_shape_and_type`). A full batch is half a megabyte.
- Packed batches (`PackedAttention`, `RemovePadding`). They have no CPU kernels, and in batches of one length only 2 %
  is padding that they could remove.
- TensorRT in int8. It takes symmetric scales, but the bundles' activations are uint8 with a zero point. In fp16 it
  builds a new engine for each new length, so it is slow to start.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from screening.classifiers.bundle import Bundle
from screening.classifiers.engines.contract import TOLERANCES, Feed, Pool, Session, graph_for, outputs
from screening.classifiers.engines.device import Limit, bound, halving
from screening.classifiers.graph import open_graph
from screening.errors import ConfigError
from screening.hardware import Precision

PROVIDERS = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
REHEARSAL = "CONTENT_SCREENING_GPU_REHEARSAL"
PRECISIONS: tuple[Precision, ...] = ("fp16", "fp32")  # the preferred one first
AT_ONCE = 2  # batches at once: one is copied and launched while the device computes the other
DTYPES = {"tensor(int64)": np.int64, "tensor(float)": np.float32, "tensor(uint8)": np.uint8}


def is_installed() -> bool:
    """Return whether the installed runtime is the one for GPUs, which a machine without a GPU may have too."""
    return PROVIDERS["cuda"] in ort.get_available_providers()


def is_rehearsed() -> bool:
    """Return whether the environment puts ONNX Runtime's CPU provider in CUDA's place."""
    return os.environ.get(REHEARSAL) == "1"


def is_there(name: str) -> bool:
    """Return whether runtime and GPU are there. Looking at device files leaves CUDA untouched, so forks stay safe."""
    if is_rehearsed():
        return name == "cuda"
    has_gpu = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()
    return has_gpu and PROVIDERS[name] in ort.get_available_providers()


def require(name: str) -> None:
    """Raise ConfigError unless runtime and GPU are there."""
    if not is_there(name):
        raise ConfigError(
            f"{name} was asked for but is not there",
            fix="install the gpu extra on a machine with an NVIDIA GPU, or use --engine=auto",
        )


@dataclass(frozen=True, slots=True)
class Cuda:
    """An engine on one GPU: `name` is cuda or tensorrt, `precision` fp16 or fp32.

    If it is `rehearsed`, the CPU takes the GPU's place.
    """

    name: str
    precision: Precision
    cores: int = 1
    rehearsed: bool = False

    @property
    def id(self) -> str:
        """Runtime, version, hardware and precision, for example `onnxruntime-1.32.0/cuda/fp16`."""
        where = f"{self.name}-rehearsal" if self.rehearsed else self.name
        return f"onnxruntime-{ort.__version__}/{where}/{self.precision}"

    @property
    def device(self) -> str:
        """The device that holds the buffers, by ONNX Runtime's name."""
        return "cpu" if self.rehearsed else "cuda"

    @property
    def providers(self) -> list[tuple[str, dict[str, str]]]:
        """ONNX Runtime's providers and their options; the first is the one that must run."""
        if self.rehearsed:
            return [("CPUExecutionProvider", {})]
        cuda = (PROVIDERS["cuda"], {"use_tf32": "0"})
        if self.name == "cuda":
            return [cuda]
        return [(PROVIDERS["tensorrt"], {"trt_fp16_enable": str(self.precision == "fp16")}), cuda]

    @property
    def budget(self) -> int:
        """The cells of a full batch. By its size it gives every multiprocessor work; it has not been measured."""
        return 32_768

    @property
    def tolerance(self) -> float:
        """How much the rest of a batch may move a score in this precision."""
        return TOLERANCES[self.precision]

    def load(self, bundle: Bundle) -> Session:
        """Return the model on the provider asked for.

        Raises ConfigError if another provider would run, or if the scores differ from the CPU's.
        """
        from screening.classifiers.engines.fusion import folded, fused  # not at the top: importing onnx takes 0.3 s

        floats = folded(graph_for(bundle, self.precision), bundle.file)
        # TensorRT fuses and rounds by itself, and doesn't know ONNX Runtime's own operators
        graph = floats if self.name == "tensorrt" else fused(floats, self.precision == "fp16")
        ort.preload_dlls(directory="")  # pip installs CUDA where the loader doesn't look
        session = open_graph(graph, ort.SessionOptions(), self.providers, bundle.file)
        provider, ran = self.providers[0][0], session.get_providers()[0]
        if ran != provider:
            raise ConfigError(
                f"{provider} was asked for but {ran} would run", fix="repair the driver, or use --engine=auto"
            )
        heads, limit = bundle.manifest.heads, Limit()
        labels = {head.output: len(head.labels) for head in heads}
        by_token = {head.output for head in heads if head.unit == "sentence"}
        pool = Pool(lambda: halving(bound(session, labels, self.device, self.budget, by_token), limit), AT_ONCE)
        self._compare(pool, floats, bundle)
        return pool

    def _compare(self, pool: Session, floats: bytes, bundle: Bundle) -> None:
        """Raise ConfigError unless the published graph gives a batch the same scores on the CPU."""
        exact = open_graph(floats, ort.SessionOptions(), ["CPUExecutionProvider"], bundle.file)
        feed = _example(exact)
        (ours,) = pool.run([feed])
        apart = [
            np.abs(1 / (1 + np.exp(-one)) - 1 / (1 + np.exp(-other))).max()
            for one, other in zip(ours, exact.run(outputs(bundle), dict(feed)), strict=True)
        ]
        if not max(apart) <= self.tolerance:  # written so that NaN is refused too
            what = f"scores on {self.name} in {self.precision} differ from the CPU's by {max(apart):.1e}"
            raise ConfigError(what, file=bundle.file, fix="use another --precision, or --engine=onnxruntime")


def _example(session: ort.InferenceSession) -> Feed:
    """Return three rows for the inputs of a graph.

    A text model gets rows of different lengths, of low ids, which every vocabulary has; an image model gets noise.
    """
    random = np.random.default_rng(0)
    mask = np.arange(24) < np.array([[24], [17], [5]])
    tokens: dict[str, Any] = {"input_ids": random.integers(0, 8, mask.shape) * mask, "attention_mask": mask}
    feed = {}
    for each in session.get_inputs():
        if len(each.shape) == 2:
            feed[each.name] = tokens.get(each.name, np.zeros(mask.shape)).astype(DTYPES[each.type])
        else:
            feed[each.name] = random.uniform(0, 200 if "int" in each.type else 1, (3, *each.shape[1:])).astype(
                DTYPES[each.type]
            )
    return feed
