"""Make the engine that runs a bundle's graph, on the hardware and in the precision asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from screening.classifiers.engines import cuda, onnx_cpu, openvino
from screening.classifiers.engines.contract import Engine, Feed, Logits, Session, check_precision
from screening.errors import ConfigError
from screening.hardware import ENGINES, Precision, cores_here, sums_int8_exactly

__all__ = ["Engine", "Feed", "Logits", "Session", "check_precision", "engine_id", "make_engine"]


def make_engine(name: str = "auto", precision: str = "auto", cores: int = 0) -> Engine:
    """Return the engine of that name and precision, on so many cores (0: all that this process may use).

    The engine `auto` is CUDA if its runtime and a GPU are there, else OpenVINO if it is installed, else ONNX Runtime.
    The precision `auto` is the fastest that the hardware has, except int8, which must be asked for. Raises ConfigError
    if what is asked for isn't there; there is no silent fallback.
    """
    if name == "auto":
        name = "cuda" if cuda.is_there("cuda") else "openvino" if openvino.is_there() else "onnxruntime"
    if name not in ENGINES:
        raise ConfigError(f"unknown engine {name!r}", fix=f"use one of {', '.join(ENGINES)}")
    offered, make = _MAKERS[name]()
    if precision == "auto":
        precision = offered[0]
    if precision == "int8" and name in ("onnxruntime", "openvino") and not sums_int8_exactly():
        raise ConfigError(
            "this CPU has no VNNI or AMX, so sums of int8 products would be clipped and the scores would change",
            fix="use another --precision",
        )
    if precision not in offered:
        raise ConfigError(
            f"{name} can't run {precision} on this machine",
            fix=f"use --precision auto, or one of {', '.join(offered)}",
        )
    return make(next(each for each in offered if each == precision), cores or cores_here())


def engine_id(name: str, precision: str) -> str:
    """Return the id of the engine that a worker will make, whatever hardware is here; nothing is loaded for it.

    The versions in it are those installed here. Raises ConfigError for `auto`, and for a choice that depends on the
    worker's hardware.
    """
    if name == "auto" or precision == "auto":
        raise ConfigError(
            "`auto` would take what the launcher has, not its workers", fix="name an engine and a precision"
        )
    if name == "openvino":
        if not openvino.is_there():
            raise ConfigError(
                "OpenVINO is not installed here", fix="launch from a machine with the workers' versions installed"
            )
        if precision == "int8":
            raise ConfigError(
                "OpenVINO runs the rest of an int8 graph in bf16 or fp32, which depends on the worker's CPU",
                fix="use --engine=onnxruntime, or --precision=bf16 or fp32",
            )
    offered, make = _NAMED[name]
    if precision not in offered:
        raise ConfigError(f"{name} can't run {precision}", fix=f"use one of {', '.join(offered)}")
    return make(next(each for each in offered if each == precision)).id


Maker = tuple[Sequence[Precision], Callable[[Precision, int], Engine]]


def _onnxruntime() -> Maker:
    return onnx_cpu.PRECISIONS, onnx_cpu.OnnxRuntime


def _openvino() -> Maker:
    if not openvino.is_there():
        raise ConfigError(
            "OpenVINO was asked for but is not installed", fix="install the openvino extra, or use --engine=onnxruntime"
        )
    return openvino.precisions(), openvino.OpenVino


def _gpu(provider: str) -> Callable[[], Maker]:
    def maker() -> Maker:
        cuda.require(provider)
        return cuda.PRECISIONS, lambda precision, cores: cuda.Cuda(provider, precision, cores, cuda.is_rehearsed())

    return maker


_MAKERS: dict[str, Callable[[], Maker]] = {
    "onnxruntime": _onnxruntime, "openvino": _openvino, "cuda": _gpu("cuda"), "tensorrt": _gpu("tensorrt"),
}  # fmt: skip

_NAMED: dict[str, tuple[Sequence[Precision], Callable[[Precision], Engine]]] = {
    "onnxruntime": (onnx_cpu.PRECISIONS, lambda precision: onnx_cpu.OnnxRuntime(precision, 1)),
    "openvino": (("bf16", "fp32"), lambda precision: openvino.OpenVino(precision, 1)),
    "cuda": (cuda.PRECISIONS, lambda precision: cuda.Cuda("cuda", precision)),
    "tensorrt": (cuda.PRECISIONS, lambda precision: cuda.Cuda("tensorrt", precision)),
}
