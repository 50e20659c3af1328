"""Understand places (folders and URIs) as people write them, and tell whether two of them overlap."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

from screening.errors import ConfigError

_SCHEME = re.compile(r"\s*[^/.\s][^/]*:/")  # also misspelled schemes: `s3:/`, `my_s3://`
_GS = re.compile(r"gs://[^/\s][^/]*")


def place(written: str) -> str:
    """Return a `gs://` URI as it is, and a path or `file://` URI as an absolute path in which no folder is a link.

    So every path that a job keeps is real, and a link that is found on it later was put there since. Only a last part
    that is not a folder stays as it is: it may be an upload, and if it is a link, it is refused as an upload. Raises
    ConfigError for any other scheme, an empty text or an impossible path.
    """
    if _GS.match(written):
        return written.rstrip("/")
    if not written.strip():
        raise ConfigError("a path or URI is empty", fix="give a folder or gs://bucket/prefix; is a variable unset?")
    try:
        if "\0" in written:
            raise ValueError("it has a NUL character")
        path = os.path.abspath(os.path.expanduser(local_path(written)))
        if Path(path).is_dir():
            return os.path.realpath(path)
        above, name = os.path.split(path)
        return os.path.join(os.path.realpath(above), name)
    except (ValueError, OSError) as error:  # a NUL; a name that is too long
        raise ConfigError(f"{written!r} can't be a path: {error}", fix="give a folder or gs://bucket/prefix") from None


def local_path(written: str) -> str:
    """Return the path that a person means by a path or a `file://` URI. Raises ConfigError for another scheme."""
    if written.lower().startswith("file:/"):
        rest = written[len("file:") :]
        host, _, path = rest[2:].partition("/") if rest.startswith("//") else ("", "", rest[1:])
        if host not in ("", "localhost"):
            raise ConfigError(f"{written!r} is on another machine", fix="write file:///path, or the path alone")
        return f"/{unquote(path)}"
    if _SCHEME.match(written):
        scheme = written.partition(":")[0].strip()
        what = "it names no bucket" if scheme == "gs" else f"{scheme}:// is not supported"
        raise ConfigError(
            f"{written!r} can't be read or written: {what}",
            fix=f"give a folder or gs://bucket/prefix; if it is a folder, write ./{scheme}:/…",
        )
    return written


def is_away(folder: str) -> bool:
    """Return whether a local folder is missing or empty, as when its disk is not mounted."""
    if folder.startswith("gs://"):
        return False
    try:
        with os.scandir(folder or "/") as entries:
            return next(entries, None) is None
    except OSError:
        return True


def overlap(one: str, other: str) -> bool:
    """Return whether one place is the other or lies inside it, even if different paths lead to the same folder."""
    if one.startswith("gs://") or other.startswith("gs://"):
        return one == other or _inside(one, other) or _inside(other, one)
    return _reaches(one, other) or _reaches(other, one)


def _inside(place: str, around: str) -> bool:
    return place.startswith(around.rstrip("/") + "/")


def _reaches(path: str, around: str) -> bool:
    """Return whether `around` is `path` or a folder above it: by name, or by inode for mounts and other spellings."""
    path, around = os.path.realpath(path), os.path.realpath(around)
    if path == around or _inside(path, around):
        return True
    try:
        wanted = Path(around).stat()
    except OSError:  # it does not exist yet
        return False
    for folder in (Path(path), *Path(path).parents):
        try:
            if os.path.samestat(folder.stat(), wanted):
                return True
        except OSError:
            continue
    return False
