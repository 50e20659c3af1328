"""What failed for no fault of an upload is tried again by the next run, which says so; then it is released."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.listing.since import AGAIN, MARGIN, MOST, Since, resolve
from screening.errors import CIRCUMSTANCES, UploadError
from screening.records import Upload
from screening.storage import LocalStore
from screening.tables import ResultTables
from tests.pipelines.conftest import Place
from tests.pipelines.test_gcs import bucket  # noqa: F401 (a fixture)
from tests.screening.tables.conftest import START, a_run, a_verdict

EVERYTHING = ("storage.objects.get", "storage.objects.list", "storage.objects.create", "storage.objects.delete")
NAME = "news/000/000004.txt"
FINAL = ("undecodable", "unsupported_type", "too_large", "empty", "replaced", "not_found", "invalid_name")


@pytest.mark.parametrize(
    ("status", "since"),
    [
        (403, ("--since", "last-run")),
        pytest.param(401, (), marks=pytest.mark.slow),
        pytest.param(401, ("--since", "last-run"), marks=pytest.mark.slow),
        pytest.param(403, (), marks=pytest.mark.slow),
    ],
)
def test_a_permission_that_was_mended_is_found_by_the_next_run(bucket, gcs_server, capsys, status, since):  # noqa: F811
    gcs_server.faults("status", status=status, method="GET", path="000004.txt.*alt=media")
    assert bucket.screen("--run-id", "one") == 0
    out = capsys.readouterr().out
    assert "1 unreadable" in out
    assert "access was denied" in out
    [(reasons, detail)] = bucket.rows(f"SELECT reasons, detail FROM verdicts WHERE name = '{NAME}'")
    assert reasons == ["unreadable"]
    assert "access is denied: " in detail
    assert bucket.release() == 0
    assert NAME not in bucket.released()
    gcs_server.clear()
    assert bucket.screen("--run-id", "two", *since) == 0
    assert "1 of them were tried again" in capsys.readouterr().out
    two = bucket.tables.run("two")
    assert (two.accept, two.error, two.metrics[AGAIN]) == (1, 0, 1)
    assert bucket.release() == 0
    assert NAME in bucket.released()
    assert bucket.screen("--run-id", "three", *since) == 0
    three = bucket.tables.run("three")
    assert (three.listed - three.skipped, three.metrics[AGAIN]) == (0, 0)


@pytest.mark.slow
def test_a_file_that_could_not_be_read_is_released_once_it_can(place, monkeypatch):
    whole = LocalStore.read

    def denied(self, uri, generation, max_bytes):
        if uri.endswith(NAME):
            raise UploadError("unreadable", "Permission denied")
        return whole(self, uri, generation, max_bytes)

    with monkeypatch.context() as patch:  # these tests run as root, to whom nothing is denied
        patch.setattr(LocalStore, "read", denied)
        assert place.screen("--run-id", "one") == 0
    assert place.release() == 0
    assert NAME not in place.released()
    assert place.screen("--run-id", "two") == 0
    assert place.tables.run("two").metrics[AGAIN] == 1
    assert place.release() == 0
    assert NAME in place.released()


@pytest.mark.slow
def test_what_still_fails_is_tried_in_every_run(bucket, gcs_server):  # noqa: F811
    gcs_server.faults("status", status=403, method="GET", path="000004.txt.*alt=media")
    for run_id, again in (("one", 0), ("two", 1), ("three", 1)):
        assert bucket.screen("--run-id", run_id, "--since", "last-run") == 0
        run = bucket.tables.run(run_id)
        assert (run.error, run.metrics[AGAIN]) == (3 if run_id == "one" else 1, again)


@pytest.mark.slow
def test_an_entry_that_could_not_be_looked_up_is_tried_again(bucket, gcs_server, tmp_path):  # noqa: F811
    manifest = tmp_path / "list.jsonl"
    manifest.write_text(json.dumps({"uri": f"{bucket.uploads}/{NAME}"}) + "\n")
    place = Place(str(manifest), bucket.results, bucket.live, bucket.quarantine, bucket.light)
    gcs_server.faults("status", status=403, method="GET", path="000004.txt")
    assert place.screen("--run-id", "one") == 0
    assert place.decisions() == {f"{bucket.uploads.removeprefix('gs://')}/{NAME}": "error"}
    gcs_server.clear()
    assert place.screen("--run-id", "two") == 0
    assert place.tables.run("two").metrics[AGAIN] == 1
    assert set(place.decisions().values()) == {"accept"}


def commit(tables: ResultTables, run_id: str, *verdicts, at: int, **metrics: int) -> None:
    part = tables.write_part(run_id, (replace(each, run_id=run_id) for each in verdicts))
    run = replace(a_run(run_id, **part.counts), started_at=START + timedelta(hours=at), metrics=metrics)
    tables.commit_run(run, [part])


def failed(uri: str, reason: str = "unreadable") -> object:
    return a_verdict(uri=uri, decision="error", reasons=(reason, "spam"))


@pytest.fixture
def tables(tmp_path) -> ResultTables:
    return ResultTables(str(tmp_path / "results"))


@pytest.mark.parametrize("reason", sorted(CIRCUMSTANCES))
def test_circumstances_are_no_verdict_on_the_bytes(tables, reason):
    commit(tables, "one", failed("/in/a", reason), at=0)
    found = tables.decided("f" * 64).between("", "~")
    assert (found.decided, found.failed) == (set(), {("/in/a", 1)})
    assert tables.unread("one", 9) == ["/in/a"]


@pytest.mark.parametrize("reason", FINAL)
def test_what_is_of_the_bytes_stands(tables, reason):
    commit(tables, "one", failed("/in/a", reason), at=0)
    found = tables.decided("f" * 64).between("", "~")
    assert (found.decided, found.failed) == ({("/in/a", 1)}, set())
    assert tables.unread("one", 9) == []


def test_a_category_that_is_named_like_a_circumstance_changes_nothing(tables):
    commit(tables, "one", a_verdict(uri="/in/a", decision="error", reasons=("undecodable", "unreadable")), at=0)
    assert tables.decided("f" * 64).between("", "~").failed == set()
    assert tables.unread("one", 9) == []


def test_of_two_runs_at_once_the_verdict_that_stands_is_the_one_that_counts(tables):
    """The newest stands in the views too: an error committed last would else be held for ever."""
    commit(tables, "one", a_verdict(uri="/in/a"), at=0)
    commit(tables, "two", failed("/in/a"), at=0)
    assert tables.decided("f" * 64).between("", "~").failed == {("/in/a", 1)}
    commit(tables, "three", a_verdict(uri="/in/a"), at=1)
    assert tables.decided("f" * 64).between("", "~").decided == {("/in/a", 1)}


def last_run(tables: ResultTables) -> Since:
    return resolve("last-run", tables, "/in", "f" * 64)


def test_what_runs_before_left_is_tried_until_a_run_has_tried_it(tables):
    """Runs of versions that took these errors for final left them; one that counts what it tried has tried them all."""
    commit(tables, "one", failed("/in/a"), at=0)
    commit(tables, "two", failed("/in/b"), at=1)
    assert last_run(tables) == Since(START + timedelta(hours=1) - MARGIN, frozenset({"/in/a", "/in/b"}))
    commit(tables, "three", failed("/in/c"), at=2, **{AGAIN: 2})
    commit(tables, "four", a_verdict(uri="/in/d"), at=3)
    assert last_run(tables).again == {"/in/c"}


def test_too_many_make_it_look_at_everything(tables):
    commit(tables, "one", *(failed(f"/in/{i:05}") for i in range(MOST // 2 + 1)), at=0)
    commit(tables, "two", *(failed(f"/in/x{i:05}") for i in range(MOST // 2)), at=1)
    assert last_run(tables) == Since()


def test_what_lies_below_a_folder_that_could_not_be_listed_is_not_left_out():
    old = datetime(2020, 1, 1, tzinfo=UTC)
    kept = Since(datetime(2026, 1, 1, tzinfo=UTC), frozenset({"/in/closed", "gs://up/a"}))
    for uri, keeps in (
        ("/in/closed", True),
        ("/in/closed/deep/a", True),
        ("/in/closed.txt", False),
        ("/in/open/a", False),
        ("gs://up/a", True),
        ("gs://up/b", False),
    ):
        assert kept.keeps(Upload(uri, "a", 1, 1, created_at=old)) is keeps, uri
