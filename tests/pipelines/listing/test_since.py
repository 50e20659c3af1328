"""`--since`: what is older is not looked at, `last-run` decides nothing otherwise than a run over everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.listing.since import MARGIN, MOST, Since, resolve
from screening.errors import ConfigError
from screening.records import Run, Upload
from screening.storage import LocalStore
from screening.tables import ResultTables
from tests.screening.tables.conftest import a_run, a_verdict

T0 = datetime(2026, 11, 25, 12, tzinfo=UTC)


def upload(age: timedelta, uri: str = "/in/a") -> Upload:
    return Upload(uri, "a", 1, 1, created_at=T0 - age)


def run(run_id: str, at: datetime, **changes: object) -> Run:
    one = Run(run_id, "/in", 1, 1, 0, 0, 0, 0, "f" * 64, "p" * 64, at, at)
    return replace(one, **changes)


@pytest.fixture
def tables(tmp_path: Path) -> ResultTables:
    return ResultTables(str(tmp_path / "results"))


@pytest.fixture
def aged(monkeypatch):
    """Makes files appear older than they are: nobody can set a file's change time."""
    ages: dict[str, timedelta] = {}
    whole = LocalStore.list

    def listed(self, prefix, start="", end=""):
        for found in whole(self, prefix, start, end):
            yield replace(found, created_at=found.created_at - ages.get(found.name, timedelta()))

    monkeypatch.setattr(LocalStore, "list", listed)
    return ages


def test_what_is_older_is_left_out_unless_it_is_to_be_tried_again():
    kept = Since(T0, frozenset({"/in/b"}))
    assert kept.keeps(upload(timedelta()))
    assert not kept.keeps(upload(timedelta(seconds=1)))
    assert kept.keeps(upload(timedelta(days=9), "/in/b"))
    assert kept.keeps(replace(upload(timedelta()), created_at=None)), "what can't be dated is looked at"
    assert Since().keeps(upload(timedelta(days=9)))


def test_last_run_is_the_one_that_began_last_on_this_input_with_this_fingerprint(tables):
    assert resolve("last-run", tables, "/in", "f" * 64) == Since()
    for each in (
        run("a", T0 - timedelta(days=3)),
        run("b", T0 - timedelta(days=2), committed_at=T0),
        run("c", T0 - timedelta(days=1), input="/elsewhere"),
        run("d", T0 - timedelta(days=1), fingerprint="0" * 64),
        run("e", T0 - timedelta(days=1), metrics={"since": 1}),
    ):
        tables.commit_run(each, [])
    assert resolve("last-run", tables, "/in", "f" * 64) == Since(T0 - timedelta(days=2) - MARGIN)


@pytest.mark.parametrize("value", ["yesterday", "2026-11-25", "2026-11-25T10:00:00", "last_run"])
def test_what_is_no_time_is_refused(tables, value):
    with pytest.raises(ConfigError, match=f"--since={value}"):
        resolve(value, tables, "/in", "f" * 64)


def test_a_time_is_taken_as_it_is(tables):
    found = resolve("2026-11-25T13:00:00+01:00", tables, "/in", "f" * 64)
    assert (found.at, found.given) == (T0, True)


def test_a_manifest_has_no_last_run(tables):
    with pytest.raises(ConfigError, match="with a manifest"):
        resolve("last-run", tables, "/in/list.jsonl", "f" * 64)


def test_last_run_looks_only_at_what_is_new_and_the_ledger_adds_up(place, aged):
    assert place.screen("--run-id", "one", "--since", "last-run") == 0
    assert place.tables.run("one").listed == 15, "there was none before"
    aged |= {path.relative_to(place.uploads).as_posix(): timedelta(days=1) for path in Path(place.uploads).rglob("*.*")}
    (Path(place.uploads) / "new.txt").write_text("A note that came in after the first run had looked. " * 9)
    assert place.screen("--run-id", "two", "--since", "last-run") == 0
    two = place.tables.run("two")
    assert (two.listed, two.skipped) == (1, 0)
    assert two.reconciled
    assert len(place.decisions()) == 16


def unread(place, *uris: str) -> None:
    """Commit a run that could not read these uploads, and that began after all that are there."""
    part = place.tables.write_part(
        "one", (a_verdict("one", uri, decision="error", reasons=("read_failed",)) for uri in uris)
    )
    began, made_by = datetime.now(UTC) + timedelta(days=1), place.settings().fingerprint.digest
    one = replace(a_run("one", **part.counts), input=place.uploads, fingerprint=made_by, started_at=began)
    place.tables.commit_run(one, [part])


def test_what_the_last_run_could_not_read_is_tried_again_however_old(place):
    unread(place, f"{place.uploads}/news/000/000004.txt")
    assert place.screen("--run-id", "two", "--since", "last-run") == 0
    two = place.tables.run("two")
    assert (two.listed, two.skipped, two.error) == (1, 0, 0)
    assert place.decisions()["news/000/000004.txt"] == "accept"


def test_too_many_to_be_tried_again_make_it_look_at_everything(place):
    unread(place, *(f"{place.uploads}/{i:05}" for i in range(MOST + 1)))
    assert place.screen("--run-id", "two", "--since", "last-run") == 0
    assert place.tables.run("two").listed == 15


def test_a_run_since_a_time_is_not_taken_for_one_that_saw_everything(place, aged):
    aged |= {"spam.txt": timedelta(days=9)}
    assert (
        place.screen("--run-id", "one", "--since", f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}") == 0
    )
    assert place.tables.run("one").listed == 14
    assert place.screen("--run-id", "two", "--since", "last-run") == 0
    two = place.tables.run("two")
    assert (two.listed, two.skipped) == (15, 14)


def test_the_date_of_an_object_is_that_of_its_generation(gcs_server):
    from screening.storage import open_store

    place = f"gs://{gcs_server.create_bucket('dated')}"
    store = open_store(place)
    store.put(f"{place}/x", b"x")
    before = store.stat(f"{place}/x")
    store.label(before.uri, before.generation, {"a": "b"})
    [after] = store.list(place)
    assert after.created_at == before.created_at
    assert abs(after.created_at - datetime.now(UTC)) < timedelta(minutes=1)
