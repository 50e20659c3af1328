"""What a call of the JSON API says of an object, and how buckets and objects are shown in its replies."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from tests.gcs.call import Call
from tests.gcs.state import (
    Bucket,
    Conditions,
    Object,
    Refused,
    number,
    stamp,
)


def json_body(body: bytes) -> dict[str, object]:
    """The resource that a body states; 400 for one that is no JSON object."""
    try:
        value = json.loads(body) if body.strip() else {}
    except ValueError:
        raise Refused(400, "parseError", "Parse Error") from None
    if not isinstance(value, dict):
        raise Refused(400, "parseError", "Parse Error")
    return value


def conditions_of(call: Call, prefix: str = "if") -> Conditions:
    names = ("GenerationMatch", "GenerationNotMatch", "MetagenerationMatch", "MetagenerationNotMatch")
    return Conditions(*(number(call.query.get(prefix + name)) for name in names))


def shown_bucket(bucket: Bucket) -> dict[str, object]:
    return {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "location": "US",
        "storageClass": "STANDARD",
        "metageneration": "1",
        "timeCreated": stamp(bucket.created),
        "versioning": {"enabled": bucket.versioning},
    }


def shown_object(bucket: Bucket, found: Object, base: str) -> dict[str, object]:
    path = f"/b/{quote(bucket.name, safe='')}/o/{quote(found.name, safe='')}"
    shown: dict[str, object] = {
        "kind": "storage#object",
        "id": f"{bucket.name}/{found.name}/{found.generation}",
        "selfLink": f"{base}/storage/v1{path}",
        "mediaLink": f"{base}/download/storage/v1{path}?generation={found.generation}&alt=media",
        "name": found.name,
        "bucket": bucket.name,
        "generation": str(found.generation),
        "metageneration": str(found.metageneration),
        "size": str(len(found.data)),
        "crc32c": found.crc32c,
        "md5Hash": found.md5,
        "etag": found.etag,
        "storageClass": "STANDARD",
        "timeCreated": stamp(found.created),
        "updated": stamp(found.updated),
        **found.fields,
    }
    if found.metadata:
        shown["metadata"] = found.metadata
    return shown


def partial(value: object, fields: str | None) -> object:
    """A partial response: `items(name,size),nextPageToken` or `items/name`."""
    if fields is None or fields == "*":
        return value
    if isinstance(value, list):
        return [partial(each, fields) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, inner in _split(fields):
        for key in value if name == "*" else (name,):
            if key in value:
                kept[key] = partial(value[key], inner)
    return kept


def _split(fields: str) -> list[tuple[str, str | None]]:
    items, depth, start = [], 0, 0
    for at, letter in enumerate(fields + ","):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            items.append(fields[start:at].strip())
            start = at + 1
    split = []
    for item in items:
        if match := re.fullmatch(r"([^(/]+)\((.*)\)", item):
            split.append((match[1], match[2]))
        else:
            name, _, inner = item.partition("/")
            split.append((name, inner or None))
    return split
