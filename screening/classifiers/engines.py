"""Engines: what runs a bundle's graph, on which hardware and in which precision."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from screening.classifiers.bundle import MANIFEST, Bundle
from screening.errors import ConfigError

ENGINES = ("auto", "cpu", "cuda")
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
Feed = Mapping[str, npt.NDArray[Any]]
Logits = list[npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Engine:
    """ONNX Runtime on one provider; `id` names runtime, provider and precision and belongs to the fingerprint."""

    provider: str
    threads: int

    @property
    def id(self) -> str:
        """For example `onnxruntime-1.31.1/CPUExecutionProvider/fp32`."""
        return f"onnxruntime-{ort.__version__}/{self.provider}/fp32"

    def load(self, bundle: Bundle) -> Session:
        """The bundle's model, ready to run; ConfigError when its graph is not what bundle.json says."""
        return Session(bundle, self)


def make_engine(name: str = "auto", threads: int = 0) -> Engine:
    """The engine of that name with so many threads (0: the cores this process may use).

    `auto` takes CUDA where it is there. CUDA asked for and not there is a ConfigError, never a fallback.
    """
    available = ort.get_available_providers()
    if name == "auto":
        name = "cuda" if PROVIDERS["cuda"] in available else "cpu"
    if name not in PROVIDERS:
        raise ConfigError(f"unknown engine {name!r}", fix=f"use one of {', '.join(ENGINES)}")
    if PROVIDERS[name] not in available:
        raise ConfigError(
            "CUDA was asked for and is not there",
            fix="install the gpu extra on a machine with an NVIDIA GPU, or use --engine=cpu",
        )
    return Engine(PROVIDERS[name], threads or len(os.sched_getaffinity(0)))


class Session:
    """A loaded model. Batches run side by side, one thread each: no two threads share a small matrix product."""

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        manifest = bundle.manifest
        try:
            self._session = ort.InferenceSession(
                str(bundle.folder / manifest.model), options, providers=[engine.provider]
            )
        except Exception as error:  # ONNX Runtime's errors share no base but this
            raise ConfigError(
                f"{manifest.model} does not load: {str(error).splitlines()[0]}", file=str(bundle.folder / MANIFEST)
            ) from None
        ran = self._session.get_providers()[0]
        if ran != engine.provider:
            raise ConfigError(f"{engine.provider} was asked for and {ran} would run", fix="see --engine")
        self._outputs = [head.output for head in manifest.heads]
        self._check(bundle)
        self._pool = ThreadPoolExecutor(engine.threads if engine.provider == PROVIDERS["cpu"] else 1, "infer")

    def run(self, batches: Sequence[Feed]) -> list[Logits]:
        """Logits per batch and head, float32 [rows, labels]; an error of the runtime is raised as it is."""
        return list(self._pool.map(lambda feed: self._session.run(self._outputs, dict(feed)), batches))

    def _check(self, bundle: Bundle) -> None:
        manifest, file = bundle.manifest, str(bundle.folder / MANIFEST)
        has = [each.name for each in self._session.get_inputs()]
        if sorted(has) != sorted(manifest.inputs):
            raise ConfigError(f"the graph's inputs are {has}, bundle.json says {list(manifest.inputs)}", file=file)
        shapes = {each.name: each.shape for each in self._session.get_outputs()}
        for head in manifest.heads:
            shape = shapes.get(head.output)
            if shape is None:
                raise ConfigError(f"the graph has no output {head.output!r} for head {head.name}", file=file)
            if len(shape) != 2 or shape[1] != len(head.labels):
                raise ConfigError(
                    f"output {head.output!r} has shape {shape}, head {head.name} has {len(head.labels)} labels",
                    file=file,
                )
