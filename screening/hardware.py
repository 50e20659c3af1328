"""What a process may use of its machine, and the names by which people ask for engines and precisions."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path
from typing import Literal, get_args

Precision = Literal["fp32", "bf16", "fp16", "int8"]
PRECISIONS = ("auto", *get_args(Precision))
ENGINES = ("auto", "onnxruntime", "openvino", "cuda", "tensorrt")
CPU = Path("/proc/cpuinfo")
VNNI = frozenset(("avx512_vnni", "avx_vnni", "amx_int8"))
BF16 = frozenset(("avx512_bf16", "amx_bf16", "bf16"))
CGROUP = Path("/sys/fs/cgroup/cpu.max")  # "quota period" in microseconds, or "max period"


def cores_here(quota: Path = CGROUP) -> int:
    """Return the number of cores that this process may run on, at most as many as its container's quota pays for."""
    cores = len(os.sched_getaffinity(0))
    try:
        share, period = quota.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if share == "max" else max(1, min(cores, math.ceil(int(share) / int(period))))


def sums_int8_exactly(cpu: Path = CPU, machine: str = platform.machine()) -> bool:
    """Return whether this CPU adds up products of int8 without saturation.

    An x86 CPU without VNNI adds them up in 16 bits, and clips the sums. Source: ONNX Runtime's "Quantize ONNX models",
    on its kernels (U8S8); oneDNN's kernels use the same instructions.
    """
    return machine not in ("x86_64", "AMD64") or not VNNI.isdisjoint(_flags(cpu))


def multiplies_bf16(cpu: Path = CPU) -> bool:
    """Return whether this CPU multiplies bfloat16 by itself; one that doesn't is slower in it than in float32."""
    return not BF16.isdisjoint(_flags(cpu))


def _flags(cpu: Path) -> list[str]:
    """Return what the kernel says that the CPU can do; nothing if it doesn't say."""
    try:
        return next(line for line in cpu.read_text().splitlines() if line.startswith(("flags", "Features"))).split()
    except (OSError, StopIteration):
        return []
