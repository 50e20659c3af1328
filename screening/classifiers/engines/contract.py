"""What an engine is to a classifier, and what the engines share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from screening.classifiers.bundle import Bundle
from screening.errors import ConfigError
from screening.hardware import Precision

Feed = Mapping[str, npt.NDArray[Any]]
Logits = list[npt.NDArray[np.float32]]
Run = Callable[[Feed], Logits]
# By how much neighbours may move a score, since kernels round by the shape of a batch.
TOLERANCES: Mapping[Precision, float] = {"fp32": 1e-4, "bf16": 5e-3, "fp16": 5e-3, "int8": 5e-3}


class Session(Protocol):
    """A loaded model; threads may share it, and their batches run in the order they come."""

    def run(self, batches: Sequence[Feed]) -> list[Logits]:
        """Logits per batch and head, float32 [rows, labels]; an error of the runtime is raised as it is."""
        ...


class Engine(Protocol):
    """One runtime on one kind of hardware in one precision; both belong to the fingerprint."""

    @property
    def id(self) -> str:
        """Runtime, version, hardware and precision, for example `onnxruntime-1.32.0/cpu/fp32`."""
        ...

    @property
    def budget(self) -> int:
        """Cells (rows × padded length) that a batch should have at most."""
        ...

    @property
    def cores(self) -> int:
        """The cores that it and what prepares its batches may use."""
        ...

    @property
    def tolerance(self) -> float:
        """By how much its neighbours in a batch may move a score."""
        ...

    def load(self, bundle: Bundle) -> Session:
        """The bundle's model, ready to run; ConfigError when it can't run on this engine."""
        ...


class Pool:
    """A session on the cores of a CPU: batches side by side, one thread each.

    No two threads share a matrix product, which is small: MiniLM-L6 on two cores is a fifth slower when they do.
    """

    def __init__(self, runner: Callable[[], Run], threads: int) -> None:
        """`runner` is called once in each thread."""
        self._own = own = threading.local()  # the threads must not hold the pool, or it and its model would never go
        self._pool = ThreadPoolExecutor(threads, "infer", initializer=lambda: setattr(own, "run", runner()))
        ready = threading.Barrier(threads)  # all start now: one that can't must stop the load, and no upload later
        for start in [self._pool.submit(ready.wait, 60) for _ in range(threads)]:
            start.result()

    def run(self, batches: Sequence[Feed]) -> list[Logits]:
        """Logits per batch and head."""
        return list(self._pool.map(lambda feed: self._own.run(feed), batches))


def check_precision(bundle: Bundle, precision: str) -> None:
    """ConfigError for int8 where the bundle has no scales for it."""
    if precision == "int8" and not bundle.manifest.int8:
        raise ConfigError(
            f"{bundle.id.name} {bundle.id.version} has no int8 graph",
            file=bundle.file,
            fix="export it with precision int8, or use another --precision",
        )


def graph_for(bundle: Bundle, precision: Precision) -> bytes:
    """The bundle's graph as that precision runs it; ConfigError where it can't."""
    check_precision(bundle, precision)
    model = bundle.read(bundle.manifest.model)
    if precision == "int8" or not bundle.manifest.int8:
        return model
    from screening.classifiers.engines.floats import float_graph  # here: loading onnx takes a third of a second

    return float_graph(model)


def outputs(bundle: Bundle) -> list[str]:
    """The names of the logits, in the order of the heads."""
    return [head.output for head in bundle.manifest.heads]
