"""Batches on a device: in few shapes, bound to buffers that are kept, and in halves when memory runs out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from screening.classifiers.engines.contract import Feed, Logits, Run

log = logging.getLogger(__name__)

ALIGNED = 8  # the fused attention in float16 wants lengths that are a multiple of it
SHAPES = 256  # whose buffers are kept: some 100 MB when all are in use
# What ONNX Runtime's arena, CUDA and cuBLAS say; there is no error of its own for it.
OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "alloc_failed")


def rows_for(rows: int, most: int) -> int:
    """The rows of the shape that so many run in: a power of two, one and a half of it, or `most` of a full batch."""
    power = 1 << max(0, rows - 1).bit_length()
    size = power * 3 // 4 if power > 2 and rows <= power * 3 // 4 else power
    return size if rows > most else min(size, most)


def padded(feed: Feed, budget: int) -> Feed:
    """The batch in its shape: ids to a length of `ALIGNED`, masked, and its last row again and again.

    A row of padding alone would be masked whole, and have no softmax. Neither moves a score of the rows that count.
    """
    arrays = {}
    for name, array in feed.items():
        length = array.shape[1]
        more = -length % ALIGNED if array.ndim == 2 else 0
        most = budget // (length + more) if array.ndim == 2 else len(array)
        rows = rows_for(len(array), most) - len(array)
        wide = np.pad(array, [(0, 0), (0, more), *[(0, 0)] * (array.ndim - 2)])
        arrays[name] = np.pad(wide, [(0, rows), *[(0, 0)] * (array.ndim - 1)], mode="edge")
    return arrays
