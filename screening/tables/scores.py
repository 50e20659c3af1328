"""Find the scores of committed verdicts by the digest of the bytes.

There are too many to query the table for each upload. The digests of the newest are kept in memory, each with the row
group that holds it, so only bytes that were scored before cost a read, of about 100 kB.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, compress

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from screening.errors import TableError
from screening.records import Fingerprint, Signal
from screening.tables.delta import remote
from screening.tables.files import RunFile
from screening.tables.read import ResultReader
from screening.tables.schema import SIGNAL, bundles_from
from screening.tables.sealed import check_file, filesystem

ROWS = 10_000_000  # verdicts known, the newest: 80 MB, and as much again while they are sorted in
FILES = 4096  # opened for them, however few rows they hold
OPENERS = 16  # files open at once: in a bucket each takes some 0.1 s
PLACE = 0xFFFFFF  # the low bits of a key: which row group; those above are the first 40 of the digest

Keys = npt.NDArray[np.uint64]


class StoredScores:
    """The classifiers' signals that this decoder, engine and bundles gave in committed runs; threads may share it.

    It is a snapshot: it does not know what is committed later. Raises the same errors as reading the tables.
    """

    def __init__(
        self, tables: ResultReader, made_by: Fingerprint, most_rows: int = ROWS, most_files: int = FILES
    ) -> None:
        self._made_by = made_by
        # The ledger before the verdicts: so the verdicts of every run that it names are there.
        committed = {run.run_id: run.fingerprint for run in tables.runs()}
        files = [file for file in tables.run_files() if file.run_id in committed]
        self._uri, self._sizes = tables.table_uri("verdicts"), {file.path: file.size for file in files}
        self._system = filesystem(self._uri, self._sizes, self._damaged)
        newest: dict[str, RunFile] = {}
        for file in files:
            newest.setdefault(committed[file.run_id], file)
        keys: list[Keys] = [np.empty(0, np.uint64)]
        self._places: list[tuple[str, int]] = []
        with ThreadPoolExecutor(OPENERS) as pool:
            alike = set(compress(newest, pool.map(self._alike, newest.values())))
            files = [file for file in files if committed[file.run_id] in alike][:most_files]
            files = list(compress(files, (total <= most_rows for total in accumulate(file.rows for file in files))))
            for file, (digests, groups) in zip(files, pool.map(self._digests, files), strict=True):
                keys.append((digests & ~np.uint64(PLACE)) | (groups + np.uint64(len(self._places))))
                self._places += [(file.path, group) for group in range(int(groups[-1]) + 1 if len(groups) else 0)]
        self._keys = np.concatenate(keys)
        del keys
        self._keys.sort()

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, sha256: str) -> tuple[Signal, ...]:
        """Return the classifiers' signals of the newest known verdict on these bytes that is no `error`, or ()."""
        key = np.uint64(int(sha256[:16], 16) & ~PLACE)
        at = int(np.searchsorted(self._keys, key))
        if at == len(self._keys) or int(self._keys[at] ^ key) > PLACE:
            return ()
        path, group = self._places[int(self._keys[at]) & PLACE]
        with self._open(path) as file:
            rows = file.read_row_group(group, ["sha256", "decision", "signals"], use_threads=False)
        own = pc.and_(pc.equal(rows["sha256"], sha256), pc.not_equal(rows["decision"], "error"))
        signals = (SIGNAL.record(each) for row in rows["signals"].filter(own)[:1].to_pylist() for each in row or ())
        return tuple(signal for signal in signals if signal.source.startswith("bundle/"))

    def _damaged(self, path: str, what: str) -> TableError:
        return TableError(what, file=f"{self._uri}/{path}")

    def _open(self, path: str) -> pq.ParquetFile:
        if not remote(self._uri) and (wrong := check_file(f"{self._uri}/{path}", self._sizes[path])):
            raise self._damaged(path, wrong)
        return pq.ParquetFile(path, filesystem=self._system, pre_buffer=True, page_checksum_verification=True)

    def _alike(self, sample: RunFile) -> bool:
        """Return whether a run's verdicts were made like ours; policy and banks do not change scores."""
        with self._open(sample.path) as file:
            [row] = file.read_row_group(0, ["provenance"], use_threads=False).slice(0, 1).to_pylist()
        found, ours = row["provenance"], self._made_by
        return (found["decoder"], found["engine"], bundles_from(found)) == (ours.decoder, ours.engine, ours.bundles)

    def _digests(self, part: RunFile) -> tuple[Keys, Keys]:
        """Return the first 64 bits of the digest of everything that was scored, and the row group of each."""
        with self._open(part.path) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            rows = file.read(["sha256", "decision"], use_threads=False)
        scored = pc.not_equal(rows["decision"], "error")
        first = pc.utf8_slice_codeunits(rows["sha256"].filter(scored), 0, 16)
        digests = np.frombuffer(bytes.fromhex("".join(first.to_pylist())), ">u8").astype(np.uint64)
        return digests, np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)[scored.to_numpy()]
