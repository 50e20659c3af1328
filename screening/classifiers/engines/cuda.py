"""ONNX Runtime on an NVIDIA GPU, through CUDA or TensorRT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort

from screening.classifiers.bundle import Bundle
from screening.classifiers.engines.contract import TOLERANCES, Pool, Session, graph_for, outputs
from screening.classifiers.graph import open_graph
from screening.errors import ConfigError
from screening.hardware import Precision

PROVIDERS = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
PRECISIONS: tuple[Precision, ...] = ("fp32",)


def is_there(name: str) -> bool:
    """Whether runtime and GPU are there; looking at the device files leaves CUDA untouched, so a later fork is safe."""
    has_gpu = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()
    return has_gpu and PROVIDERS[name] in ort.get_available_providers()


def require(name: str) -> None:
    """ConfigError unless runtime and GPU are there."""
    if not is_there(name):
        raise ConfigError(
            f"{name} was asked for and is not there",
            fix="install the gpu extra on a machine with an NVIDIA GPU, or use --engine=auto",
        )


@dataclass(frozen=True, slots=True)
class Cuda:
    """One stream of the GPU."""

    name: str
    precision: Precision

    @property
    def id(self) -> str:
        """For example `onnxruntime-1.32.0/cuda/fp16`."""
        return f"onnxruntime-{ort.__version__}/{self.name}/{self.precision}"

    @property
    def budget(self) -> int:
        """Enough work for every multiprocessor."""
        return 32_768

    @property
    def tolerance(self) -> float:
        """As its precision rounds."""
        return TOLERANCES[self.precision]

    def load(self, bundle: Bundle) -> Session:
        """The model on the provider asked for; ConfigError when another would run."""
        provider = PROVIDERS[self.name]
        session = open_graph(
            graph_for(bundle, self.precision), ort.SessionOptions(), [(provider, {"use_tf32": "0"})], bundle.file
        )
        ran = session.get_providers()[0]
        if ran != provider:
            raise ConfigError(f"{provider} was asked for and {ran} would run", fix="mend the driver, or --engine=auto")
        names = outputs(bundle)
        return Pool(lambda: lambda feed: session.run(names, dict(feed)), 1)
