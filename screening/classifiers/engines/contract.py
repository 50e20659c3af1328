"""The interface between a classifier and its engine, and what all engines share."""

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
# How much the rest of a batch may move a score, since kernels round differently for batches of different shapes.
TOLERANCES: Mapping[Precision, float] = {"fp32": 1e-4, "bf16": 5e-3, "fp16": 5e-3, "int8": 5e-3}


class Session(Protocol):
    """A loaded model. Many threads may use one; their batches run in the order they come."""

    def run(self, batches: Sequence[Feed]) -> list[Logits]:
        """Return logits per batch and head, float32 [rows, labels], or [rows, tokens, labels] of heads about sentences.

        An engine may add tokens at the end. An error of the runtime is raised as it is.
        """
        ...


class Engine(Protocol):
    """One runtime on one kind of hardware in one precision; its `id` is part of the fingerprint."""

    @property
    def id(self) -> str:
        """Runtime, version, hardware and precision, for example `onnxruntime-1.32.0/cpu/fp32`."""
        ...

    @property
    def budget(self) -> int:
        """The most cells (rows × padded length) that a batch should have."""
        ...

    @property
    def cores(self) -> int:
        """How many cores the engine, and the code that prepares its batches, may use."""
        ...

    @property
    def tolerance(self) -> float:
        """How much the rest of a batch may move a score."""
        ...

    def load(self, bundle: Bundle) -> Session:
        """Return the bundle's model, ready to run. Raises ConfigError if it can't run on this engine."""
        ...


class Pool:
    """A session that runs batches side by side, each in one thread.

    Threads don't share a matrix product, since these are small: MiniLM-L6 on two cores is a fifth slower when they do.
    """

    def __init__(self, runner: Callable[[], Run], threads: int) -> None:
        """Start the threads; `runner` is called once in each, and gives what runs that thread's batches."""
        self._own = own = threading.local()  # the threads must not refer to the pool, or its model would never be freed
        self._pool = ThreadPoolExecutor(threads, "infer", initializer=lambda: setattr(own, "run", runner()))
        ready = threading.Barrier(threads)  # all start now: one that can't must fail the load, not an upload later
        for start in [self._pool.submit(ready.wait, 60) for _ in range(threads)]:
            start.result()

    def run(self, batches: Sequence[Feed]) -> list[Logits]:
        """Return the logits per batch and head."""
        return list(self._pool.map(lambda feed: self._own.run(feed), batches))


def check_precision(bundle: Bundle, precision: str) -> None:
    """Raise ConfigError for int8 if the bundle has no scales for it."""
    if precision == "int8" and not bundle.manifest.int8:
        raise ConfigError(
            f"{bundle.id.name} {bundle.id.version} has no int8 graph",
            file=bundle.file,
            fix="export it with precision int8, or use another --precision",
        )


def graph_for(bundle: Bundle, precision: Precision) -> bytes:
    """Return the bundle's graph as that precision runs it. Raises ConfigError if the bundle has none."""
    check_precision(bundle, precision)
    model = bundle.read(bundle.manifest.model)
    if precision == "int8" or not bundle.manifest.int8:
        return model
    from screening.classifiers.engines.floats import float_graph  # not at the top: importing onnx takes 0.3 s

    return float_graph(model)


def outputs(bundle: Bundle) -> list[str]:
    """Return the names of the graph's outputs, in the order of the heads."""
    return [head.output for head in bundle.manifest.heads]
