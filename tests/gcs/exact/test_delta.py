"""delta-rs writes and reads tables through the server, also when two commit at once."""

from __future__ import annotations

import multiprocessing
import uuid

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from screening.storage import delta_options

ROUNDS = 5


@pytest.fixture(scope="module")
def bucket(gcs_server):
    return gcs_server.create_bucket("delta-tables")


@pytest.fixture
def table(bucket, gcs_server):
    gcs_server.clear()
    return f"gs://{bucket}/{uuid.uuid4().hex}"


def append(uri, values):
    write_deltalake(uri, pa.table({"a": values}), mode="append", storage_options=delta_options(uri))


def opened(uri):
    return DeltaTable(uri, storage_options=delta_options(uri))


def values(uri):
    return sorted(opened(uri).to_pyarrow_table()["a"].to_pylist())


def append_rounds(uri, which, barrier):
    for i in range(ROUNDS):
        barrier.wait(60)
        append(uri, [which * 100 + i])


def test_writes_appends_reads(table):
    append(table, [1, 2])
    append(table, [3])
    assert values(table) == [1, 2, 3]
    assert opened(table).version() == 1


def test_two_appends_at_once_both_land(table):
    append(table, [-1])
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(2)
    writers = [spawn.Process(target=append_rounds, args=(table, which, barrier)) for which in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert values(table) == sorted([-1, *(which * 100 + i for which in (0, 1) for i in range(ROUNDS))])
    assert opened(table).version() == 2 * ROUNDS


def test_of_two_who_delete_the_same_only_one_does(table):
    append(table, [1, 2])
    first, second = opened(table), opened(table)
    first.delete("a = 1")
    with pytest.raises(CommitFailedError):
        second.delete("a = 1")
    assert values(table) == [2]


def test_a_large_file_goes_up_in_parts(table, gcs_server):
    data = np.random.default_rng(0).random(3_000_000)
    write_deltalake(table, pa.table({"a": data}), storage_options=delta_options(table))
    assert any("partNumber=2" in path for _, path, _ in gcs_server.calls())
    assert np.array_equal(opened(table).to_pyarrow_table()["a"].to_numpy(), data)


def test_compacts_checkpoints_and_vacuums(table):
    for i in range(4):
        append(table, [i])
    opened(table).optimize.compact()
    opened(table).create_checkpoint()
    opened(table).vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert values(table) == [0, 1, 2, 3]
    assert len(opened(table).file_uris()) == 1


def test_faults_of_the_service_are_outlived(table, gcs_server):
    gcs_server.faults("status", status=503, probability=0.2, seed=1)
    for i in range(5):
        append(table, [i])
    gcs_server.clear()
    assert values(table) == [0, 1, 2, 3, 4]
