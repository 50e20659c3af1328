"""Parts: the Parquet files that workers write, and the facts about each that travel to the committer."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from screening.errors import ConfigError
from screening.meter import summed
from screening.records import Decision, Verdict
from screening.tables.schema import VERDICTS, verdict_batch
from screening.tables.sealed import put
from screening.tables.statistics import Statistics

ROW_GROUP = 512  # rows; verdicts are some 20 kB each as objects, and few should be held at once
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ORDER: list[tuple[str, Literal["ascending", "descending"]]] = [
    ("uri", "ascending"),
    ("generation", "ascending"),
]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of verdicts of one run: its name below `verdicts/`, size in bytes, rows, rows per decision.

    `keys` is the sum of its rows' `upload_key`s, `stats` the Delta statistics (JSON). `metrics` is what was counted
    while it was made (see `meter`), by `worker`, an id, which loaded so many models and whose decoders were held by
    `sandbox`. Every field goes into JSON as it is, and none holds content.
    """

    path: str
    size: int
    rows: int
    accept: int
    review: int
    reject: int
    error: int
    keys: int
    stats: str
    metrics: Mapping[str, int] = field(default_factory=dict)
    worker: str = ""
    models: int = 0
    sandbox: str = ""

    @property
    def counts(self) -> dict[Decision, int]:
        """Rows per decision."""
        return {"accept": self.accept, "review": self.review, "reject": self.reject, "error": self.error}


def metrics_of(parts: Iterable[Part]) -> dict[str, int]:
    """What a run counted: the sum over its parts, so work that was lost and done again counts once.

    `models_loaded` is over the workers that wrote a part, once each.
    """
    parts = list(parts)
    loads = {part.worker: part.models for part in parts if part.worker}
    return summed([*(part.metrics for part in parts), {"models_loaded": sum(loads.values())} if loads else {}])


def sandbox_of(parts: Iterable[Part]) -> str:
    """What held a run's decoders, each once, in order, by comma."""
    return ", ".join(sorted({part.sandbox for part in parts} - {""}))


def check_run_id(run_id: str) -> str:
    """The run id, if it can be a file's name and a transaction's id; ConfigError if not."""
    if not _RUN_ID.fullmatch(run_id):
        raise ConfigError(
            f"run id {run_id!r} is not usable",
            fix="use up to 100 of A-Z a-z 0-9 . _ - and begin with a letter or a digit",
        )
    return run_id


def upload_key(uri: str, generation: int) -> int:
    """A number of 63 bits for an upload; the sum of many, mod 2^63, stands for their multiset.

    Counts alone can't tell one upload lost and another counted twice from a complete run; equal sums can
    (incremental multiset hashing by addition, Clarke et al., ASIACRYPT 2003; here against accidents only).
    """
    digest = hashlib.sha256(f"{generation}\0{uri}".encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def add_keys(keys: Iterable[int]) -> int:
    """The sum of upload keys, mod 2^63 (it fits a signed 64-bit integer)."""
    return sum(keys) & (2**63 - 1)


def write_part(verdicts_uri: str, run_id: str, verdicts: Iterable[Verdict]) -> Part:
    """Writes the verdicts as one file below `verdicts_uri`, sorted by URI, and returns the facts about it.

    The name holds the run and the digest of the bytes: the same rows, written again, are the same file. The
    file counts for nothing until `commit_run` names it. Memory is bounded by a few row groups (and the URIs).
    No verdicts, no file: the part then has no path.
    """
    check_run_id(run_id)
    with tempfile.TemporaryDirectory(prefix="screening-part-") as folder:
        chunks = [_spill(Path(folder), index, batch) for index, batch in enumerate(_batches(verdicts))]
        if not chunks:
            return Part("", 0, 0, 0, 0, 0, 0, 0, "")
        local = Path(folder, "part.parquet")
        counts, keys, stats = Counter[str](), 0, Statistics()
        with pq.ParquetWriter(local, VERDICTS, compression="zstd", write_page_checksum=True) as writer:
            for group in _merged(chunks):
                writer.write_table(group, row_group_size=ROW_GROUP)
                counts.update(_values(group, "decision"))
                keys = add_keys([keys, *map(upload_key, _values(group, "uri"), _values(group, "generation"))])
                stats.add(group)
        if (stats.least["run_id"], stats.most["run_id"]) != (run_id, run_id):
            raise ValueError(f"a verdict of another run than {run_id}")
        data = local.read_bytes()
        path = put(verdicts_uri, f"{run_id}-{hashlib.sha256(data).hexdigest()[:40]}", data)
    return Part(
        path=path,
        size=len(data),
        rows=stats.rows,
        accept=counts["accept"],
        review=counts["review"],
        reject=counts["reject"],
        error=counts["error"],
        keys=keys,
        stats=stats.to_json(),
    )


def _values(table: pa.Table, column: str) -> list[Any]:
    values: list[Any] = table[column].to_pylist()
    return values


def _batches(verdicts: Iterable[Verdict]) -> Iterator[list[Verdict]]:
    source = iter(verdicts)
    while batch := list(islice(source, ROW_GROUP)):
        yield batch


def _spill(folder: Path, index: int, batch: Sequence[Verdict]) -> pa.Table:
    """The batch sorted, as a table whose memory is a file's: it costs nothing while it isn't looked at."""
    path = folder / f"{index}.arrow"
    table = verdict_batch(batch).sort_by(_ORDER)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, VERDICTS) as writer:
        writer.write_table(table)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _merged(chunks: Sequence[pa.Table]) -> Iterator[pa.Table]:
    """Sorted row groups over sorted chunks; each draws one unbroken slice from every chunk."""
    if len(chunks) == 1:
        yield chunks[0]
        return
    keys = pa.concat_tables([chunk.select(["uri", "generation"]) for chunk in chunks])
    order: npt.NDArray[np.uint64] = pc.sort_indices(keys, sort_keys=_ORDER).to_numpy()
    starts = np.cumsum([0, *(chunk.num_rows for chunk in chunks)])
    for begin in range(0, len(order), ROW_GROUP):
        wanted = order[begin : begin + ROW_GROUP]
        slices = []
        for chunk, start in zip(chunks, starts, strict=False):
            here = wanted[(wanted >= start) & (wanted < start + chunk.num_rows)]
            if len(here):
                slices.append(chunk.slice(int(here.min() - start), len(here)))
        yield pa.concat_tables(slices).combine_chunks().sort_by(_ORDER)


def add_action(part: Part, committed_ms: int) -> AddAction:
    """The Delta log's entry for a part."""
    return AddAction(part.path, part.size, {}, committed_ms, True, part.stats)
