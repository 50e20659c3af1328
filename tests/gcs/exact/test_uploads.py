"""Uploads in one call and in several are as Google documents them, with checksums and preconditions."""

from __future__ import annotations

import base64
import hashlib

import requests

from tests.gcs.exact.conftest import DATA


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
