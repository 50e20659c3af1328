"""What a process may use of the machine, and the names by which it is asked for."""

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
CGROUP = Path("/sys/fs/cgroup/cpu.max")  # "quota period" in microseconds, or "max period"


def cores_here(quota: Path = CGROUP) -> int:
    """The cores of this process: those it may run on, and no more than its container's share pays for."""
    cores = len(os.sched_getaffinity(0))
    try:
        share, period = quota.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if share == "max" else max(1, min(cores, math.ceil(int(share) / int(period))))


def sums_int8_exactly(cpu: Path = CPU, machine: str = platform.machine()) -> bool:
    """Whether products of int8 add up without saturation: an x86 without VNNI does so in 16 bits, and clips them.

    ONNX Runtime's "Quantize ONNX models" says so of its kernels (U8S8), and oneDNN's are of the same instructions.
    """
    if machine not in ("x86_64", "AMD64"):
        return True
    try:
        flags = next(line for line in cpu.read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return False
    return not VNNI.isdisjoint(flags.split())
