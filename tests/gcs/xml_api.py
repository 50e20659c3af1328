"""The XML API, as far as delta-rs (object_store) calls it: objects, listings of version 2, uploads in parts."""

from __future__ import annotations

import hashlib
import re
import uuid
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.gcs.call import Call, Reply, download
from tests.gcs.state import (
    FIELDS,
    Bucket,
    Conditions,
    Object,
    Refused,
    State,
    Upload,
    not_found,
    number,
    page_size,
    stamp,
)

CODES = {
    400: "InvalidArgument",
    403: "AccessDenied",
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    409: "Conflict",
    412: "PreconditionFailed",
    416: "InvalidRange",
}
HEADERS = {header: name for name, header in FIELDS.items()}
META = "x-goog-meta-"


def answer(state: State, call: Call) -> Reply:
    """`/bucket` lists; `/bucket/object` is read, written and deleted."""
    bucket_name, _, name = call.path.lstrip("/").partition("/")
    bucket = state.bucket(unquote(bucket_name))
    name = unquote(name)
    if not name:
        if call.method != "GET":
            raise Refused(405, "MethodNotAllowed")
        return _listing(call, bucket)
    match call.method:
        case "GET" | "HEAD":
            return _read(call, bucket, name)
        case "PUT" if "uploadId" in call.query:
            return _part(state, call)
        case "PUT":
            return _write(state, call, bucket, name)
        case "DELETE" if "uploadId" in call.query:
            _upload(state, call)
            del state.uploads[call.query["uploadId"]]
            return Reply(204)
        case "DELETE":
            bucket.delete(bucket.get(name, _conditions(call), number(call.query.get("generation")), reading=False))
            return Reply(204)
        case "POST" if "uploads" in call.query:
            return _initiate(state, call, bucket, name)
        case "POST" if "uploadId" in call.query:
            return _complete(state, call)
    raise Refused(405, "MethodNotAllowed")


def refuse(error: Refused) -> Reply:
    if error.status == 304:
        return Reply(304)
    code = "NoSuchBucket" if "bucket:" in error.message else CODES.get(error.status, "InternalError")
    return _xml(f"<Error><Code>{code}</Code><Message>{escape(error.message)}</Message></Error>", error.status)


def _xml(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    body = f"<?xml version='1.0' encoding='UTF-8'?>{text}".encode()
    return Reply(status, body, {"Content-Type": "application/xml; charset=UTF-8", **(headers or {})})


def _listing(call: Call, bucket: Bucket) -> Reply:
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    after = call.query.get("continuation-token", "") or call.query.get("start-after", "")
    objects, prefixes, last = bucket.page(prefix, delimiter, after, page_size(call.query.get("max-keys")))
    rows = [
        f"<Contents><Key>{escape(each.name)}</Key><Generation>{each.generation}</Generation>"
        f"<MetaGeneration>{each.metageneration}</MetaGeneration><LastModified>{stamp(each.updated)}</LastModified>"
        f'<ETag>"{each.md5_hex}"</ETag><Size>{len(each.data)}</Size></Contents>'
        for each in objects
    ]
    rows += [f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in prefixes]
    more = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if last else ""
    return _xml(
        f"<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'><Name>{bucket.name}</Name>"
        f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(rows)}</KeyCount>"
        f"<IsTruncated>{'true' if last else 'false'}</IsTruncated>{more}{''.join(rows)}</ListBucketResult>"
    )


def _read(call: Call, bucket: Bucket, name: str) -> Reply:
    found = bucket.get(name, _conditions(call), number(call.query.get("generation")), reading=True)
    etag = f'"{found.md5_hex}"'
    if call.headers.get("if-match", etag) not in {etag, "*"}:
        raise Refused(412, "PreconditionFailed")
    if call.headers.get("if-none-match") in {etag, "*"}:
        raise Refused(304, "NotModified")
    reply = download(found, call)
    if call.method == "HEAD":
        reply.headers["Content-Length"] = str(len(reply.body))
        reply.body = b""
    return reply


def _write(state: State, call: Call, bucket: Bucket, name: str) -> Reply:
    source_path = call.headers.get("x-goog-copy-source")
    if source_path is None:
        made = bucket.insert(
            name,
            call.body,
            _conditions(call),
            fields=_fields(call),
            metadata=_metadata(call),
            expected=_hashes(call),
        )
        return Reply(200, b"", _written(made))
    from_bucket, _, from_name = source_path.lstrip("/").partition("/")
    source = state.bucket(unquote(from_bucket)).get(
        unquote(from_name),
        _conditions(call, "x-goog-copy-source-if-"),
        number(call.headers.get("x-goog-copy-source-generation")),
        reading=False,
    )
    replace = call.headers.get("x-goog-metadata-directive", "COPY").upper() == "REPLACE"
    made = bucket.insert(
        name,
        source.data,
        _conditions(call),
        fields=_fields(call) if replace else source.fields,
        metadata=_metadata(call) if replace else source.metadata,
    )
    text = f'<ETag>"{made.md5_hex}"</ETag><LastModified>{stamp(made.updated)}</LastModified>'
    return _xml(f"<CopyObjectResult>{text}</CopyObjectResult>", headers=_written(made))


def _initiate(state: State, call: Call, bucket: Bucket, name: str) -> Reply:
    key = uuid.uuid4().hex
    state.uploads[key] = Upload(bucket, name, _conditions(call), _fields(call), _metadata(call))
    where = f"<Bucket>{bucket.name}</Bucket><Key>{escape(name)}</Key><UploadId>{key}</UploadId>"
    return _xml(f"<InitiateMultipartUploadResult>{where}</InitiateMultipartUploadResult>")


def _part(state: State, call: Call) -> Reply:
    at = number(call.query.get("partNumber"))
    if at is None or not 1 <= at <= 10_000:
        raise Refused(400, "InvalidArgument", "partNumber must be 1 to 10,000")
    _upload(state, call).parts[at] = call.body
    return Reply(200, b"", {"ETag": f'"{_md5(call.body)}"'})


def _complete(state: State, call: Call) -> Reply:
    upload = _upload(state, call)
    made = upload.done
    if made is None:  # else the caller asks again because our reply was lost
        made = upload.bucket.insert(
            upload.name,
            _joined(upload, call.body),
            upload.conditions,
            fields=upload.fields,
            metadata=upload.metadata,
        )
        upload.done = made
        upload.parts.clear()
    text = f'<Bucket>{upload.bucket.name}</Bucket><Key>{escape(upload.name)}</Key><ETag>"{made.md5_hex}"</ETag>'
    return _xml(f"<CompleteMultipartUploadResult>{text}</CompleteMultipartUploadResult>", headers=_written(made))


def _joined(upload: Upload, body: bytes) -> bytes:
    try:
        parts = [
            (int(part.findtext("{*}PartNumber", "")), part.findtext("{*}ETag", "").strip('"'))
            for part in ElementTree.fromstring(body).iterfind("{*}Part")
        ]
    except (ElementTree.ParseError, ValueError):
        raise Refused(400, "MalformedXML", "The parts are not listed as they should be.") from None
    if not parts or parts != sorted(parts):
        raise Refused(400, "InvalidPartOrder", "The parts are none, or not in ascending order.")
    for number_, etag in parts:
        if number_ not in upload.parts or _md5(upload.parts[number_]) != etag:
            raise Refused(400, "InvalidPart", f"Part {number_} is missing or another.")
    return b"".join(upload.parts[number_] for number_, _ in parts)


def _upload(state: State, call: Call) -> Upload:
    upload = state.uploads.get(call.query["uploadId"])
    if upload is None:
        raise not_found("upload")
    return upload


def _conditions(call: Call, prefix: str = "x-goog-if-") -> Conditions:
    def given(what: str) -> int | None:
        return number(call.headers.get(f"{prefix}{what}"))

    return Conditions(generation=given("generation-match"), metageneration=given("metageneration-match"))


def _fields(call: Call) -> dict[str, str]:
    return {name: call.headers[header] for header, name in HEADERS.items() if header in call.headers}


def _metadata(call: Call) -> dict[str, str]:
    return {key.removeprefix(META): value for key, value in call.headers.items() if key.startswith(META)}


def _hashes(call: Call) -> dict[str, str]:
    given = re.findall(r"(crc32c|md5)=([A-Za-z0-9+/=]+)", call.headers.get("x-goog-hash", ""))
    if "content-md5" in call.headers:
        given.append(("md5", call.headers["content-md5"]))
    return dict(given)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _written(made: Object) -> dict[str, str]:
    return {
        "ETag": f'"{made.md5_hex}"',
        "X-Goog-Generation": str(made.generation),
        "X-Goog-Metageneration": str(made.metageneration),
        "X-Goog-Hash": f"crc32c={made.crc32c},md5={made.md5}",
    }
