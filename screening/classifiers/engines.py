"""Engines: what runs a bundle's graph, on which hardware and in which precision."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from screening.classifiers.bundle import Bundle
from screening.classifiers.graph import open_graph
from screening.errors import ConfigError

ENGINES = ("auto", "cpu", "cuda")
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
# TF32 would keep ten bits of a product's mantissa, and the engine says fp32.
SETTINGS = {"cpu": {}, "cuda": {"use_tf32": "0"}}
BUDGETS = {"cpu": 1024, "cuda": 32_768}  # cells: on a CPU the activations of a batch stay in a core's cache
Feed = Mapping[str, npt.NDArray[Any]]
Logits = list[npt.NDArray[np.float32]]


class Session(Protocol):
    """A loaded model; threads may share it."""

    def run(self, batches: Sequence[Feed]) -> list[Logits]:
        """Logits per batch and head, float32 [rows, labels]; an error of the runtime is raised as it is."""
        ...


class Engine(Protocol):
    """What an engine is to a classifier."""

    @property
    def id(self) -> str:
        """Runtime, version, hardware and precision: it belongs to the fingerprint."""
        ...

    @property
    def budget(self) -> int:
        """Cells (rows × padded length) that a batch should have at most."""
        ...

    def load(self, bundle: Bundle) -> Session:
        """The bundle's model, ready to run; ConfigError when it can't run on this engine."""
        ...


def make_engine(name: str = "auto", threads: int = 0) -> Engine:
    """The engine of that name with so many threads (0: the cores this process may use).

    `auto` takes CUDA where runtime and GPU are there. CUDA asked for and not there is a ConfigError, never a
    fallback.
    """
    has_cuda = PROVIDERS["cuda"] in ort.get_available_providers() and _has_gpu()
    if name == "auto":
        name = "cuda" if has_cuda else "cpu"
    if name not in PROVIDERS:
        raise ConfigError(f"unknown engine {name!r}", fix=f"use one of {', '.join(ENGINES)}")
    if name == "cuda" and not has_cuda:
        raise ConfigError(
            "CUDA was asked for and is not there",
            fix="install the gpu extra on a machine with an NVIDIA GPU, or use --engine=cpu",
        )
    return OnnxRuntime(name, threads or len(os.sched_getaffinity(0)))


def _has_gpu() -> bool:
    """Whether a GPU is attached; looking at the device files leaves CUDA untouched, so a later fork is safe."""
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()


@dataclass(frozen=True, slots=True)
class OnnxRuntime:
    """ONNX Runtime on one provider, `cpu` or `cuda`, in fp32."""

    name: str
    threads: int

    @property
    def id(self) -> str:
        """For example `onnxruntime-1.32.0/CPUExecutionProvider/fp32`."""
        return f"onnxruntime-{ort.__version__}/{PROVIDERS[self.name]}/fp32"

    @property
    def budget(self) -> int:
        """As measured with a MiniLM-L6 on the hardware."""
        return BUDGETS[self.name]

    def load(self, bundle: Bundle) -> Session:
        """The model on the provider asked for; ConfigError when another would run."""
        return _OnnxSession(bundle, self.name, self.threads)


class _OnnxSession:
    """Batches run side by side, one thread each: no two threads share a small matrix product."""

    def __init__(self, bundle: Bundle, name: str, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        provider = PROVIDERS[name]
        model = bundle.read(bundle.manifest.model)
        self._session = open_graph(model, options, [(provider, SETTINGS[name])], bundle.file)
        ran = self._session.get_providers()[0]
        if ran != provider:
            raise ConfigError(f"{provider} was asked for and {ran} would run", fix="mend the driver, or --engine=cpu")
        self._outputs = [head.output for head in bundle.manifest.heads]
        self._pool = ThreadPoolExecutor(threads if name == "cpu" else 1, "infer")

    def run(self, batches: Sequence[Feed]) -> list[Logits]:
        return list(self._pool.map(lambda feed: self._session.run(self._outputs, dict(feed)), batches))
