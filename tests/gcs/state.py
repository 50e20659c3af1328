"""What the server holds: buckets, objects, generations, and the preconditions on them.

Sources: cloud.google.com/storage/docs/request-preconditions, /object-versioning, /buckets#naming and the
reference of the JSON API (2025). All changes happen between two awaits of one event loop, so each is atomic.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from datetime import UTC, datetime

import google_crc32c

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
FIELDS = {  # of an object's resource that a writer may set
    "contentType": "content-type",
    "contentEncoding": "content-encoding",
    "contentLanguage": "content-language",
    "contentDisposition": "content-disposition",
    "cacheControl": "cache-control",
}


class Refused(Exception):
    """The call is answered with an error status and changes nothing."""

    def __init__(self, status: int, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.status = status
        self.reason = reason
        self.message = message or reason


def not_found(what: str) -> Refused:
    return Refused(404, "notFound", f"No such {what}")


@dataclass
class Object:
    name: str
    data: bytes
    generation: int
    metageneration: int = 1
    fields: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    created: float = 0.0
    updated: float = 0.0
    crc32c: str = ""
    md5: str = ""

    @property
    def etag(self) -> str:
        """As the JSON API shows it: another one for each generation and metageneration."""
        return base64.b64encode(f"{self.generation}/{self.metageneration}".encode()).decode()

    @property
    def md5_hex(self) -> str:
        return base64.b64decode(self.md5).hex()


@dataclass(frozen=True)
class Conditions:
    """The preconditions of one call on one object; None where it names none."""

    generation: int | None = None
    not_generation: int | None = None
    metageneration: int | None = None
    not_metageneration: int | None = None

    def check(self, found: Object | None, *, reading: bool = False) -> None:
        """412 when one does not hold; 304 when a read names what the caller already has.

        Generation 0 is "no live object": it matches where there is none, and `not_generation=0` where there is.
        """
        generation = found.generation if found else 0
        metageneration = found.metageneration if found else None
        if self.generation is not None and self.generation != generation:
            raise Refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
        if self.metageneration is not None and self.metageneration != metageneration:
            raise Refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
        if self.not_generation is not None and (found is None or self.not_generation == generation):
            raise Refused(304 if reading else 412, "conditionNotMet", "The generation is the one named.")
        if self.not_metageneration is not None and (found is None or self.not_metageneration == metageneration):
            raise Refused(304 if reading else 412, "conditionNotMet", "The metageneration is the one named.")


ANY = Conditions()


class Bucket:
    def __init__(self, name: str, *, versioning: bool = False) -> None:
        self.name = name
        self.versioning = versioning
        self.created = time.time()
        self.live: dict[str, Object] = {}
        self.noncurrent: dict[tuple[str, int], Object] = {}
        self.names: list[str] = []  # of the live objects, in order
        self._last = 0

    def find(self, name: str, generation: int | None = None) -> Object | None:
        """The live object, or the one of that generation."""
        live = self.live.get(name)
        if generation is None or (live and live.generation == generation):
            return live
        return self.noncurrent.get((name, generation))

    def get(self, name: str, conditions: Conditions = ANY, generation: int | None = None, *, reading: bool) -> Object:
        """The object, or 404 before any precondition is looked at."""
        found = self.find(name, generation)
        if found is None:
            raise not_found(f"object: {self.name}/{name}")
        conditions.check(found, reading=reading)
        return found

    def insert(
        self,
        name: str,
        data: bytes,
        conditions: Conditions = ANY,
        *,
        fields: dict[str, str] | None = None,
        metadata: dict[str, str] | None = None,
        expected: dict[str, str] | None = None,
    ) -> Object:
        """A new generation, if the live object meets the conditions and the data its `expected` checksums."""
        if not 0 < len(name.encode()) <= 1024 or name in {".", ".."} or "\n" in name or "\r" in name:
            raise Refused(400, "invalid", f"Invalid object name: {name!r}")
        conditions.check(self.live.get(name))
        crc32c = base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
        md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        for kind, actual in (("crc32c", crc32c), ("md5", md5)):
            if (expected or {}).get(kind, actual) != actual:
                raise Refused(400, "invalid", f"Provided {kind} does not match the data: {actual}")
        now = time.time()
        self._last = max(self._last + 1, int(now * 1e6))
        made = Object(
            name, data, self._last, 1, dict(fields or {}), dict(metadata or {}), now, now, crc32c, md5
        )  # fmt: skip
        self._retire(name)
        self.live[name] = made
        insort(self.names, name)
        return made

    def patch(self, found: Object, fields: dict[str, str | None], metadata: dict[str, str | None] | None) -> None:
        """Merge: a null removes a key, `metadata` null removes them all; the generation stays."""
        _merge(found.fields, fields)
        if metadata is None:
            found.metadata.clear()
        else:
            _merge(found.metadata, metadata)
        found.metageneration += 1
        found.updated = time.time()

    def delete(self, found: Object) -> None:
        if self.live.get(found.name) is found:
            self._retire(found.name)
        else:
            del self.noncurrent[found.name, found.generation]

    def _retire(self, name: str) -> None:
        old = self.live.pop(name, None)
        if old is None:
            return
        del self.names[bisect_left(self.names, name)]
        if self.versioning:
            self.noncurrent[name, old.generation] = old

    def page(
        self, prefix: str, delimiter: str, after: str, limit: int, start: str = "", end: str = ""
    ) -> tuple[list[Object], list[str], str]:  # fmt: skip
        """Live objects and common prefixes below `prefix` and beyond `after`; the last one's name if there are more.

        Names from `start` (included) to `end` (not included; "": no end) only.
        """
        objects: list[Object] = []
        prefixes: list[str] = []
        last = after
        at = bisect_left(self.names, max(prefix, after, start))
        while at < len(self.names) and self.names[at].startswith(prefix) and (not end or self.names[at] < end):
            name = self.names[at]
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            shown = name if cut < 0 else name[: cut + len(delimiter)]
            if shown <= after:
                at += 1
                continue
            if len(objects) + len(prefixes) >= limit:
                return objects, prefixes, last
            if cut < 0:
                objects.append(self.live[name])
                at += 1
            else:
                prefixes.append(shown)
                at = bisect_left(self.names, shown + "\U0010ffff", lo=at)
            last = shown
        return objects, prefixes, ""


def _merge(into: dict[str, str], changes: dict[str, str | None]) -> None:
    for key, value in changes.items():
        if value is None:
            into.pop(key, None)
        else:
            into[key] = str(value)


@dataclass
class Upload:
    """An upload in more than one call: of the JSON API (resumable) or of the XML API (in numbered parts)."""

    bucket: Bucket
    name: str
    conditions: Conditions
    fields: dict[str, str]
    metadata: dict[str, str]
    expected: dict[str, str] = field(default_factory=dict)
    received: bytearray = field(default_factory=bytearray)
    parts: dict[int, bytes] = field(default_factory=dict)
    done: Object | None = None


class State:
    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.uploads: dict[str, Upload] = {}
        self.rewrites: dict[str, tuple[tuple[str, str, int, str, str], int]] = {}
        self.rewrite_bytes = 1 << 30  # at most so many in one call of rewriteTo

    def bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise not_found(f"bucket: {name}")
        return self.buckets[name]

    def create(self, name: str, *, versioning: bool = False) -> Bucket:
        if not BUCKET_NAME.fullmatch(name) or any(not 0 < len(part) < 64 for part in name.split(".")):
            raise Refused(400, "invalid", f"Invalid bucket name: {name!r}")
        if "." not in name and len(name) > 63:
            raise Refused(400, "invalid", f"Invalid bucket name: {name!r}")
        if name in self.buckets:
            raise Refused(409, "conflict", "Your previous request to create the named bucket succeeded.")
        self.buckets[name] = Bucket(name, versioning=versioning)
        return self.buckets[name]

    def drop(self, name: str) -> None:
        if self.bucket(name).live or self.bucket(name).noncurrent:
            raise Refused(409, "conflict", "The bucket you tried to delete is not empty.")
        del self.buckets[name]


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number(text: str | None) -> int | None:
    """A generation or count as a call gives it."""
    if text is None:
        return None
    if not re.fullmatch(r"-?\d{1,20}", text):
        raise Refused(400, "invalid", f"Invalid value: {text!r}")
    return int(text)


def page_size(text: str | None) -> int:
    """At most 1000 a page, as with Google's."""
    wanted = number(text)
    return 1000 if wanted is None or wanted <= 0 else min(wanted, 1000)
