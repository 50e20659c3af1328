"""The JSON API, as far as google-cloud-storage calls it for a store of objects."""

from __future__ import annotations

import email.parser
import email.policy
import re
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import quote, unquote

from tests.gcs.call import Call, Reply, as_json, download
from tests.gcs.json_resource import conditions_of, json_body, partial, shown_bucket, shown_object
from tests.gcs.state import (
    FIELDS,
    Bucket,
    Refused,
    State,
    Upload,
    not_found,
    number,
    page_size,
)

OBJECT = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/([^/]+)")
OBJECTS = re.compile(r"/storage/v1/b/([^/]+)/o/?")
BUCKET = re.compile(r"/storage/v1/b/([^/]+)")
COPY = re.compile(r"/storage/v1/b/([^/]+)/o/([^/]+)/(rewriteTo|copyTo)/b/([^/]+)/o/([^/]+)")
UPLOAD = re.compile(r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o")
REWRITE_STEP = 1 << 20  # maxBytesRewrittenPerCall comes in whole steps of 1 MiB


def is_json(path: str) -> bool:
    return path.startswith(("/storage/v1/", "/download/storage/v1/", "/upload/storage/v1/", "/resumable/upload/"))


def answer(state: State, call: Call) -> Reply:
    """Find who answers; 404 for a path and 405 for a method that nobody knows."""
    if match := UPLOAD.fullmatch(call.path):
        return _upload(state, call, unquote(match[1]))
    if match := COPY.fullmatch(call.path):
        return _copy(state, call, match[3], *(unquote(match[i]) for i in (1, 2, 4, 5)))
    if match := OBJECT.fullmatch(call.path):
        return _object(call, state.bucket(unquote(match[1])), unquote(match[2]))
    if match := OBJECTS.fullmatch(call.path):
        return _listing(call, state.bucket(unquote(match[1])))
    if match := BUCKET.fullmatch(call.path):
        return _bucket(state, call, unquote(match[1]))
    if call.path == "/storage/v1/b":
        return _buckets(state, call)
    raise not_found(f"path: {call.path}")


def refuse(error: Refused) -> Reply:
    if error.status == 304:
        return Reply(304)
    detail = {"message": error.message, "domain": "global", "reason": error.reason}
    if error.status == 412:
        detail |= {"locationType": "header", "location": "If-Match"}
    return as_json({"error": {"code": error.status, "message": error.message, "errors": [detail]}}, error.status)


def _buckets(state: State, call: Call) -> Reply:
    if call.method == "POST":
        asked = json_body(call.body)
        versioning = bool((asked.get("versioning") or {}).get("enabled"))
        return as_json(shown_bucket(state.create(str(asked.get("name", "")), versioning=versioning)))
    if call.method == "GET":
        prefix = call.query.get("prefix", "")
        shown = [shown_bucket(state.buckets[name]) for name in sorted(state.buckets) if name.startswith(prefix)]
        return as_json({"kind": "storage#buckets", "items": shown})
    raise Refused(405, "methodNotAllowed")


def _bucket(state: State, call: Call, name: str) -> Reply:
    bucket = state.bucket(name)
    if call.method == "GET":
        return as_json(shown_bucket(bucket))
    if call.method == "DELETE":
        state.drop(name)
        return Reply(204)
    raise Refused(405, "methodNotAllowed")


def _listing(call: Call, bucket: Bucket) -> Reply:
    if call.method != "GET":
        raise Refused(405, "methodNotAllowed")
    if call.query.get("versions") == "true":
        raise Refused(501, "notImplemented", "This server lists no versions.")
    token = call.query.get("pageToken", "")
    objects, prefixes, last = bucket.page(
        call.query.get("prefix", ""),
        call.query.get("delimiter", ""),
        urlsafe_b64decode(token).decode() if token else "",
        page_size(call.query.get("maxResults")),
        call.query.get("startOffset", ""),
        call.query.get("endOffset", ""),
    )
    shown: dict[str, object] = {"kind": "storage#objects"}
    if objects:
        shown["items"] = [shown_object(bucket, each, call.base) for each in objects]
    if prefixes:
        shown["prefixes"] = prefixes
    if last:
        shown["nextPageToken"] = urlsafe_b64encode(last.encode()).decode()
    return as_json(partial(shown, call.query.get("fields")))


def _object(call: Call, bucket: Bucket, name: str) -> Reply:
    generation = number(call.query.get("generation"))
    if call.method not in {"GET", "PATCH", "PUT", "DELETE"}:
        raise Refused(405, "methodNotAllowed")
    found = bucket.get(name, conditions_of(call), generation, reading=call.method == "GET")
    if call.method == "GET" and (call.query.get("alt") == "media" or call.path.startswith("/download/")):
        return download(found, call)
    if call.method == "DELETE":
        bucket.delete(found)
        return Reply(204)
    if call.method != "GET":
        asked = json_body(call.body)
        if call.method == "PUT":  # an update replaces what it does not name too
            found.fields.clear()
            found.metadata.clear()
        fields = {key: asked[key] for key in FIELDS if key in asked}
        bucket.patch(found, fields, asked.get("metadata", {}))
    return as_json(partial(shown_object(bucket, found, call.base), call.query.get("fields")))


def _copy(state: State, call: Call, how: str, bucket: str, name: str, to_bucket: str, to_name: str) -> Reply:
    if call.method != "POST":
        raise Refused(405, "methodNotAllowed")
    source_bucket, target_bucket = state.bucket(bucket), state.bucket(to_bucket)
    source = source_bucket.get(
        name, conditions_of(call, "ifSource"), number(call.query.get("sourceGeneration")), reading=False
    )
    conditions_of(call).check(target_bucket.live.get(to_name))
    size = len(source.data)
    if how == "rewriteTo":
        key = (bucket, name, source.generation, to_bucket, to_name)
        done = size
        step = number(call.query.get("maxBytesRewrittenPerCall")) or state.rewrite_bytes
        token = call.query.get("rewriteToken", "")
        if step % REWRITE_STEP:
            raise Refused(400, "invalid", "maxBytesRewrittenPerCall must be a multiple of 1 MiB")
        if token or size > step:
            known, before = state.rewrites.get(token, (key, 0))
            if known != key or (token and token not in state.rewrites):
                raise Refused(400, "invalid", "The rewrite token is of another rewrite.")
            done = min(before + step, size)
            if done < size:
                token = token or uuid.uuid4().hex
                state.rewrites[token] = (key, done)
                return as_json(_rewritten(done, size) | {"done": False, "rewriteToken": token})
            state.rewrites.pop(token, None)
    # A resource in the request stands for the whole metadata of the copy; without one the source's goes along.
    asked = json_body(call.body)
    fields = {key: asked[key] for key in FIELDS if key in asked} if asked else source.fields
    metadata = asked.get("metadata", {}) if asked else source.metadata
    made = target_bucket.insert(to_name, source.data, conditions_of(call), fields=fields, metadata=metadata)
    shown = shown_object(target_bucket, made, call.base)
    return as_json(shown if how == "copyTo" else _rewritten(size, size) | {"done": True, "resource": shown})


def _rewritten(done: int, size: int) -> dict[str, object]:
    return {"kind": "storage#rewriteResponse", "totalBytesRewritten": str(done), "objectSize": str(size)}


def _upload(state: State, call: Call, bucket_name: str) -> Reply:
    bucket = state.bucket(bucket_name)
    if call.query.get("upload_id"):
        return _resume(state, call)
    if call.method != "POST":
        raise Refused(405, "methodNotAllowed")
    how = call.query.get("uploadType")
    kind = call.headers.get("content-type", "")
    resource: dict[str, object] = {}
    data = b""
    if how == "media":
        data, resource = call.body, {"contentType": kind}
    elif how == "multipart":
        resource, data, kind = _parts(kind, call.body)
    elif how == "resumable":
        resource, kind = json_body(call.body), call.headers.get("x-upload-content-type", "")
    else:
        raise Refused(400, "invalid", f"uploadType {how!r}")
    upload = Upload(
        bucket,
        str(call.query.get("name") or resource.get("name") or ""),
        conditions_of(call),
        {"contentType": kind or "application/octet-stream"} | {k: str(resource[k]) for k in FIELDS if k in resource},
        dict(resource.get("metadata") or {}),
        _hashes(call) | {k: str(resource[v]) for k, v in (("crc32c", "crc32c"), ("md5", "md5Hash")) if v in resource},
    )
    if how == "resumable":
        upload.conditions.check(bucket.live.get(upload.name))
        key = uuid.uuid4().hex
        state.uploads[key] = upload
        where = f"{call.base}/upload/storage/v1/b/{quote(bucket_name)}/o?uploadType=resumable&upload_id={key}"
        return Reply(200, b"", {"Location": where, "X-GUploader-UploadID": key})
    return _finish(upload, data, call)


def resource_of_upload(call: Call) -> dict[str, object]:
    """What an upload says of its object; nothing where the whole body is data."""
    kind = call.headers.get("content-type", "")
    how = call.query.get("uploadType")
    return {} if how == "media" else _parts(kind, call.body)[0] if how == "multipart" else json_body(call.body)


def _resume(state: State, call: Call) -> Reply:
    upload = state.uploads.get(call.query["upload_id"])
    if upload is None:
        raise not_found("upload")
    if call.method == "DELETE":
        del state.uploads[call.query["upload_id"]]
        return Reply(499)
    if upload.done is not None:  # the caller asks again because our reply was lost
        return as_json(shown_object(upload.bucket, upload.done, call.base))
    wanted = re.fullmatch(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)", call.headers.get("content-range", ""))
    start, total = 0, None
    if wanted:
        start = int(wanted[1]) if wanted[1] else len(upload.received)
        total = None if wanted[3] == "*" else int(wanted[3])
    else:
        total = len(call.body)
    if start > len(upload.received):
        raise Refused(503, "backendError", "The offset is beyond what has arrived.")
    upload.received[start:] = call.body
    upload.expected |= _hashes(call)
    if total is not None and len(upload.received) == total:
        return _finish(upload, bytes(upload.received), call)
    arrived = {"Range": f"bytes=0-{len(upload.received) - 1}"} if upload.received else {}
    return Reply(308, b"", arrived)


def _finish(upload: Upload, data: bytes, call: Call) -> Reply:
    made = upload.bucket.insert(
        upload.name,
        data,
        upload.conditions,
        fields=upload.fields,
        metadata=upload.metadata,
        expected=upload.expected,
    )
    upload.done = made
    upload.received = bytearray()
    return as_json(shown_object(upload.bucket, made, call.base))


def _parts(content_type: str, body: bytes) -> tuple[dict[str, object], bytes, str]:
    """Resource, data and its type of a multipart/related body; by hand, as the data is any bytes."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if not boundary:
        raise Refused(400, "invalid", "no boundary")
    mark = b"--" + boundary[1].strip("'").encode()
    first = body.find(mark)
    second = body.find(b"\r\n" + mark, first + len(mark))
    last = body.rfind(b"\r\n" + mark + b"--")
    if min(first, second, last) < 0 or last <= second:
        raise Refused(400, "invalid", "Missing end boundary in multipart body.")
    _, _, resource = body[first:second].partition(b"\r\n\r\n")
    head, _, data = body[second + 2 + len(mark) : last].partition(b"\r\n\r\n")
    headers = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head.lstrip() + b"\r\n\r\n")
    return json_body(resource), data, headers.get("content-type", "")


def _hashes(call: Call) -> dict[str, str]:
    given = call.headers.get("x-goog-hash", "")
    return {k: v for k, _, v in (item.strip().partition("=") for item in given.split(",") if "=" in item)}
