"""Which permissions a call needs, as cloud.google.com/storage/docs/access-control/iam-json and iam-xml say (2025).

An upload over an object that is there needs `storage.objects.delete` as well; whether Google looks at that before or
after the preconditions is not documented, so here it is asked for first, which is the harder on callers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from tests.gcs import json_api
from tests.gcs.call import Call
from tests.gcs.state import Refused, State

Rule = tuple[str, str]  # a permission, and the `bucket/prefix` that it is given on


def check(state: State, rules: Sequence[Rule], call: Call) -> None:
    """403 unless every permission that the call needs is given on what it is about."""
    for permission, resource in needed(state, call):
        if not any(permission == given and resource.startswith(place) for given, place in rules):
            raise Refused(403, "forbidden", f"does not have {permission} access")


def needed(state: State, call: Call) -> Iterator[Rule]:
    """The permissions that a call needs, each with the object, or the bucket and prefix of a listing."""
    if json_api.is_json(call.path):
        yield from _json(state, call)
        return
    bucket, _, name = unquote(call.path.lstrip("/")).partition("/")
    if not name:
        yield "storage.objects.list", f"{bucket}/{call.query.get('prefix', '')}"
    elif call.method in {"GET", "HEAD"}:
        yield "storage.objects.get", f"{bucket}/{name}"
    elif call.method == "DELETE":
        ended = "uploadId" in call.query
        yield "storage.multipartUploads.abort" if ended else "storage.objects.delete", f"{bucket}/{name}"
    else:
        yield from _write(state, bucket, name)


def _json(state: State, call: Call) -> Iterator[Rule]:
    if match := json_api.UPLOAD.fullmatch(call.path):
        if "upload_id" not in call.query:  # what comes later was allowed when the upload began
            resource = json_api.resource_of_upload(call)
            yield from _write(state, unquote(match[1]), str(call.query.get("name") or resource.get("name")))
    elif match := json_api.COPY.fullmatch(call.path):
        yield "storage.objects.get", f"{unquote(match[1])}/{unquote(match[2])}"
        yield from _write(state, unquote(match[4]), unquote(match[5]))
    elif match := json_api.OBJECT.fullmatch(call.path):
        verb = {"GET": "get", "DELETE": "delete"}.get(call.method, "update")
        yield f"storage.objects.{verb}", f"{unquote(match[1])}/{unquote(match[2])}"
    elif match := json_api.OBJECTS.fullmatch(call.path):
        yield "storage.objects.list", f"{unquote(match[1])}/{call.query.get('prefix', '')}"
    elif match := json_api.BUCKET.fullmatch(call.path):
        yield f"storage.buckets.{call.method.lower()}", f"{unquote(match[1])}/"
    else:
        yield "storage.buckets.list", ""


def _write(state: State, bucket: str, name: str) -> Iterator[Rule]:
    yield "storage.objects.create", f"{bucket}/{name}"
    if bucket in state.buckets and name in state.buckets[bucket].live:
        yield "storage.objects.delete", f"{bucket}/{name}"
