"""Turn windows into calibrated probabilities, in batches that suit the engine; equal windows may be run only once.

Heads about windows have one row for each window, heads about sentences one for each unit of each window.
"""

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
from screening.classifiers.pooling import Probabilities, calibrated, with_any
from screening.classifiers.sentences.units import Unit, means
from screening.classifiers.windows import Window
from screening.meter import Meter

Logits = npt.NDArray[np.float32]
Pair = tuple[Logits, Logits]  # the rows of heads about windows, and of heads about sentences
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
        self._whole, self._parts = (
            [i for i, head in enumerate(self._heads) if head.unit == unit] for unit in ("window", "sentence")
        )
        self._inputs = bundle.manifest.inputs
        self._budget = budget
        self._session = session
        self.meter = meter or Meter()
        self._memory = _Memory(remember) if remember else None

    def texts(self, windows: Sequence[Window]) -> list[Probabilities]:
        """Return the calibrated probabilities of each head, float64 [windows or their units, labels]."""

        def batched(which: Sequence[int]) -> Batched:
            own = [windows[i] for i in which]
            for rows in batches.plan(own, self._budget):
                fed = batches.feed([own[i] for i in rows], self._inputs)
                tokens = sum(own[i].span.tokens for i in rows)
                self.meter.add("tokens", tokens)
                self.meter.add("padding", next(iter(fed.values())).size - tokens)
                yield rows, fed

        def said(i: int) -> npt.NDArray[np.generic]:
            """Return what the logits follow from: the tokens, and where the sentences are among them."""
            bounds = [place for unit in windows[i].units for place in (unit.first, unit.last)] if self._parts else []
            return np.array([*windows[i].ids, -1, *bounds] if bounds else windows[i].ids)

        units = [window.units for window in windows] if self._parts else [()] * len(windows)
        return self._probabilities(units, said, batched)

    def pictures(self, arrays: Sequence[npt.NDArray[np.generic]]) -> list[Probabilities]:
        """Return the same for windows of pictures, given as the graph takes them."""
        size = max(1, self._budget // PICTURE)

        def batched(which: Sequence[int]) -> Batched:
            for start in range(0, len(which), size):
                rows = range(start, min(start + size, len(which)))
                yield rows, {self._inputs[0]: np.stack([arrays[which[i]] for i in rows])}

        return self._probabilities([()] * len(arrays), lambda i: arrays[i], batched)

    def _probabilities(
        self,
        units: Sequence[Sequence[Unit]],
        window: Callable[[int], npt.NDArray[np.generic]],
        batched: Callable[[Sequence[int]], Batched],
    ) -> list[Probabilities]:
        number = len(units)
        if self._memory is None:
            both = self._run(batched(range(number)), units)
        else:
            keys = [hashlib.blake2b(window(i).tobytes(), digest_size=16).digest() for i in range(number)]
            known = self._memory.recall(keys)
            fresh = list({key: i for i, key in enumerate(keys) if key not in known}.values())
            whole, parts = self._run(batched(fresh), mine := [units[i] for i in fresh])
            split = np.split(parts, np.cumsum([len(own) for own in mine])[:-1]) if mine else []
            known |= zip((keys[i] for i in fresh), zip(whole, split, strict=True), strict=True)
            self._memory.keep(known)
            rows = [known[key] for key in keys]
            both = np.stack([row for row, _ in rows]), np.concatenate([part for _, part in rows])
        out: dict[int, Probabilities] = {}
        for heads, logits in zip((self._whole, self._parts), both, strict=True):
            ends = np.cumsum([len(self._heads[i].labels) for i in heads])
            for i, own in zip(heads, np.split(logits, ends[:-1], axis=1) if heads else (), strict=True):
                head = self._heads[i]
                out[i] = calibrated(head.kind, own, head.calibration)
                out[i] = with_any(out[i]) if head.any else out[i]
        return [out[i] for i in range(len(self._heads))]

    def _run(self, batched: Batched, units: Sequence[Sequence[Unit]]) -> Pair:
        """Return the logits of the heads side by side, float32 [windows or units, labels], in the windows' order."""
        counts = np.array([len(own) for own in units], np.intp)
        first = np.cumsum(counts) - counts
        widths = [sum(len(self._heads[i].labels) for i in heads) for heads in (self._whole, self._parts)]
        whole, parts = np.empty((len(units), widths[0]), np.float32), np.empty((counts.sum(), widths[1]), np.float32)
        planned = list(batched)
        with self.meter.step("infer"), self.meter.busy("engine"):
            outputs = self._session.run([feed for _, feed in planned])
        for (rows, _), output in zip(planned, outputs, strict=True):
            for head, values in zip(self._heads, output, strict=True):
                own = (values.shape[0], values.shape[-1]), values.ndim - (head.unit == "sentence")
                if own != ((len(rows), len(head.labels)), 2):  # else numpy would copy a single row to all
                    raise ValueError(f"output {head.output!r} is {values.shape} for {len(rows)} rows")
            if self._whole:
                whole[rows] = np.concatenate([output[i] for i in self._whole], axis=1)
            if self._parts:
                bounds = [(k, unit.first, unit.last) for k, row in enumerate(rows) for unit in units[row]]
                where = np.concatenate([np.arange(first[row], first[row] + counts[row]) for row in rows])
                tokens = np.concatenate([output[i] for i in self._parts], axis=2)
                parts[where] = means(tokens, *np.array(bounds, np.intp).reshape(-1, 3).T)
        return whole, parts


class _Memory:
    """The logits of the latest `size` windows, by a digest of the window."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: OrderedDict[bytes, Pair] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, keys: Iterable[bytes]) -> dict[bytes, Pair]:
        with self._lock:
            return {key: self._rows[key] for key in keys if key in self._rows}

    def keep(self, rows: dict[bytes, Pair]) -> None:
        with self._lock:
            for key, (whole, parts) in rows.items():
                self._rows[key] = whole.copy(), parts.copy()  # views would keep the whole batch in memory
                self._rows.move_to_end(key)
            while len(self._rows) > self._size:
                self._rows.popitem(last=False)
