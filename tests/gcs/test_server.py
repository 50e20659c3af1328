"""The server is exact: what Google documents of generations, preconditions, listings, uploads and downloads."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import urllib.parse
from dataclasses import dataclass

import google_crc32c
import pytest
import requests

from tests.gcs.client import GcsServer

DATA = b"0123456789"
NAMES = itertools.count()


@dataclass
class Caller:
    """Plain HTTP, so that no client library hides what the server says."""

    url: str
    bucket: str

    def json(self, method, name, *, to="", **query):
        path = f"{self.url}/storage/v1/b/{self.bucket}/o/{urllib.parse.quote(name, safe='')}{to}"
        return requests.request(method, path, params=query, json={} if method in {"PATCH", "POST"} else None)

    def insert(self, name, data=DATA, **query):
        path = f"{self.url}/upload/storage/v1/b/{self.bucket}/o"
        return requests.post(path, data, params={"uploadType": "media", "name": name, **query})

    def copy(self, how, name, target, **query):
        to = f"/{how}/b/{self.bucket}/o/{urllib.parse.quote(target, safe='')}"
        return self.json("POST", name, to=to, **query)

    def xml(self, method, name="", data=None, query=None, **headers):
        path = f"{self.url}/{self.bucket}/{urllib.parse.quote(name, safe='')}".rstrip("/")
        return requests.request(method, path, data=data, params=query, headers=headers)

    def listed(self, **query):
        return requests.get(f"{self.url}/storage/v1/b/{self.bucket}/o", params=query).json()

    def generation(self, name):
        reply = self.json("GET", name)
        return int(reply.json()["generation"]) if reply.ok else 0


@pytest.fixture(scope="module")
def own_server():
    with GcsServer() as server:
        yield server


@pytest.fixture
def gcs(own_server):
    own_server.clear()
    return Caller(own_server.url, own_server.create_bucket(f"bucket-{next(NAMES)}"))


READS = {
    "get": lambda gcs, query: gcs.json("GET", "x", **query),
    "media": lambda gcs, query: gcs.json("GET", "x", alt="media", **query),
}
CHANGES = {
    "patch": lambda gcs, query: gcs.json("PATCH", "x", **query),
    "delete": lambda gcs, query: gcs.json("DELETE", "x", **query),
}
WRITES = {
    "insert": lambda gcs, query: gcs.insert("x", **query),
    "rewriteTo": lambda gcs, query: gcs.copy("rewriteTo", "source", "x", **query),
    "copyTo": lambda gcs, query: gcs.copy("copyTo", "source", "x", **query),
}
# precondition, value (None: the object's own), status of a read, and of anything that changes
ON_AN_OBJECT = [
    ("ifGenerationMatch", None, 200, 200),
    ("ifGenerationMatch", 1, 412, 412),
    ("ifGenerationMatch", 0, 412, 412),
    ("ifGenerationNotMatch", None, 304, 412),
    ("ifGenerationNotMatch", 1, 200, 200),
    ("ifGenerationNotMatch", 0, 200, 200),
    ("ifMetagenerationMatch", 1, 200, 200),
    ("ifMetagenerationMatch", 2, 412, 412),
    ("ifMetagenerationNotMatch", 1, 304, 412),
    ("ifMetagenerationNotMatch", 2, 200, 200),
]


@pytest.mark.parametrize(("condition", "value", "reading", "changing"), ON_AN_OBJECT)
@pytest.mark.parametrize("operation", READS | CHANGES | WRITES)
def test_preconditions_on_an_object(gcs, operation, condition, value, reading, changing):
    gcs.insert("source")
    gcs.insert("x")
    before = gcs.json("GET", "x").json()
    query = {condition: before["generation"] if value is None else value}
    reply = (READS | CHANGES | WRITES)[operation](gcs, query)
    expected = reading if operation in READS else changing
    assert reply.status_code == (204 if operation == "delete" and expected == 200 else expected)
    if reply.status_code == 412:
        assert reply.json()["error"]["errors"][0]["reason"] == "conditionNotMet"
    if expected != 200:
        assert gcs.json("GET", "x").json() == before, "refused, and yet something has changed"


# with 0, "no live object" is what is asked for; any other precondition fails where there is none
WHERE_THERE_IS_NONE = [
    ("ifGenerationMatch", 0, 200),
    ("ifGenerationMatch", 1, 412),
    ("ifGenerationNotMatch", 0, 412),
    ("ifGenerationNotMatch", 1, 412),
    ("ifMetagenerationMatch", 1, 412),
    ("ifMetagenerationNotMatch", 1, 412),
]


@pytest.mark.parametrize(("condition", "value", "status"), WHERE_THERE_IS_NONE)
@pytest.mark.parametrize("operation", WRITES)
def test_preconditions_of_a_write_where_there_is_no_object(gcs, operation, condition, value, status):
    gcs.insert("source")
    assert WRITES[operation](gcs, {condition: value}).status_code == status
    assert (gcs.generation("x") > 0) == (status == 200)


@pytest.mark.parametrize("operation", READS | CHANGES)
@pytest.mark.parametrize("query", [{}, {"ifGenerationMatch": 0}, {"ifGenerationMatch": 1}])
def test_what_is_not_there_is_not_found(gcs, operation, query):
    assert (READS | CHANGES)[operation](gcs, query).status_code == 404


@pytest.mark.parametrize("how", ["rewriteTo", "copyTo"])
def test_preconditions_on_the_source_of_a_copy(gcs, how):
    gcs.insert("source")
    live = gcs.generation("source")
    for query, status in [
        ({"ifSourceGenerationMatch": live + 1}, 412),
        ({"ifSourceGenerationNotMatch": live}, 412),
        ({"ifSourceMetagenerationMatch": 2}, 412),
        ({"sourceGeneration": live + 1}, 404),
        ({"ifSourceGenerationMatch": live, "ifGenerationMatch": 1}, 412),
        ({"ifSourceGenerationMatch": live, "ifGenerationMatch": 0}, 200),
        ({"ifSourceGenerationMatch": live, "ifGenerationMatch": 0}, 412),
    ]:
        assert gcs.copy(how, "source", "x", **query).status_code == status, query
    assert gcs.copy(how, "gone", "x").status_code == 404


@pytest.mark.parametrize("value", ["x", "1.5", "", "1 "])
def test_a_precondition_that_is_no_number_is_an_error(gcs, value):
    gcs.insert("x")
    assert gcs.json("GET", "x", ifGenerationMatch=value).status_code == 400


def test_a_generation_names_one_state(gcs):
    gcs.insert("x", b"old")
    old = gcs.generation("x")
    gcs.insert("x", b"new")
    new = gcs.generation("x")
    assert new > old
    assert gcs.json("GET", "x", alt="media", generation=new).content == b"new"
    assert gcs.json("GET", "x", alt="media", generation=old).status_code == 404
    assert gcs.json("DELETE", "x", generation=old).status_code == 404
    gcs.json("PATCH", "x")
    patched = gcs.json("GET", "x").json()
    assert (patched["generation"], patched["metageneration"]) == (str(new), "2")


def test_a_versioned_bucket_keeps_what_was_replaced(own_server):
    gcs = Caller(own_server.url, own_server.create_bucket(f"bucket-{next(NAMES)}", versioning=True))
    gcs.insert("x", b"old")
    old = gcs.generation("x")
    gcs.insert("x", b"new")
    assert gcs.json("GET", "x", alt="media", generation=old).content == b"old"
    assert gcs.json("GET", "x", alt="media", ifGenerationMatch=old).status_code == 412
    gcs.json("DELETE", "x")
    assert gcs.json("GET", "x").status_code == 404
    assert [each["name"] for each in gcs.listed().get("items", [])] == []
    assert gcs.json("DELETE", "x", generation=old).status_code == 204
    assert gcs.json("GET", "x", generation=old).status_code == 404


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


def test_a_multipart_upload_keeps_any_bytes(gcs):
    data = b"\r\n--b\r\nContent-Type: x\r\n\r\n\x00\r\n"
    head = b'--sep\r\ncontent-type: application/json\r\n\r\n{"name": "x", "metadata": {"a": "1"}}\r\n'
    body = head + b"--sep\r\ncontent-type: text/plain\r\n\r\n" + data + b"\r\n--sep--"
    path = f"{gcs.url}/upload/storage/v1/b/{gcs.bucket}/o?uploadType=multipart"
    shown = requests.post(path, body, headers={"Content-Type": "multipart/related; boundary=sep"}).json()
    assert (shown["contentType"], shown["metadata"]) == ("text/plain", {"a": "1"})
    assert gcs.json("GET", "x", alt="media").content == data


def test_an_upload_with_another_checksum_is_refused(gcs):
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    path = f"{gcs.url}/upload/storage/v1/b/{gcs.bucket}/o?uploadType=media&name=x"
    assert requests.post(path, DATA, headers={"X-Goog-Hash": f"md5={wrong}"}).status_code == 400
    assert gcs.xml("PUT", "x", DATA, **{"Content-MD5": wrong}).status_code == 400
    assert gcs.generation("x") == 0


def test_a_resumable_upload_goes_on_where_it_ended(gcs):
    path = f"{gcs.url}/upload/storage/v1/b/{gcs.bucket}/o?uploadType=resumable&ifGenerationMatch=0"
    where = requests.post(path, json={"name": "x"}).headers["location"]
    first = requests.put(where, DATA[:4], headers={"Content-Range": "bytes 0-3/10"})
    assert (first.status_code, first.headers["range"]) == (308, "bytes=0-3")
    asked = requests.put(where, b"", headers={"Content-Range": "bytes */10"})
    assert (asked.status_code, asked.headers["range"]) == (308, "bytes=0-3")
    assert gcs.generation("x") == 0
    last = requests.put(where, DATA[4:], headers={"Content-Range": "bytes 4-9/10"})
    assert last.status_code == 200
    again = requests.put(where, b"", headers={"Content-Range": "bytes */10"})
    assert again.json()["generation"] == last.json()["generation"], "asked after a lost reply"
    assert gcs.json("GET", "x", alt="media").content == DATA
    assert requests.post(path, json={"name": "x"}).status_code == 412


def test_a_resumable_upload_meets_its_precondition_when_it_ends(gcs):
    path = f"{gcs.url}/upload/storage/v1/b/{gcs.bucket}/o?uploadType=resumable&ifGenerationMatch=0"
    where = requests.post(path, json={"name": "x"}).headers["location"]
    gcs.insert("x", b"first")
    assert requests.put(where, DATA).status_code == 412
    assert gcs.json("GET", "x", alt="media").content == b"first"


def test_the_xml_api_is_as_exact(gcs):
    def put(**headers):
        return gcs.xml("PUT", "a/é x", DATA, **headers).status_code

    assert put(**{"x-goog-if-generation-match": "1"}) == 412
    assert put(**{"x-goog-if-generation-match": "0"}) == 200
    assert put(**{"x-goog-if-generation-match": "0"}) == 412
    live = gcs.generation("a/é x")
    assert put(**{"x-goog-if-generation-match": str(live)}) == 200
    live = gcs.generation("a/é x")
    reply = gcs.xml("GET", "a/é x", **{"If-None-Match": f'"{hashlib.md5(DATA).hexdigest()}"'})
    assert reply.status_code == 304
    assert gcs.xml("GET", "a/é x", **{"If-Match": '"other"'}).status_code == 412
    assert gcs.xml("GET", "a/é x", query={"generation": live + 1}).status_code == 404
    assert gcs.xml("DELETE", "a/é x", **{"x-goog-if-generation-match": "1"}).status_code == 412
    assert gcs.xml("DELETE", "a/é x", **{"x-goog-if-generation-match": str(live)}).status_code == 204
    assert gcs.xml("DELETE", "a/é x").status_code == 404


def test_the_xml_api_copies_under_preconditions(gcs):
    gcs.insert("x")
    source = {"x-goog-copy-source": f"{gcs.bucket}/x"}
    assert gcs.xml("PUT", "y", **source, **{"x-goog-copy-source-if-generation-match": "1"}).status_code == 412
    assert gcs.xml("PUT", "y", **source, **{"x-goog-if-generation-match": "0"}).status_code == 200
    assert gcs.xml("PUT", "y", **source, **{"x-goog-if-generation-match": "0"}).status_code == 412
    assert gcs.json("GET", "y", alt="media").content == DATA


def test_the_xml_api_lists_page_by_page(gcs):
    for name in ("a/1", "a/2", "b&<c", "d"):
        gcs.insert(name)
    whole = gcs.xml("GET", query={"list-type": "2"}).text
    assert whole.count("<Contents>") == 4
    assert "<Key>b&amp;&lt;c</Key>" in whole
    first = gcs.xml("GET", query={"list-type": "2", "max-keys": "1", "delimiter": "/"}).text
    assert "<Prefix>a/</Prefix>" in first
    assert "<NextContinuationToken>a/<" in first
    rest = gcs.xml("GET", query={"list-type": "2", "continuation-token": "a/", "delimiter": "/"}).text
    assert rest.count("<Contents>") == 2
    assert "<IsTruncated>false" in rest
    assert gcs.xml("GET", query={"list-type": "2", "start-after": "a/1", "prefix": "a/"}).text.count("<Contents>") == 1


def test_the_xml_api_takes_an_upload_in_parts(gcs):
    started = gcs.xml("POST", "x", query={"uploads": ""}).text
    key = started.split("<UploadId>")[1].split("<")[0]
    tags = [
        gcs.xml("PUT", "x", part, query={"uploadId": key, "partNumber": at}).headers["etag"]
        for at, part in ((1, DATA[:5]), (2, DATA[5:]))
    ]
    assert gcs.generation("x") == 0

    def complete(*parts):
        rows = "".join(f"<Part><PartNumber>{at}</PartNumber><ETag>{tag}</ETag></Part>" for at, tag in parts)
        body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>"
        return gcs.xml("POST", "x", body, query={"uploadId": key})

    assert complete((2, tags[1]), (1, tags[0])).status_code == 400
    assert complete((1, tags[1])).status_code == 400
    done = complete((1, tags[0]), (2, tags[1]))
    assert done.status_code == 200
    assert complete((1, tags[0]), (2, tags[1])).headers["x-goog-generation"] == done.headers["x-goog-generation"]
    assert gcs.json("GET", "x", alt="media").content == DATA
    aborted = gcs.xml("POST", "y", query={"uploads": ""}).text.split("<UploadId>")[1].split("<")[0]
    assert gcs.xml("DELETE", "y", query={"uploadId": aborted}).status_code == 204
    assert gcs.xml("PUT", "y", DATA, query={"uploadId": aborted, "partNumber": 1}).status_code == 404


def test_faults_strike_whom_they_name_and_no_more(gcs, own_server):
    gcs.insert("x")
    own_server.faults("status", status=429, method="GET", path="alt=media", after=1, times=2)
    assert [gcs.json("GET", "x", alt="media").status_code for _ in range(4)] == [200, 429, 429, 200]
    assert gcs.json("GET", "x").status_code == 200
    assert own_server.hits() == 2


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", requests.exceptions.RequestException),
        ("truncated", requests.exceptions.RequestException),
        ("lost", requests.exceptions.ConnectionError),
    ],
)
def test_faults_break_the_connection(gcs, own_server, kind, error):
    gcs.insert("x", DATA * 10_000)
    own_server.faults(kind, method="GET", times=1)
    with pytest.raises(error):
        gcs.json("GET", "x", alt="media")
    assert gcs.json("GET", "x", alt="media").content == DATA * 10_000


def test_a_short_body_looks_whole(gcs, own_server):
    gcs.insert("x")
    own_server.faults("short", times=1)
    reply = gcs.json("GET", "x", alt="media")
    assert (reply.status_code, reply.content, reply.headers["content-length"]) == (200, DATA[:5], "5")


@pytest.mark.parametrize(("kind", "there"), [("lost", True), ("reset", False), ("status", False)])
def test_a_lost_reply_is_of_a_call_that_took_effect(gcs, own_server, kind, there):
    own_server.faults(kind, method="POST", times=1)
    try:
        assert gcs.insert("x").status_code == 503
    except requests.exceptions.ConnectionError:
        assert kind != "status"
    assert (gcs.generation("x") > 0) is there


def test_faults_by_chance_are_the_same_each_time(gcs, own_server):
    runs = []
    for _ in range(2):
        own_server.clear()
        own_server.faults("status", probability=0.3, seed=7)
        runs.append([gcs.json("GET", "x").status_code for _ in range(40)])
    assert runs[0] == runs[1]
    assert 3 < runs[0].count(503) < 25


def test_calls_are_counted(gcs, own_server):
    own_server.clear()
    gcs.insert("x")
    gcs.json("GET", "gone")
    assert [(method, status) for method, _, status in own_server.calls()] == [("POST", 200), ("GET", 404)]


def test_errors_are_as_google_words_them(gcs):
    error = json.loads(gcs.json("GET", "gone").text)["error"]
    assert (error["code"], error["errors"][0]["reason"]) == (404, "notFound")
    assert "<Code>NoSuchKey</Code>" in gcs.xml("GET", "gone").text


def test_callers_may_do_what_they_were_given_and_no_more(own_server, gcs):
    gcs.insert("a/1")
    own_server.allow([(f"storage.objects.{verb}", f"{gcs.bucket}/a/") for verb in ("get", "list", "create")])
    try:
        allowed = [gcs.insert("a/2"), gcs.json("GET", "a/1"), gcs.xml("PUT", "a/3", DATA), gcs.xml("GET", "a/1")]
        refused = [
            gcs.insert("a/1"),  # over what is there: that takes the right to delete
            gcs.insert("b"),
            gcs.json("DELETE", "a/1"),
            gcs.json("PATCH", "a/1"),
            gcs.copy("rewriteTo", "a/1", "b"),
            gcs.xml("PUT", "a/1", DATA),
            gcs.xml("PUT", "b", DATA),
            gcs.xml("DELETE", "a/1"),
            gcs.xml("GET", query={"list-type": "2"}),
        ]
        below, above = gcs.listed(prefix="a/"), gcs.listed()
    finally:
        own_server.allow(None)
    assert {reply.status_code for reply in allowed} == {200}
    assert {reply.status_code for reply in refused} == {403}
    assert len(below["items"]) == 3
    assert above["error"]["code"] == 403
    assert gcs.json("DELETE", "a/1").status_code == 204
