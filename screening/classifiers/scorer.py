"""Turn windows into calibrated probabilities, in batches that suit the engine; equal windows may be run only once."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from screening.classifiers import batches
from screening.classifiers.bundle import Bundle
from screening.classifiers.engines import Feed, Session
from screening.classifiers.pooling import Probabilities, calibrated
from screening.classifiers.windows import Window
from screening.meter import Meter

Logits = npt.NDArray[np.float32]
Batched = Iterable[tuple[Sequence[int], Feed]]  # for each batch, the places of its rows and what is fed
PICTURE = 256  # the cells that a picture's window counts as: a vision transformer makes 196 patches of 224 × 224 pixels


class Scorer:
    """A loaded model that scores windows; many threads may use one.

    Windows with the same tokens or pixels have the same logits, so a window that comes again need not be run again.
    """

    def __init__(
        self, bundle: Bundle, budget: int, session: Session, meter: Meter | None = None, remember: int = 0
    ) -> None:
        """Score with a bundle's `session`; keep the logits of the latest `remember` windows."""
        self._heads = bundle.manifest.heads
        self._inputs = bundle.manifest.inputs
        self._budget = budget
        self._session = session
        self.meter = meter or Meter()
        self._memory = _Memory(remember) if remember else None

    def texts(self, windows: Sequence[Window]) -> list[Probabilities]:
        """Return the calibrated probabilities of each head, float64 [windows, labels]."""

        def batched(which: Sequence[int]) -> Batched:
            own = [windows[i] for i in which]
            for rows in batches.plan(own, self._budget):
                fed = batches.feed([own[i] for i in rows], self._inputs)
                tokens = sum(own[i].span.tokens for i in rows)
                self.meter.add("tokens", tokens)
                self.meter.add("padding", next(iter(fed.values())).size - tokens)
                yield rows, fed

        return self._probabilities(len(windows), lambda i: np.array(windows[i].ids), batched)

    def pictures(self, arrays: Sequence[npt.NDArray[np.generic]]) -> list[Probabilities]:
        """Return the same for windows of pictures, given as the graph takes them."""
        size = max(1, self._budget // PICTURE)

        def batched(which: Sequence[int]) -> Batched:
            for start in range(0, len(which), size):
                rows = range(start, min(start + size, len(which)))
                yield rows, {self._inputs[0]: np.stack([arrays[which[i]] for i in rows])}

        return self._probabilities(len(arrays), lambda i: arrays[i], batched)

    def _probabilities(
        self, number: int, window: Callable[[int], npt.NDArray[np.generic]], batched: Callable[[Sequence[int]], Batched]
    ) -> list[Probabilities]:
        if self._memory is None:
            logits = self._run(batched(range(number)), number)
        else:
            keys = [hashlib.blake2b(window(i).tobytes(), digest_size=16).digest() for i in range(number)]
            known = self._memory.recall(keys)
            fresh = list({key: i for i, key in enumerate(keys) if key not in known}.values())
            known |= zip((keys[i] for i in fresh), self._run(batched(fresh), len(fresh)), strict=True)
            self._memory.keep(known)
            logits = np.stack([known[key] for key in keys])
        ends = np.cumsum([len(head.labels) for head in self._heads])
        split = np.split(logits, ends[:-1], axis=1)
        return [calibrated(head.kind, own, head.calibration) for head, own in zip(self._heads, split, strict=True)]

    def _run(self, batched: Batched, number: int) -> Logits:
        """Return the logits of all heads side by side, float32 [windows, labels], in the order of the windows."""
        logits = np.empty((number, sum(len(head.labels) for head in self._heads)), np.float32)
        planned = list(batched)
        with self.meter.step("infer"), self.meter.busy("engine"):
            outputs = self._session.run([feed for _, feed in planned])
        for (rows, _), output in zip(planned, outputs, strict=True):
            for head, values in zip(self._heads, output, strict=True):
                if values.shape != (len(rows), len(head.labels)):  # else numpy would copy a single row to all
                    raise ValueError(f"output {head.output!r} is {values.shape} for {len(rows)} rows")
            logits[rows] = np.concatenate(output, axis=1)
        return logits


class _Memory:
    """The logits of the latest `size` windows, by a digest of the window."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: OrderedDict[bytes, Logits] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, keys: Iterable[bytes]) -> dict[bytes, Logits]:
        with self._lock:
            return {key: self._rows[key] for key in keys if key in self._rows}

    def keep(self, rows: dict[bytes, Logits]) -> None:
        with self._lock:
            for key, row in rows.items():
                self._rows[key] = row.copy()  # a view would keep the whole batch in memory
                self._rows.move_to_end(key)
            while len(self._rows) > self._size:
                self._rows.popitem(last=False)
