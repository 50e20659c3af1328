"""Places as people write them, and whether two of them overlap."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from screening.errors import ConfigError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def place(written: str) -> str:
    """A `gs://` URI as it is, a path or `file://` URI as an absolute path in which no folder is a link.

    So every path that a job keeps is real, and a link found on the way later was put there since. Only the last part
    stays as it is where it is no folder: a link may be an upload, and is refused as one. ConfigError for any other
    scheme.
    """
    if written.startswith("gs://"):
        return written.rstrip("/")
    path = local_path(written)
    path = os.path.abspath(os.path.expanduser(path))
    if Path(path).is_dir():
        return os.path.realpath(path)
    above, name = os.path.split(path)
    return os.path.join(os.path.realpath(above), name)


def local_path(written: str) -> str:
    """The path that a person means by a path or a `file://` URI; ConfigError for another scheme."""
    if written.lower().startswith("file:/"):
        uri = urlsplit(written)
        if uri.netloc not in ("", "localhost"):
            raise ConfigError(f"{written!r} names another machine", fix="write file:///path, or the path alone")
        return unquote(uri.path)
    if _SCHEME.match(written):
        scheme = written.partition(":")[0]
        raise ConfigError(
            f"no store for {written!r}: {scheme}:// is not supported",
            fix=f"give a folder or gs://bucket/prefix; a folder whose name begins so is ./{scheme}:/…",
        )
    return written


def overlap(one: str, other: str) -> bool:
    """Whether one place is the other, or lies inside it; also where another path leads to the same folder."""
    if one.startswith("gs://") or other.startswith("gs://"):
        return one == other or _inside(one, other) or _inside(other, one)
    return _reaches(one, other) or _reaches(other, one)


def _inside(place: str, around: str) -> bool:
    return place.startswith(around.rstrip("/") + "/")


def _reaches(path: str, around: str) -> bool:
    """Whether `around` is `path` or a folder above it, by name or, for a mount or another spelling, by inode."""
    path, around = os.path.realpath(path), os.path.realpath(around)
    if path == around or _inside(path, around):
        return True
    try:
        wanted = Path(around).stat()
    except OSError:  # not there yet
        return False
    for folder in (Path(path), *Path(path).parents):
        try:
            if os.path.samestat(folder.stat(), wanted):
                return True
        except OSError:
            continue
    return False
