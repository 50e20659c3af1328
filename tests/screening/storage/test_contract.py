"""What every store promises: run on a folder, on our server, and on a bucket named by the environment."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from screening.errors import ConfigError, Replaced, UploadError
from screening.storage import join
from tests.pace import times

NAMES = [
    "a/b/deep.txt",
    "a.txt",
    "a/one.txt",
    "a b/with spaces.txt",
    "z/é – 雪.txt",
    "z/#?%41+&.txt",
    "ab.txt",
    "A.txt",
]


def test_lists_every_object_once_in_the_order_of_uris(site):
    for name in NAMES:
        site.upload(name, name.encode())
    found = list(site.store.list(site.uploads))
    assert [upload.uri for upload in found] == sorted(f"{site.uploads}/{name}" for name in NAMES)
    for upload in found:
        assert upload.problem == ""
        assert upload.size == len(upload.name.encode())
        assert site.store.read(upload.uri, upload.generation, 100) == upload.name.encode()
        assert site.store.stat(upload.uri, upload.name) == upload


def test_a_prefix_is_a_folder_and_not_the_start_of_a_name(site):
    site.upload("in/x.txt")
    site.upload("in-between.txt")
    for prefix in (f"{site.uploads}/in", f"{site.uploads}/in/"):
        assert [upload.name for upload in site.store.list(prefix)] == ["x.txt"]


@pytest.mark.slow
def test_listing_goes_on_over_many_pages(site):
    count = 60 if site.kind == "elsewhere" else times(thorough=2300, quick=1100)  # a page has a thousand
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda i: site.store.put(join(site.uploads, f"{i:05}"), b"x"), range(count)))
    assert [upload.name for upload in site.store.list(site.uploads)] == [f"{i:05}" for i in range(count)]


def test_ranges_that_meet_list_each_object_once(site):
    for name in NAMES:
        site.upload(name, name.encode())
    whole = list(site.store.list(site.uploads))
    for cut in ("a", "a/", "a/b", "a.txt", "z/é", "~"):
        below, above = list(site.store.list(site.uploads, "", cut)), list(site.store.list(site.uploads, cut))
        assert below + above == whole
        assert all(upload.name < cut for upload in below)
    assert [upload.name for upload in site.store.list(site.uploads, "a/", "a0")] == ["a/b/deep.txt", "a/one.txt"]


def test_cuts_are_names_in_order_within_the_range(site):
    for name in NAMES:
        site.upload(name)
    for start, end in (("", ""), ("a/", ""), ("", "b"), ("a", "a/c")):
        cuts = list(site.store.split(site.uploads, start, end, 4))
        assert cuts == sorted(set(cuts))
        assert all(cut > start and (not end or cut < end) for cut in cuts)


def test_a_file_is_read_in_parts_at_one_generation(site):
    old = site.upload("lines", data := bytes(range(256)) * 40_000)
    with site.store.open(old.uri, old.generation) as file:
        file.seek(5_000_000)
        assert file.read(300) == data[5_000_000:5_000_300]
        file.seek(-3, 2)
        assert file.read() == data[-3:]
        file.seek(0)
        assert hashlib.sha256(file.read()).digest() == hashlib.sha256(data).digest()
    site.upload("lines", data[1:])
    with pytest.raises(Replaced), site.store.open(old.uri, old.generation) as file:
        file.read(10)


def test_an_upload_has_the_time_of_its_generation(site):
    before = datetime.now(UTC)
    first, second = site.upload("x"), site.upload("x")
    assert (
        before - timedelta(minutes=1) < first.created_at <= second.created_at < datetime.now(UTC) + timedelta(minutes=1)
    )


def test_no_such_place_stops_the_job(site):
    nowhere = f"{site.uploads}/nowhere" if site.kind == "disk" else "gs://content-screening-no-such-bucket/x"
    with pytest.raises(ConfigError):
        list(site.store.list(nowhere))


def test_reads_by_generation(site):
    old = site.upload("x", b"old")
    assert site.store.read(old.uri, old.generation, 3) == b"old"
    new = site.upload("x", b"new")
    assert new.generation != old.generation
    with pytest.raises(Replaced):
        site.store.read(old.uri, old.generation, 3)
    assert site.store.read(new.uri, new.generation, 3) == b"new"


def test_reads_what_is_empty(site):
    upload = site.upload("empty", b"")
    assert upload.size == 0
    assert site.store.read(upload.uri, upload.generation, 10) == b""


def test_reads_no_more_than_allowed(site):
    upload = site.upload("x", b"12345")
    assert site.store.read(upload.uri, upload.generation, 5) == b"12345"
    with pytest.raises(UploadError) as caught:
        site.store.read(upload.uri, upload.generation, 4)
    assert caught.value.reason == "too_large"


def test_what_is_gone_is_not_found(site):
    gone = f"{site.uploads}/gone"
    for act in (
        lambda: site.store.stat(gone),
        lambda: site.store.read(gone, 1, 10),
        lambda: site.store.get(gone),
        lambda: site.store.copy(gone, 1, f"{site.live}/gone", sha256="0" * 64),
        lambda: site.store.label(gone, 1, {"a": "b"}),
    ):
        with pytest.raises(UploadError) as caught:
            act()
        assert caught.value.reason == "not_found"
    assert not site.store.exists(gone)
    assert not site.store.exists(f"{site.live}/gone")


def test_deletes_that_generation_only(site):
    old = site.upload("x", b"old")
    new = site.upload("x", b"new")
    with pytest.raises(Replaced):
        site.store.delete(old.uri, old.generation)
    assert site.store.get(new.uri) == b"new"
    site.store.delete(new.uri, new.generation)
    assert not site.store.exists(new.uri)
    site.store.delete(new.uri, new.generation)  # done already
    assert list(site.store.list(site.uploads)) == []


def test_labels_add_to_the_metadata_of_that_generation(site):
    upload = site.upload("x")
    site.store.label(upload.uri, upload.generation, {"screening-decision": "accept", "by": "é"})
    site.store.label(upload.uri, upload.generation, {"screening-decision": "reject"})
    labelled = site.store.stat(upload.uri, "x")
    assert labelled.metadata == {"screening-decision": "reject", "by": "é"}
    assert labelled.generation == upload.generation
    assert list(site.store.list(site.uploads)) == [labelled]
    assert site.store.read(upload.uri, upload.generation, 100) == b"as uploaded"


def test_a_label_means_nothing_once_the_object_is_replaced(site):
    old = site.upload("x", b"old")
    site.store.label(old.uri, old.generation, {"screening-decision": "accept"})
    new = site.upload("x", b"new")
    assert new.metadata == {}
    with pytest.raises(Replaced):
        site.store.label(old.uri, old.generation, {"screening-decision": "accept"})
    assert site.store.stat(new.uri).metadata == {}


def test_put_get_exists(site):
    uri = join(site.live, "reports/é report.html")
    assert not site.store.exists(uri)
    site.store.put(uri, b"one")
    site.store.put(uri, b"two")
    assert site.store.exists(uri)
    assert site.store.get(uri) == b"two"


def test_no_update_is_lost(site):
    uri = join(site.live, "counts.json")
    lines = [f"line {i}\n".encode() for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda line: site.store.update(uri, lambda before: (before or b"") + line), lines))
    assert sorted(site.store.get(uri).splitlines(keepends=True)) == lines


def test_an_update_that_is_refused_changes_nothing(site):
    uri = join(site.live, "once.json")

    def only_new(before):
        if before is not None:
            raise ConfigError("it is there")
        return b"first"

    site.store.update(uri, only_new)
    with pytest.raises(ConfigError, match="it is there"):
        site.store.update(uri, only_new)
    assert site.store.get(uri) == b"first"


def test_a_large_object_goes_both_ways(site):
    data = bytes(range(256)) * (40_000 if site.kind != "elsewhere" else 1000)  # 10 MB: more than one call
    upload = site.upload("large", data)
    assert site.store.read(upload.uri, upload.generation, len(data)) == data
    assert site.copy(upload, data) is True
    assert site.cleared() == data


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "./x", "a/./x", "nul\0", "not utf-8 \udcff"]
)
@pytest.mark.parametrize("prefix", ["/data/live", "gs://bucket/live"])
def test_no_name_leads_out_of_its_prefix(prefix, name):
    with pytest.raises(UploadError) as caught:
        join(prefix, name)
    assert caught.value.reason == "invalid_name"


@pytest.mark.parametrize("name", ["x", "a/b.txt", "..x", "x..", "a b/é", "…", ".hidden"])
def test_other_names_lie_below_it(name):
    assert join("/data/live/", name) == f"/data/live/{name}"
    assert join("gs://bucket", name) == f"gs://bucket/{name}"
