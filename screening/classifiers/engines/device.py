"""Run batches on a device: in few shapes, in buffers that are kept, and in halves when memory runs out."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from screening.classifiers.engines.contract import Feed, Logits, Run

log = logging.getLogger(__name__)

ALIGNED = 8  # the fused attention in float16 needs lengths that are multiples of this
SHAPES = 256  # the number of shapes whose buffers a thread keeps, some 100 kB each
# The words of ONNX Runtime's arena, of CUDA and of cuBLAS, since there is no error type for it.
OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "alloc_failed")


def rows_for(rows: int, full: int) -> int:
    """Return the number of rows that a batch of `rows` is filled up to, so that there are few shapes.

    There are eight steps per octave (every number below 16), and no more rows than a `full` batch has. This adds 2 % of
    cells to articles of 320 tokens; steps of one and a half octaves would add 15 %.
    """
    step = 1 << max(0, rows.bit_length() - 4)
    size = -(-rows // step) * step
    return full if rows <= full < size else size


def shaped(feed: Feed, budget: int) -> Feed:
    """Return the batch in the shape it runs in: filled up with masked tokens and with copies of its last row.

    The length becomes a multiple of `ALIGNED`. A row of nothing but padding would be masked entirely, which leaves a
    softmax nothing; so the last row is repeated. No row of the batch is changed by these.
    """
    arrays = {}
    for name, array in feed.items():
        tokens = array.ndim == 2
        longer = -array.shape[1] % ALIGNED if tokens else 0
        more = rows_for(len(array), budget // array.shape[1] if tokens else 0) - len(array)
        rest = [(0, 0)] * (array.ndim - 2)
        arrays[name] = np.pad(np.pad(array, [(0, 0), (0, longer), *rest]), [(0, more), (0, 0), *rest], mode="edge")
    return arrays


def bound(
    session: ort.InferenceSession, labels: Mapping[str, int], device: str, budget: int, by_token: Collection[str] = ()
) -> Run:
    """Return what runs batches in buffers on the device, one set for each shape; only one thread may use it.

    `labels` has the number of labels of each output, which is float32 [rows, labels], or [rows, tokens, labels] if it
    is `by_token`; `budget` is the number of cells of a full batch.
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
            shape = (*inputs[0][1][: 2 if name in by_token else 1], count)
            written.append(ort.OrtValue.ortvalue_from_shape_and_type(shape, np.float32, device, 0))
            binding.bind_ortvalue_output(name, written[-1])
        return binding, read, written

    def run(feed: Feed) -> Logits:
        rows = len(next(iter(feed.values())))
        arrays = shaped(feed, budget)
        binding, read, written = buffers(*((name, each.shape, each.dtype.type) for name, each in arrays.items()))
        for name, array in arrays.items():
            read[name].update_inplace(array)
        session.run_with_iobinding(binding)
        return [value.numpy()[:rows].copy() for value in written]  # the next batch overwrites the buffer

    return run


class Limit:
    """How many values the first input of a batch may have for the device's memory, as far as is known."""

    def __init__(self) -> None:
        self.values = sys.maxsize


def halving(run: Run, limit: Limit) -> Run:
    """Return what runs a batch in halves if the device has no memory for the whole of it.

    Once a batch was too large, others as large are halved without a try; the threads of one device share that `limit`.
    Any other error is raised as it is, and so is this one for a single row.
    """

    def halved(feed: Feed) -> Logits:
        first: npt.NDArray[Any] = next(iter(feed.values()))
        if first.size <= limit.values or len(first) == 1:
            try:
                return run(feed)
            except Exception as error:  # ONNX Runtime's errors share no narrower base class
                if len(first) == 1 or not any(each in str(error).lower() for each in OUT_OF_MEMORY):
                    raise
            limit.values = min(limit.values, first.size // 2)
            log.warning("out_of_memory", extra={"rows": len(first), "values": first.size})
        half = len(first) // 2
        parts = [halved({name: array[rows] for name, array in feed.items()}) for rows in (np.s_[:half], np.s_[half:])]
        return [np.concatenate(head) for head in zip(*parts, strict=True)]

    return halved
