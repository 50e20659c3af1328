"""Parts: the Parquet files that workers write, and the facts about each that the committer needs."""

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

ROW_GROUP = 512  # rows; a verdict takes about 20 kB as an object, so few should be held at once
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ORDER: list[tuple[str, Literal["ascending", "descending"]]] = [
    ("uri", "ascending"),
    ("generation", "ascending"),
]


@dataclass(frozen=True, slots=True)
class Part:
    """Facts about one file of verdicts of one run: its path below `verdicts/`, size in bytes, and rows per decision.

    `keys` is the sum of its rows' `upload_key`s, and `stats` the file's Delta statistics (JSON). `metrics` is what was
    counted while the file was made (see `meter`). `worker` is the id of the process that made it, `models` how many
    models that process has loaded, and `sandbox` what confined its decoders. Every field can be written as JSON, and
    none holds content.
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
        """The number of rows for each decision."""
        return {"accept": self.accept, "review": self.review, "reject": self.reject, "error": self.error}


def metrics_of(parts: Iterable[Part]) -> dict[str, int]:
    """Return a run's metrics: the sum over its parts, so work that was lost and repeated counts once.

    `models_loaded` is the sum over the workers that wrote a part, each counted once.
    """
    parts = list(parts)
    loads = {part.worker: part.models for part in parts if part.worker}
    return summed([*(part.metrics for part in parts), {"models_loaded": sum(loads.values())} if loads else {}])


def sandbox_of(parts: Iterable[Part]) -> str:
    """Return what confined a run's decoders: the distinct values of its parts, sorted, separated by commas."""
    return ", ".join(sorted({part.sandbox for part in parts} - {""}))


def check_run_id(run_id: str) -> str:
    """Return the run id. Raises ConfigError if it can't be part of a file name and the id of a transaction."""
    if not _RUN_ID.fullmatch(run_id):
        raise ConfigError(
            f"run id {run_id!r} is not usable",
            fix="use up to 100 of A-Z a-z 0-9 . _ - and start with a letter or digit",
        )
    return run_id


def upload_key(uri: str, generation: int) -> int:
    """Return a 63-bit number for an upload; the sum of such numbers, mod 2^63, identifies a multiset of uploads.

    If one upload is lost and another is counted twice, the counts still agree, but the sums do not (incremental
    multiset hashing by addition, Clarke et al., ASIACRYPT 2003; here it guards against accidents only).
    """
    digest = hashlib.sha256(f"{generation}\0{uri}".encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def add_keys(keys: Iterable[int]) -> int:
    """Return the sum of upload keys, mod 2^63, which fits into a signed 64-bit integer."""
    return sum(keys) & (2**63 - 1)


def write_part(verdicts_uri: str, run_id: str, verdicts: Iterable[Verdict]) -> Part:
    """Write the verdicts as one file below `verdicts_uri`, sorted by URI, and return the facts about it.

    The file's name contains the run and a digest of the bytes, so the same rows written again make the same file. The
    file has no effect until `commit_run` names it. Memory is bounded by a few row groups and the URIs. If there are no
    verdicts, no file is written, and the part's path is "". Raises ValueError for a verdict of another run, and
    ConfigError if the run id can't be used or the file can't be written.
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
            raise ValueError(f"a verdict is of another run than {run_id}")
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
    """Return the sorted batch as a table that is mapped from a file, so that it takes no memory until it is read."""
    path = folder / f"{index}.arrow"
    table = verdict_batch(batch).sort_by(_ORDER)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, VERDICTS) as writer:
        writer.write_table(table)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _merged(chunks: Sequence[pa.Table]) -> Iterator[pa.Table]:
    """Merge sorted chunks into sorted row groups; each row group takes one contiguous slice from every chunk."""
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
    """Return the Delta log's entry for a part."""
    return AddAction(part.path, part.size, {}, committed_ms, True, part.stats)
