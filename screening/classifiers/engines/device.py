"""Batches on a device: in few shapes, bound to buffers that are kept, and in halves when memory runs out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from screening.classifiers.engines.contract import Feed, Logits, Run

log = logging.getLogger(__name__)

ALIGNED = 8  # the fused attention in float16 wants lengths that are a multiple of it
SHAPES = 256  # whose buffers a thread keeps, some 100 kB each
# What ONNX Runtime's arena, CUDA and cuBLAS say; no error has a type of its own for it.
OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "alloc_failed")


def rows_for(rows: int, full: int) -> int:
    """The rows that so many run as: eight steps an octave, all below 16, and no more than a full batch has.

    Articles of 320 tokens get 2 % more cells for it, steps of an octave and a half would add 15 %.
    """
    step = 1 << max(0, rows.bit_length() - 4)
    size = -(-rows // step) * step
    return full if rows <= full < size else size


def shaped(feed: Feed, budget: int) -> Feed:
    """The batch in the shape it runs in: tokens masked up to a length of `ALIGNED`, and its last row again and again.

    Rows of mere padding would be masked whole, which leaves a softmax nothing. No row that counts is moved by others.
    """
    arrays = {}
    for name, array in feed.items():
        tokens = array.ndim == 2
        longer = -array.shape[1] % ALIGNED if tokens else 0
        more = rows_for(len(array), budget // array.shape[1] if tokens else 0) - len(array)
        rest = [(0, 0)] * (array.ndim - 2)
        arrays[name] = np.pad(np.pad(array, [(0, 0), (0, longer), *rest]), [(0, more), (0, 0), *rest], mode="edge")
    return arrays


def bound(session: ort.InferenceSession, labels: Mapping[str, int], device: str, budget: int) -> Run:
    """Runs batches through buffers on the device, one set for each shape; for one thread.

    `labels` has the number of labels of each output, which is float32 [rows, labels]. `budget`: cells of a full batch.
    """

    @lru_cache(SHAPES)
    def buffers(
        *inputs: tuple[str, tuple[int, ...], type[Any]],
    ) -> tuple[ort.IOBinding, dict[str, ort.OrtValue], list[ort.OrtValue]]:
        binding = session.io_binding()
        read, written = {}, []
        for name, shape, kind in inputs:
            read[name] = ort.OrtValue.ortvalue_from_shape_and_type(shape, kind, device, 0)
            binding.bind_ortvalue_input(name, read[name])
        for name, count in labels.items():
            written.append(ort.OrtValue.ortvalue_from_shape_and_type((inputs[0][1][0], count), np.float32, device, 0))
            binding.bind_ortvalue_output(name, written[-1])
        return binding, read, written

    def run(feed: Feed) -> Logits:
        rows = len(next(iter(feed.values())))
        arrays = shaped(feed, budget)
        binding, read, written = buffers(*((name, each.shape, each.dtype.type) for name, each in arrays.items()))
        for name, array in arrays.items():
            read[name].update_inplace(array)
        session.run_with_iobinding(binding)
        return [value.numpy()[:rows].copy() for value in written]  # the buffer is written again by the next batch

    return run


class Limit:
    """Values in the first input of a batch that the device had memory for, as far as is known."""

    def __init__(self) -> None:
        self.values = sys.maxsize


def halving(run: Run, limit: Limit) -> Run:
    """Runs a batch in halves when the device has no memory for the whole, and at once when one so large had none.

    Every other error passes, and so does this one for a single row. Threads of one device share the limit.
    """

    def halved(feed: Feed) -> Logits:
        first: npt.NDArray[Any] = next(iter(feed.values()))
        if first.size <= limit.values or len(first) == 1:
            try:
                return run(feed)
            except Exception as error:  # ONNX Runtime's errors share no base but this
                if len(first) == 1 or not any(each in str(error).lower() for each in OUT_OF_MEMORY):
                    raise
            limit.values = min(limit.values, first.size // 2)
            log.warning("out_of_memory", extra={"rows": len(first), "values": first.size})
        half = len(first) // 2
        parts = [halved({name: array[rows] for name, array in feed.items()}) for rows in (np.s_[:half], np.s_[half:])]
        return [np.concatenate(head) for head in zip(*parts, strict=True)]

    return halved
