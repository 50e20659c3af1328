"""Names, downloads, listings, metadata and copies are as Google documents them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json

import google_crc32c
import pytest
import requests

from tests.gcs.exact.conftest import DATA


@pytest.mark.parametrize(
    ("name", "status"),
    [("ab", 400), ("Abc", 400), ("-abc", 400), ("a" * 64, 400), ("a_c", 200), ("a" * 63, 200), ("dots.are.fine", 200)],
)
def test_names_of_buckets(own_server, name, status):
    path = f"{own_server.url}/storage/v1/b"
    assert requests.post(path, json={"name": name}).status_code == status
    if status == 200:
        assert requests.post(path, json={"name": name}).status_code == 409
        assert requests.get(f"{path}/{name}").json()["name"] == name
        assert requests.delete(f"{path}/{name}").status_code == 204
    assert requests.get(f"{path}/{name}").status_code == 404
    assert requests.get(f"{path}/{name}/o").status_code == 404


def test_a_bucket_with_objects_is_not_deleted(gcs):
    gcs.insert("x")
    assert requests.delete(f"{gcs.url}/storage/v1/b/{gcs.bucket}").status_code == 409


@pytest.mark.parametrize("name", ["", ".", "..", "a\nb", "a" * 1025])
def test_names_of_objects(gcs, name):
    assert gcs.insert(name).status_code == 400


def test_downloads_say_what_they_are(gcs):
    shown = gcs.insert("x").json()
    reply = gcs.json("GET", "x", alt="media")
    crc32c = base64.b64encode(google_crc32c.value(DATA).to_bytes(4, "big")).decode()
    md5 = base64.b64encode(hashlib.md5(DATA).digest()).decode()
    assert (shown["crc32c"], shown["md5Hash"], shown["size"]) == (crc32c, md5, "10")
    for reply in (reply, gcs.xml("GET", "x"), gcs.xml("HEAD", "x")):  # noqa: B020
        assert reply.headers["x-goog-hash"] == f"crc32c={crc32c},md5={md5}"
        assert reply.headers["x-goog-generation"] == shown["generation"]
        assert reply.headers["x-goog-metageneration"] == "1"
        assert reply.headers["content-length"] == "10"
    assert gcs.xml("HEAD", "x").content == b""


@pytest.mark.parametrize(
    ("asked", "status", "part", "said"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, DATA, "bytes 0-9/10"),
        ("bytes=10-", 416, None, None),
        ("lines=1-2", 200, DATA, None),
    ],
)
def test_ranges(gcs, asked, status, part, said):
    gcs.insert("x")
    reply = gcs.xml("GET", "x", Range=asked)
    assert reply.status_code == status
    assert reply.headers.get("content-range") == said
    assert part is None or reply.content == part


def test_what_is_stored_compressed_is_expanded_for_who_does_not_ask_for_it(gcs):
    gcs.xml("PUT", "x", b"", **{"Content-Encoding": "identity"})
    packed = gzip.compress(DATA)
    gcs.insert("z", packed)
    requests.patch(
        f"{gcs.url}/storage/v1/b/{gcs.bucket}/o/z", json={"contentEncoding": "gzip"}, timeout=10
    ).raise_for_status()
    assert gcs.xml("GET", "z", **{"Accept-Encoding": "identity"}).content == DATA
    raw = requests.get(f"{gcs.url}/{gcs.bucket}/z", headers={"Accept-Encoding": "gzip"}, stream=True, timeout=10)
    assert raw.raw.read(decode_content=False) == packed


def test_listing_pages_delimiters_and_partial_replies(gcs):
    for name in ("a/1", "a/2", "a/b/3", "a0", "b", "ü/x"):
        gcs.insert(name)
    assert [each["name"] for each in gcs.listed()["items"]] == ["a/1", "a/2", "a/b/3", "a0", "b", "ü/x"]
    top = gcs.listed(delimiter="/")
    assert (top["prefixes"], [each["name"] for each in top["items"]]) == (["a/", "ü/"], ["a0", "b"])
    below = gcs.listed(delimiter="/", prefix="a/")
    assert (below["prefixes"], [each["name"] for each in below["items"]]) == (["a/b/"], ["a/1", "a/2"])
    assert gcs.listed(prefix="nothing") == {"kind": "storage#objects"}
    for query in ({}, {"delimiter": "/"}, {"prefix": "a/"}):
        whole = gcs.listed(**query)
        pages, token = [], {}
        while True:
            page = gcs.listed(maxResults=1, **query, **token)
            pages += [each["name"] for each in page.get("items", [])] + page.get("prefixes", [])
            if "nextPageToken" not in page:
                break
            token = {"pageToken": page["nextPageToken"]}
        assert sorted(pages) == sorted([each["name"] for each in whole["items"]] + whole.get("prefixes", []))
    assert gcs.listed(fields="items(name,size),nextPageToken", maxResults=1) == {
        "items": [{"name": "a/1", "size": "10"}],
        "nextPageToken": gcs.listed(maxResults=1)["nextPageToken"],
    }
    assert gcs.listed(fields="items/name", maxResults=2) == {"items": [{"name": "a/1"}, {"name": "a/2"}]}


def test_listing_from_one_name_up_to_another(gcs):
    for name in ("a/1", "a/2", "a/3", "b/1", "ü"):
        gcs.insert(name)

    def names(**query: object) -> list[str]:
        return [each["name"] for each in gcs.listed(**query).get("items", [])]

    assert names(startOffset="a/2") == ["a/2", "a/3", "b/1", "ü"]
    assert names(endOffset="a/3") == ["a/1", "a/2"]
    assert names(startOffset="a/2", endOffset="b/2") == ["a/2", "a/3", "b/1"]
    assert names(startOffset="a/2", endOffset="b/2", prefix="a/") == ["a/2", "a/3"]
    assert names(startOffset="b", endOffset="a") == []
    page = gcs.listed(startOffset="a/2", endOffset="b/2", maxResults=1)
    assert names(startOffset="a/2", endOffset="b/2", pageToken=page["nextPageToken"]) == ["a/3", "b/1"]


def test_a_patch_merges_and_an_update_replaces(gcs):
    gcs.insert("x")
    path = f"{gcs.url}/storage/v1/b/{gcs.bucket}/o/x"
    requests.patch(path, json={"metadata": {"a": "1", "b": "2"}})
    assert requests.patch(path, json={"metadata": {"a": None, "c": "3"}}).json()["metadata"] == {"b": "2", "c": "3"}
    assert requests.put(path, json={"metadata": {"d": "4"}}).json()["metadata"] == {"d": "4"}
    assert "metadata" not in requests.patch(path, json={"metadata": None}).json()


def test_a_copy_takes_the_metadata_along_unless_it_is_given_some(gcs):
    gcs.insert("x")
    requests.patch(f"{gcs.url}/storage/v1/b/{gcs.bucket}/o/x", json={"metadata": {"a": "1"}})
    assert gcs.copy("copyTo", "x", "y").json()["metadata"] == {"a": "1"}
    path = f"{gcs.url}/storage/v1/b/{gcs.bucket}/o/x/rewriteTo/b/{gcs.bucket}/o/z"
    given = requests.post(path, json={"metadata": {"b": "2"}}).json()
    assert given["done"] is True
    assert given["resource"]["metadata"] == {"b": "2"}


def test_a_rewrite_in_steps(gcs):
    data = bytes(3 << 20)
    gcs.insert("x", data)
    step = {"maxBytesRewrittenPerCall": 1 << 20}
    first = gcs.copy("rewriteTo", "x", "y", **step).json()
    assert (first["done"], first["totalBytesRewritten"]) == (False, str(1 << 20))
    assert gcs.generation("y") == 0
    token = {"rewriteToken": first["rewriteToken"]}
    assert gcs.copy("rewriteTo", "x", "z", **step, **token).status_code == 400
    assert gcs.copy("rewriteTo", "x", "y", **step, **token).json()["done"] is False
    last = gcs.copy("rewriteTo", "x", "y", **step, **token).json()
    assert (last["done"], last["resource"]["size"]) == (True, str(3 << 20))
    assert gcs.copy("rewriteTo", "x", "y", maxBytesRewrittenPerCall=5).status_code == 400


def test_errors_are_as_google_words_them(gcs):
    error = json.loads(gcs.json("GET", "gone").text)["error"]
    assert (error["code"], error["errors"][0]["reason"]) == (404, "notFound")
    assert "<Code>NoSuchKey</Code>" in gcs.xml("GET", "gone").text
