"""Facts of the machine and the versions, for whoever reads the figures later."""

from __future__ import annotations

import importlib.util
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from screening.hardware import cores_here

FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8")
PACKAGES = (
    "apache-beam", "numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "openvino", "tokenizers", "torch",
    "transformers",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """Processor, its flags that matter here, cores of this process, GPU, versions."""
    info = _cpuinfo()
    flags = info.get("flags", "").split()
    return {
        "cpu": info.get("model name", platform.processor() or platform.machine()),
        "family_model_stepping": [info.get(key) for key in ("cpu family", "model", "stepping")],
        "flags": [flag for flag in FLAGS if flag in flags],
        "cores": cores_here(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "gpu": _gpu(),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _cpuinfo() -> dict[str, str]:
    """The first core's entries of /proc/cpuinfo; empty where there is none."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").partition("\n\n")[0].splitlines() if file.is_file() else []
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _gpu() -> str | None:
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
