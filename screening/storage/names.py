"""Check which names are safe to release objects under, and join them to a prefix."""

from __future__ import annotations

import unicodedata

from screening.errors import ConfigError, UploadError

_UNSEEN = "\u115f\u1160\u3164\uffa0"  # letters without width, from Unicode's default ignorable code points
SIDECAR = ".screening"  # the folder of our own files beside the uploads; it is never listed and never a target


def join(prefix: str, name: str) -> str:
    """Return the URI of `name` below `prefix`. Raises UploadError `invalid_name` for a name that would escape it."""
    if problem := name_problem(name, bucket=prefix.startswith("gs://")):
        raise UploadError("invalid_name", problem)
    return f"{prefix.rstrip('/')}/{name}"


def name_problem(name: str, *, bucket: bool) -> str:
    """Return why an object can't be released under this name, or "" if it can.

    "a//b" is a name of its own in a bucket, which has no folders; in a folder it is not, so it is refused.
    """
    parts = name.split("/")
    if not name or name.startswith("/"):
        return "the name is empty or absolute"
    if any(part in {".", ".."} for part in parts):
        return "the name leads out of its folder"
    if "\0" in name:
        return "the name has a NUL"
    if not bucket and (not all(parts) or any(map(_is_reserved, parts))):
        return "the name has an empty or a reserved part"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "the name is not UTF-8"
    return ""


def _is_reserved(part: str) -> bool:
    """Return whether a file system may take this for our own folder; some ignore case, width or hidden characters."""
    if not part.isascii():
        seen = (sign for sign in part if unicodedata.category(sign) not in ("Cf", "Mn") and sign not in _UNSEEN)
        part = unicodedata.normalize("NFKC", "".join(seen))
    return part.casefold() == SIDECAR


def split_gs(uri: str) -> tuple[str, str]:
    """Return the bucket and the object name (or prefix, "" for the whole bucket) of a `gs://` URI.

    Raises ConfigError if it names no bucket.
    """
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket:
        raise ConfigError(f"{uri!r} names no bucket", fix="write gs://bucket/prefix")
    return bucket, name
