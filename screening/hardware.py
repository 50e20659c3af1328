"""What a process may use of the machine, and the names by which it is asked for."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Literal, get_args

Precision = Literal["fp32", "bf16", "fp16", "int8"]
PRECISIONS = ("auto", *get_args(Precision))
ENGINES = ("auto", "onnxruntime", "openvino", "cuda", "tensorrt")
CGROUP = Path("/sys/fs/cgroup/cpu.max")  # "quota period" in microseconds, or "max period"


def cores_here(quota: Path = CGROUP) -> int:
    """The cores of this process: those it may run on, and no more than its container's share pays for."""
    cores = len(os.sched_getaffinity(0))
    try:
        share, period = quota.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if share == "max" else max(1, min(cores, math.ceil(int(share) / int(period))))
