"""The two jobs on a bucket: swaps, faults and kills change neither verdicts nor what is released."""

from __future__ import annotations

import gzip
import random
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from google.cloud import storage

from screening.storage import open_store
from tests.pipelines.conftest import Place, fill
from tests.pipelines.release.conftest import overturn
from tests.pipelines.same import assert_same, of_job
from tests.pipelines.test_kill import MOMENTS, VERDICTS, kill_after
from tests.screening.formats import ZIPPED, formats, write_formats

FAULTS = (("status", {"status": 503}), ("status", {"status": 429}), ("reset", {}), ("truncated", {}), ("lost", {}))


class BucketPlace(Place):
    """Uploads, results, live and quarantine as four buckets."""

    def released(self) -> set[str]:
        return {upload.name for upload in open_store(self.live).list(self.live)}


@pytest.fixture
def bucket(gcs_server, tmp_path, light) -> Iterator[BucketPlace]:
    gcs_server.clear()
    tag = uuid.uuid4().hex[:8]
    folders = (f"gs://{gcs_server.create_bucket(f'{n}-{tag}')}" for n in ("up", "results", "live", "held"))
    place = BucketPlace(*folders, light)
    fill(tmp_path / "uploads")
    for path in sorted((tmp_path / "uploads").rglob("*")):
        if path.is_file():
            name = path.relative_to(tmp_path / "uploads").as_posix()
            open_store(place.uploads).put(f"{place.uploads}/{name}", path.read_bytes())
    yield place
    gcs_server.clear()


@pytest.fixture
def screened_bucket(bucket, found) -> BucketPlace:
    """A bucket whose uploads have their verdicts, by run `r`."""
    found.commit(bucket, "r")
    return bucket


def one_in_ten(gcs_server, seed: int) -> None:
    """A fault of each kind in one call of fifty: one call in ten gets one."""
    for i, (kind, rule) in enumerate(FAULTS):
        gcs_server.faults(kind, probability=0.02, seed=seed + i, **rule)


@pytest.mark.slow
def test_a_bucket_and_a_folder_give_the_same_verdicts(bucket, place):
    write_formats(Path(place.uploads) / "formats")
    objects = storage.Client().bucket(bucket.uploads.removeprefix("gs://"))
    for name, data in formats().items():
        blob = objects.blob(f"formats/{name}")
        if name == ZIPPED:
            blob.content_encoding = "gzip"
        blob.upload_from_string(gzip.compress(data) if name == ZIPPED else data, "application/octet-stream")
    assert bucket.screen("--run-id", "r") == 0
    assert place.screen("--run-id", "r") == 0
    assert_same(of_job(bucket), of_job(place))
    assert bucket.release() == 0
    accepted = {name for name, decision in bucket.decisions().items() if decision == "accept"}
    assert bucket.released() == accepted
    assert bucket.screen("--run-id", "again") == 0
    assert bucket.tables.run("again").skipped == 15 + len(formats())


def test_an_object_replaced_before_the_release_is_not_released(screened_bucket):
    bucket = screened_bucket
    open_store(bucket.uploads).put(f"{bucket.uploads}/news/000/000002.txt", b"Nobody has screened this.")
    assert bucket.release() == 0
    assert "news/000/000002.txt" not in bucket.released()
    assert bucket.rows("SELECT name FROM releases JOIN verdicts USING (uri) WHERE action = 'replaced'") == [
        ("news/000/000002.txt",)
    ]


def test_an_object_replaced_during_the_release_is_not_released(screened_bucket, gcs_server):
    bucket = screened_bucket
    uri = f"{bucket.uploads}/news/000/000003.txt"
    swap = partial(open_store(uri).put, uri, b"Swapped in while the release ran.")
    with gcs_server.meanwhile(swap, method="POST", path="000003.txt/rewriteTo"):
        assert bucket.release() == 0
    assert "news/000/000003.txt" not in bucket.released()


@pytest.mark.slow
def test_what_is_not_accepted_any_more_is_taken_from_live(screened_bucket, gcs_server):
    bucket = screened_bucket
    bucket.release()
    before, name = bucket.released(), "news/000/000002.txt"
    overturn(bucket, name)
    one_in_ten(gcs_server, 3)
    assert bucket.release("--mode", "withdraw") == 0
    gcs_server.clear()
    assert bucket.released() == before - {name}
    assert bucket.rows("SELECT count(*) FROM releases WHERE action = 'withdrawn'") == [(1,)]
    assert bucket.release() == 0
    assert bucket.released() == before - {name}


@pytest.mark.slow
def test_labels_leave_the_generation_alone(screened_bucket):
    bucket = screened_bucket
    assert bucket.release("--mode", "label") == 0
    listed = {u.name: u.metadata["screening-decision"] for u in open_store(bucket.uploads).list(bucket.uploads)}
    assert listed == bucket.decisions()
    bucket.screen("--run-id", "again")
    assert bucket.tables.run("again").skipped == 15


@pytest.mark.slow
def test_with_faults_and_kills_the_table_is_that_of_an_undisturbed_run(bucket, gcs_server):
    bucket.screen("--run-id", "r")
    expected = bucket.rows(VERDICTS)
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    for i in range(MOMENTS):
        disturbed = BucketPlace(
            bucket.uploads, f"{bucket.results}/{i}", f"{bucket.live}/{i}", f"{bucket.quarantine}/{i}", bucket.light
        )
        one_in_ten(gcs_server, seed + 100 * i)
        kill_after("pipelines.screen", disturbed.screen_flags("--run-id", "r"), moments.uniform(1.0, 5.0))
        assert disturbed.screen("--run-id", "r") == 0, f"seed {seed}"
        kill_after("pipelines.release", disturbed.release_flags(), moments.uniform(1.5, 5.0))
        assert disturbed.release() == 0, f"seed {seed}"
        assert gcs_server.hits() > 0
        gcs_server.clear()
        assert disturbed.rows(VERDICTS) == expected, f"seed {seed}"
        accepted = {name for name, decision in disturbed.decisions().items() if decision == "accept"}
        assert disturbed.released() == accepted, f"seed {seed}"
        twice = "SELECT uri, generation, action FROM releases GROUP BY ALL HAVING count(*) > 1"
        assert disturbed.rows(twice) == [], f"seed {seed}"


@pytest.mark.slow
def test_a_store_that_gives_up_holds_the_upload_and_the_next_run_tries_again(bucket, gcs_server, monkeypatch):
    store = open_store(bucket.uploads)
    monkeypatch.setattr(store, "_retry", store._retry.with_timeout(2.0))  # patience is a minute
    gcs_server.faults("status", status=503, method="GET", path="000004.txt.*alt=media")
    assert bucket.screen("--run-id", "one") == 0
    held = dict(bucket.rows("SELECT name, reasons FROM verdicts WHERE decision = 'error'"))
    assert held.pop("news/000/000004.txt") == ["read_failed"]
    gcs_server.clear()
    assert bucket.screen("--run-id", "two") == 0
    assert bucket.tables.run("two").skipped == 14
    assert bucket.decisions()["news/000/000004.txt"] == "accept"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "instead"),
    [
        pytest.param(field, instead, marks=() if i % 3 == k else pytest.mark.slow)  # make test tries each once
        for i, field in enumerate(("size", "generation", "timeCreated", "contentType", "metadata"))
        for k, instead in enumerate((None, "", "many"))
    ],
)
def test_a_listing_that_does_not_say_all_of_an_object_stops_nothing(bucket, gcs_server, field, instead):
    gcs_server.faults("omit", field=field, instead=instead, path=r"/o\?.*prefix|/o\?")
    assert bucket.screen("--run-id", "one") == 0
    run = bucket.tables.run("one")
    assert run.listed == 15
    if field != "generation":
        assert run.accept == 12
        return
    assert bucket.rows("SELECT DISTINCT reasons[1] FROM verdicts") == [("missing_field",)]
    gcs_server.clear()
    assert bucket.screen("--run-id", "two") == 0
    assert bucket.tables.run("two").metrics["tried_again"] == 15
    assert bucket.tables.run("two").accept == 12


def test_a_listing_of_objects_without_a_name_is_none(bucket, gcs_server, capsys):
    gcs_server.faults("omit", field="name", path="/b/up-")
    assert bucket.screen("--run-id", "one") == 2
    said = capsys.readouterr().err
    assert bucket.uploads in said
    assert "Traceback" not in said


def test_tries_again_are_counted_in_the_run(bucket, gcs_server):
    gcs_server.faults("status", status=503, method="GET", path="000004.txt.*alt=media", times=3)
    assert bucket.screen("--run-id", "one") == 0
    assert bucket.tables.run("one").metrics["retries"] == gcs_server.hits() == 3
    assert bucket.decisions()["news/000/000004.txt"] == "accept"


def test_a_bucket_that_does_not_exist_is_said(bucket, capsys):
    bucket.uploads = "gs://no-such-bucket-here"
    assert bucket.screen() == 2
    assert "no-such-bucket-here" in capsys.readouterr().err


def test_manifest_in_a_bucket(bucket):
    import json

    lines = "\n".join(
        json.dumps({"uri": f"{bucket.uploads}/{name}", "uploader": "u"}) for name in ("spam.txt", "gone.txt")
    )
    store = open_store(bucket.uploads)
    store.put(f"{bucket.results}/manifest.jsonl", lines.encode())
    bucket.uploads = f"{bucket.results}/manifest.jsonl"
    bucket.results += "/tables"
    assert bucket.screen("--run-id", "r") == 0
    found = {Path(uri).name: reasons for uri, reasons in bucket.rows("SELECT uri, reasons FROM verdicts")}
    assert found["gone.txt"] == ["not_found"]
