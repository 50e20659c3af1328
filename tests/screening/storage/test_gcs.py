"""What only a bucket can do to us: faults of the service, old versions, odd names, no credentials."""

from __future__ import annotations

import gzip
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.cloud import storage

from screening.errors import ConfigError, Replaced, TargetError, TransientError, UploadError
from screening.records import Upload
from screening.storage import delta_options, join, open_store
from screening.storage.gcs import GcsStore

FAULTS = {
    "503": {"kind": "status", "status": 503},
    "500": {"kind": "status", "status": 500},
    "429": {"kind": "status", "status": 429},
    "408": {"kind": "status", "status": 408},
    "reset": {"kind": "reset"},
    "truncated": {"kind": "truncated"},
    "short": {"kind": "short"},
    "lost": {"kind": "lost"},
    "slow": {"kind": "slow", "latency_ms": 20},
}
QUICK = ("503", "lost")  # one that is answered, and one that is not


@pytest.fixture
def site(on_server):
    return on_server


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in FAULTS]
)
def test_two_faults_in_a_row_change_nothing(site, gcs_server, fault):
    """Each operation with the fault on its first two calls."""
    upload = site.upload("x")
    target = join(site.live, "cleared.txt")

    def disturbed(act):
        gcs_server.clear()
        gcs_server.faults(times=2, **FAULTS[fault])
        result = act()
        assert gcs_server.hits() >= 1
        return result

    assert disturbed(lambda: site.store.read(upload.uri, upload.generation, 100)) == b"as uploaded"
    assert disturbed(lambda: site.store.stat(upload.uri, "x")) == upload
    assert disturbed(lambda: list(site.store.list(site.uploads))) == [upload]
    assert disturbed(lambda: site.copy(upload)) is True
    assert disturbed(lambda: site.copy(upload)) is False
    assert disturbed(lambda: site.withdraw(upload)) is True
    assert disturbed(lambda: site.withdraw(upload)) is False
    assert disturbed(lambda: site.copy(upload)) is True
    assert disturbed(lambda: site.store.get(target)) == b"as uploaded"
    assert disturbed(lambda: site.store.exists(target)) is True
    disturbed(lambda: site.store.label(upload.uri, upload.generation, {"a": "b"}))
    assert site.store.stat(upload.uri).metadata == {"a": "b"}
    disturbed(lambda: site.store.delete(upload.uri, upload.generation))
    assert not site.store.exists(upload.uri)
    disturbed(lambda: site.store.put(target, b"whole" * 1000))
    assert site.cleared() == b"whole" * 1000
    disturbed(lambda: site.store.put(target, b"in two calls" * 1_000_000))
    assert site.cleared() == b"in two calls" * 1_000_000
    disturbed(lambda: site.store.update(target, lambda before: before[:6] + b" changed"))
    assert site.cleared() == b"in two changed"


def test_a_replaced_object_is_neither_read_nor_copied_where_old_versions_are_kept(gcs_server):
    bucket = gcs_server.create_bucket(f"versioned-{time.time_ns()}", versioning=True)
    store = open_store(f"gs://{bucket}")
    uri = f"gs://{bucket}/x"
    store.put(uri, b"old")
    old = store.stat(uri)
    store.put(uri, b"new")
    with pytest.raises(Replaced):
        store.read(uri, old.generation, 100)
    with pytest.raises(Replaced):
        store.copy(uri, old.generation, f"gs://{bucket}/live", sha256="0" * 64)
    assert not store.exists(f"gs://{bucket}/live")


def test_type_and_metadata_go_along_and_stamps_can_not_be_forged(site):
    uri = join(site.uploads, "x.html")
    blob = storage.Client().bucket(uri.split("/")[2]).blob(uri.split("/", 3)[3])
    blob.metadata = {"uploader": "ann", "screening-source-generation": "1", "screening-source-uri": "gs://other/y"}
    blob.cache_control = "no-store"
    blob.upload_from_string(b"as uploaded", content_type="text/html")
    upload = site.store.stat(uri, "x.html")
    assert upload.content_type == "text/html"
    assert upload.metadata["uploader"] == "ann"
    site.copy(upload)
    cleared = site.store.stat(join(site.live, "cleared.txt"))
    assert cleared.content_type == "text/html"
    assert cleared.metadata["uploader"] == "ann"
    assert cleared.metadata["screening-source-uri"] == uri
    assert cleared.metadata["screening-source-generation"] == str(upload.generation)
    assert site.copy(upload) is False


def test_no_bucket_to_copy_to_is_said_of_the_target(site):
    upload = site.upload("x")
    with pytest.raises(TargetError, match="no-such-bucket/x: there is no such bucket"):
        site.store.copy(upload.uri, upload.generation, "gs://no-such-bucket/x", sha256="0" * 64)


def test_gives_up_after_its_patience(site, gcs_server):
    upload = site.upload("x")
    hasty = GcsStore(patience=0.5)
    gcs_server.faults("status", status=503)
    for act in (
        lambda: hasty.read(upload.uri, upload.generation, 100),
        lambda: list(hasty.list(site.uploads)),
        lambda: hasty.copy(upload.uri, upload.generation, join(site.live, "x"), sha256="0" * 64),
    ):
        with pytest.raises(TransientError):
            act()
    gcs_server.clear()
    assert not site.is_cleared("x")


def test_what_is_denied_is_not_tried_again(site, gcs_server):
    upload = site.upload("x")
    gcs_server.clear()
    gcs_server.faults("status", status=403)
    with pytest.raises(UploadError) as caught:
        site.store.read(upload.uri, upload.generation, 100)
    assert caught.value.reason == "unreadable"
    assert len(gcs_server.calls()) == 1
    with pytest.raises(ConfigError):
        list(site.store.list(site.uploads))


def test_no_call_is_made_that_is_not_needed(site, gcs_server):
    uploads = [site.upload(f"{i}") for i in range(20)]
    gcs_server.clear()
    for upload in uploads:
        site.store.read(upload.uri, upload.generation, 100)
    assert [(method, status) for method, _, status in gcs_server.calls()] == [("GET", 200)] * 20
    gcs_server.clear()
    for upload in uploads:
        site.copy(upload, to=upload.name)
    calls = [(method, status) for method, _, status in gcs_server.calls()]
    assert calls == [("GET", 404), ("GET", 200), ("POST", 200)] * 20


def test_the_client_makes_no_calls_of_its_own(gcs_server):
    bucket = gcs_server.create_bucket(f"asked-only-{time.time_ns()}")
    gcs_server.clear()
    store = GcsStore()
    store.put(f"gs://{bucket}/x", b"x")
    store.get(f"gs://{bucket}/x")
    time.sleep(0.5)  # a thread in the background would have asked by now
    assert [path for _, path, _ in gcs_server.calls() if "/o" not in path] == []


def test_many_small_objects_at_50_ms_each_are_read_side_by_side(site, gcs_server):
    uploads = [site.upload(f"{i}") for i in range(256)]
    gcs_server.faults("slow", latency_ms=50)
    began = time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda upload: site.store.read(upload.uri, upload.generation, 100), uploads))
    took = time.monotonic() - began
    assert took < 256 * 0.05 / 4, f"{took:.1f} s: hardly better than one after another"


def test_one_call_in_ten_with_a_fault(site, gcs_server):
    for i, kind in enumerate(("reset", "truncated", "short", "lost", "status")):
        gcs_server.faults(kind, probability=0.02, seed=i)
    names = [f"{i:03}" for i in range(100)]

    def whole(name):
        upload = site.upload(name, name.encode())
        assert site.store.read(upload.uri, upload.generation, 100) == name.encode()
        assert site.copy(upload, name.encode(), to=name) is True

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(whole, names))
    assert gcs_server.hits() > 10
    gcs_server.clear()
    assert [upload.name for upload in site.store.list(site.live)] == names
    assert {site.store.get(join(site.live, name)) == name.encode() for name in names} == {True}


def test_markers_of_folders_are_no_uploads_and_names_that_lead_out_are_flagged(site):
    for name in ("", "folder/", "a/../../b", "fine//still"):
        site.store.put(f"{site.uploads}/{name}", b"" if not name or name.endswith("/") else b"x")
    assert {upload.name: upload.problem for upload in site.store.list(site.uploads)} == {
        "a/../../b": "invalid_name",
        "fine//still": "",
    }


def test_the_client_is_asked_for_only_where_a_bucket_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    # As on a machine without the gcp extra.
    monkeypatch.setitem(sys.modules, "screening.storage.gcs", None)
    open_store(str(tmp_path))
    with pytest.raises(ConfigError, match=r"content-screening\[gcp\]"):
        open_store("gs://bucket/x")


def test_no_credentials_stop_the_job(monkeypatch, tmp_path):
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match="credentials"):
        open_store("gs://bucket/x")


@pytest.mark.parametrize("uri", ["s3://bucket/x", "https://example.org/x"])
def test_other_stores_are_refused(uri):
    with pytest.raises(ConfigError):
        open_store(uri)


def test_delta_options_name_the_emulator_and_else_nothing(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:9")
    account = json.loads(delta_options("gs://b/t")["google_service_account_key"])
    assert account["gcs_base_url"] == "http://127.0.0.1:9"
    assert account["disable_oauth"] is True
    assert delta_options("/data/t") == {}
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    assert delta_options("gs://b/t") == {}


def stored(site, data: bytes, **headers: str) -> Upload:
    """An object with these headers, as somebody's own tool uploads it."""
    bucket, name = site.uploads.removeprefix("gs://").split("/", 1)
    blob = storage.Client().bucket(bucket).blob(f"{name}/page")
    for header, value in headers.items():
        if header != "content_type":
            setattr(blob, header, value)
    blob.upload_from_string(data, content_type=headers.get("content_type", "text/plain"))
    return site.store.stat(f"{site.uploads}/page", "page")


@pytest.mark.parametrize("pieces", [1, 3])
def test_what_is_stored_as_gzip_is_read_as_its_readers_get_it(site, pieces):
    upload = stored(site, b"".join(gzip.compress(b"words ") for _ in range(pieces)), content_encoding="gzip")
    assert site.store.read(upload.uri, upload.generation, 100) == b"words " * pieces
    with pytest.raises(UploadError, match="too_large"):
        site.store.read(upload.uri, upload.generation, 6 * pieces - 1)


@pytest.mark.parametrize(
    ("data", "encoding", "reason"),
    [
        (b"not gzip", "gzip", "undecodable"),
        (gzip.compress(b"words", mtime=0)[:-3], "gzip", "undecodable"),
        (gzip.compress(b"words", mtime=0) + b"more", "gzip", "undecodable"),
        (b"words", "br", "unsupported_variant"),
    ],
)
def test_a_false_or_unknown_encoding_is_an_error(site, data, encoding, reason):
    upload = stored(site, data, content_encoding=encoding)
    with pytest.raises(UploadError, match=reason):
        site.store.read(upload.uri, upload.generation, 100)


def test_a_small_object_that_unpacks_to_a_huge_one_takes_no_more_memory_than_the_limit(site):
    upload = stored(site, gzip.compress(b"\0" * (32 << 20)), content_encoding="gzip")
    with pytest.raises(UploadError, match="too_large"):
        site.store.read(upload.uri, upload.generation, 1 << 20)


@pytest.mark.parametrize(
    ("claimed", "screened", "served"),
    [
        ("text/html", "image/png", "image/png"),
        ("text/plain; charset=utf-8", "text/plain", "text/plain; charset=utf-8"),
        ("text/html; charset=utf-16", "text/html", "text/html"),
        ("application/octet-stream", "image/jpeg", "image/jpeg"),
    ],
)
def test_a_copy_has_the_screened_content_type_and_never_another_claimed_one(site, claimed, screened, served):
    upload = stored(site, b"x", content_type=claimed, cache_control="no-store")
    target = f"{site.live}/page"
    site.store.copy(upload.uri, upload.generation, target, sha256="0" * 64, content_type=screened)
    assert site.store.stat(target).content_type.replace('"', "") == served
