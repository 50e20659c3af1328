"""Results that are damaged, foreign or not to be read: every command and both jobs end with 2 and say what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from pipelines import release, screen
from screening import cli
from tests.pipelines.conftest import Place, fill, place_at

TABLES = ("runs", "verdicts", "reviews", "releases")


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def flip_page(path: Path) -> None:
    """One bit in a page of every column, as what is read differs."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    chunks = [group.column(i) for i in range(group.num_columns)]
    for end in [(each.dictionary_page_offset or each.data_page_offset) + each.total_compressed_size for each in chunks]:
        flip(path, end - 2)


def link(path: Path) -> None:
    path.rename(path.with_suffix(".aside"))
    path.symlink_to(path.with_suffix(".aside"))


def instead(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


FILES: dict[str, Callable[[Path], None]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"PAR1"),
    "page": flip_page,
    "footer": lambda path: flip(path, path.stat().st_size - 60),
    "magic": lambda path: flip(path, path.stat().st_size - 1),
    "link": link,
    "folder": instead(Path.mkdir),
    "fifo": instead(os.mkfifo),
}
LOGS: dict[str, Callable[[Path], None]] = {
    "garbage": lambda path: path.write_bytes(b"garbage{"),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "folder": instead(Path.mkdir),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, light) -> Place:
    """Two runs, a review and a release, so that every table has rows."""
    folder = tmp_path_factory.mktemp("whole")
    fill(folder / "uploads")
    place = place_at(folder, light)
    assert place.screen("--run-id", "one") == 0
    (folder / "uploads" / "later.txt").write_text("A quiet walk along the river, and tea at the mill. " * 9)
    assert place.screen("--run-id", "two") == 0
    spam = f"{place.uploads}/spam.txt"
    flags = ["--decision", "uphold", "--reason", "plain", "--reviewer", "ann", "--results", place.results]
    assert cli.main(["review", spam, *flags]) == 0
    assert place.release() == 0
    return place


@pytest.fixture
def damaged(whole, tmp_path) -> Place:
    """A copy of the results and the rest as it is, to be damaged."""
    shutil.copytree(whole.results, tmp_path / "results")
    return replace(whole, results=str(tmp_path / "results"))


def a_file(place: Place, table: str) -> Path:
    return max((Path(place.results) / table).glob("*.parquet"), key=lambda path: path.stat().st_size)


def told(capsys, *words: str) -> None:
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    for word in words:
        assert word in said.err, said.err


def explain(place: Place) -> int:
    return cli.main(["explain", f"{place.uploads}/spam.txt", "--results", place.results])


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("table", TABLES)
def test_a_damaged_file_of_any_table_is_named_with_what_to_do(damaged, capsys, table, kind):
    path = a_file(damaged, table)
    FILES[kind](path)
    assert explain(damaged) == 2
    told(capsys, str(path), "backup", "of run ")
    assert damaged.release("--plan") == 2
    told(capsys, str(path), "backup")


@pytest.mark.parametrize("kind", LOGS)
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("entry", [pytest.param(0, marks=pytest.mark.slow), -1])
def test_a_damaged_log_of_any_table_is_named_with_what_to_do(damaged, capsys, table, kind, entry):
    LOGS[kind](sorted((Path(damaged.results) / table / "_delta_log").glob("*.json"))[entry])
    assert explain(damaged) == 2
    told(capsys, f"{damaged.results}/{table}/_delta_log", "backup")
    assert damaged.release("--plan") == 2
    told(capsys, f"{damaged.results}/{table}/_delta_log", "backup")


@pytest.mark.parametrize("kind", ["missing", "page", "footer", "fifo"])
@pytest.mark.parametrize(
    "command",
    [
        ["results"],
        ["results", "--sql", "SELECT uri, signals FROM verdicts", "--format", "json"],
        ["results", "--sql", "SELECT decision, count(*), max(len(signals)) FROM effective_verdicts GROUP BY 1"],
        ["explain", "{spam}"],
        ["review", "{spam}", "--decision", "uphold", "--reason", "x"],
        ["drift"],
        ["policy", "try", "screening/policies/default.yaml"],
    ],
    ids=lambda command: " ".join(command[:3]),
)
def test_every_command_ends_with_2(damaged, capsys, command, kind):
    for path in (Path(damaged.results) / "verdicts").glob("*.parquet"):
        FILES[kind](path)
    command = [word.format(spam=f"{damaged.uploads}/spam.txt") for word in command]
    assert cli.main([*command, "--results", damaged.results]) == 2
    told(capsys, f"{damaged.results}/verdicts/", "backup")


@pytest.mark.parametrize("kind", ["missing", "page", "footer", "truncated"])
def test_both_jobs_end_with_2_and_do_nothing(damaged, capsys, tmp_path, kind):
    path = a_file(damaged, "verdicts")
    FILES[kind](path)
    assert damaged.screen("--run-id", "three") == 2
    told(capsys, str(path), "backup")
    elsewhere = replace(damaged, live=str(tmp_path / "live"), quarantine=str(tmp_path / "held"))
    assert elsewhere.release() == 2
    told(capsys, str(path), "backup")
    assert not (tmp_path / "live").exists()


def test_verdicts_that_the_log_has_lost_are_missed(damaged, capsys):
    log = sorted((Path(damaged.results) / "verdicts" / "_delta_log").glob("*.json"))[-1]
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(line for line in lines if '"add"' not in line))
    assert explain(damaged) == 2
    told(capsys, "of run two", "_delta_log", "backup")


@pytest.mark.parametrize("job", [screen, release])
def test_results_that_are_a_file_are_refused(whole, tmp_path, capsys, job):
    (tmp_path / "results").write_text("no folder")
    place = replace(whole, results=str(tmp_path / "results"))
    flags = place.screen_flags() if job is screen else place.release_flags()
    assert job.main(flags) == 2
    told(capsys, str(tmp_path / "results"))
    assert explain(place) == 2
    told(capsys, str(tmp_path / "results"))


@pytest.mark.parametrize("table", TABLES)
def test_tables_of_somebody_else_are_refused(damaged, capsys, table):
    shutil.rmtree(Path(damaged.results) / table)
    write_deltalake(str(Path(damaged.results) / table), pa.table({"run_id": [1, 2], "price": [0.5, 1.5]}))
    assert explain(damaged) == 2
    told(capsys, f"{damaged.results}/{table}", "another table")
    assert damaged.release("--plan") == 2
    told(capsys, "another table")
    if table in ("runs", "verdicts"):
        assert damaged.screen() == 2
        told(capsys, "another table")


def test_results_that_may_not_be_written_say_so(gcs_server, whole, capsys):
    place = replace(whole, results=f"gs://{gcs_server.create_bucket('read-only-results')}/results")
    gcs_server.allow([("storage.objects.get", "read-only-results"), ("storage.objects.list", "read-only-results")])
    try:
        assert place.screen() == 2
        told(capsys, place.results, "can't be written", "identity")
    finally:
        gcs_server.allow(None)


def test_results_that_may_not_be_read_say_so(gcs_server, whole, capsys):
    bucket = gcs_server.create_bucket("closed-results")
    place = replace(whole, results=f"gs://{bucket}/results")
    gcs_server.allow([("storage.objects.get", "elsewhere")])
    try:
        for attempt in (lambda: explain(place), lambda: place.release("--plan"), place.screen):
            assert attempt() == 2
            told(capsys, place.results, "403", "identity")
    finally:
        gcs_server.allow(None)
