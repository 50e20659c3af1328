"""Count a run's scores into histograms, batch by batch; DuckDB would hold all signals of a large run in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from screening.records import Threshold
from screening.report.histogram import BINS, Axis, Histogram, axis_for
from screening.tables import ResultTables

Key = tuple[str, str]  # source and label
Scores = npt.NDArray[np.float64]


def histograms(tables: ResultTables, run_id: str, thresholds: Sequence[Threshold]) -> tuple[Histogram, ...]:
    """Return a histogram for each source and label, those with a threshold first; only finite scores count."""
    low: dict[Key, float] = {}
    high: dict[Key, float] = {}
    for key, scores in _scores(tables, run_id):
        low[key] = min(low.get(key, np.inf), float(scores.min()))
        high[key] = max(high.get(key, -np.inf), float(scores.max()))
    levels = {key: tuple(each for each in thresholds if each.label == key[1]) for key in low}
    axes = {key: axis_for(key[0], low[key], high[key], [each.score for each in levels[key]]) for key in low}
    bins = {key: np.zeros(BINS, np.int64) for key in low}
    for key, scores in _scores(tables, run_id):
        bins[key] += np.bincount(_bins(axes[key], scores), minlength=BINS)
    made = [Histogram(*key, axes[key], tuple(bins[key].tolist()), levels[key]) for key in low]
    return tuple(
        sorted(made, key=lambda each: (not each.thresholds, each.source.split("/")[0], each.label, each.source))
    )


def _bins(axis: Axis, scores: Scores) -> npt.NDArray[np.int64]:
    share = (scores - axis.low) / (axis.high - axis.low)
    if axis.log:
        share = np.log(1 + scores - axis.low) / np.log(1 + axis.high - axis.low)
    found: npt.NDArray[np.int64] = np.clip(np.floor(BINS * share), 0, BINS - 1).astype(np.int64)
    return found


def _scores(tables: ResultTables, run_id: str) -> Iterator[tuple[Key, Scores]]:
    """Yield finite scores, batch by batch, with their source and label."""
    for batch in tables.run_batches(run_id, ["signals"]):
        signals = batch.column("signals").flatten()
        source, label, score = (pc.struct_field(signals, name) for name in ("source", "label", "score"))
        keys = pc.binary_join_element_wise(source, label, "\0").dictionary_encode()
        codes, scores = keys.indices.to_numpy(zero_copy_only=False), score.to_numpy(zero_copy_only=False)
        finite = np.isfinite(scores)
        for code, key in enumerate(keys.dictionary.to_pylist()):
            if len(found := scores[finite & (codes == code)]):
                first, second = key.split("\0")
                yield (first, second), found
