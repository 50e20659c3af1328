"""The XML API is as exact as the JSON API."""

from __future__ import annotations

import hashlib

from tests.gcs.exact.conftest import DATA


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
