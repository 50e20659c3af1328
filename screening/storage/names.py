"""Names of objects: which are safe to release under, and how they lie below a prefix."""

from __future__ import annotations

import unicodedata

from screening.errors import ConfigError, UploadError

_UNSEEN = "\u115f\u1160\u3164\uffa0"  # of no width, and letters: Unicode's default ignorable code points
SIDECAR = ".screening"  # the folder of our own files beside those of others; never listed, never a target


def join(prefix: str, name: str) -> str:
    """The URI of `name` below `prefix`; UploadError("invalid_name") for a name that would escape it."""
    if problem := name_problem(name, bucket=prefix.startswith("gs://")):
        raise UploadError("invalid_name", problem)
    return f"{prefix.rstrip('/')}/{name}"


def name_problem(name: str, *, bucket: bool) -> str:
    """Why an object can't be released under this name; "" when it can.

    A bucket knows no folders, so an empty part ("a//b") is another name there; in a folder it is not.
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
    """Whether a file system may take this for our own folder, as some fold case, width or invisible characters."""
    if not part.isascii():
        seen = (sign for sign in part if unicodedata.category(sign) not in ("Cf", "Mn") and sign not in _UNSEEN)
        part = unicodedata.normalize("NFKC", "".join(seen))
    return part.casefold() == SIDECAR


def split_gs(uri: str) -> tuple[str, str]:
    """Bucket and object name (or prefix, "" for the whole bucket) of a `gs://` URI."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket:
        raise ConfigError(f"{uri!r} names no bucket", fix="write gs://bucket/prefix")
    return bucket, name
