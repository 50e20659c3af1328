"""Fetch bundles from a bucket: each is copied once per user and digest, and read from that copy."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from screening.classifiers.index import INDEX, Index, read_index
from screening.classifiers.manifest import MANIFEST
from screening.errors import ConfigError, UploadError
from screening.storage import join, open_store


def manifests(place: str) -> Iterator[tuple[str, bytes]]:
    """Yield the folder (or `gs://` prefix) and the bundle.json of every bundle at or below `place`, sorted by folder.

    A folder whose name begins with a dot is a draft and is left out. If a bucket has an index.json at `place`, the
    bucket is not listed: the latest version of each name comes from the index. Raises ConfigError if the sha256 of one
    is not the one in the index.
    """
    if not place.startswith("gs://"):
        for path in sorted(Path(place).rglob(MANIFEST)):
            if not any(part.startswith(".") for part in path.relative_to(place).parts):
                yield str(path.parent), path.read_bytes()
        return
    if index := index_at(place):
        for name, versions in index.bundles.items():
            folder = join(place, f"{name}/{versions.latest}")
            raw = remote_manifest(folder)
            if hashlib.sha256(raw).hexdigest() != versions.versions[versions.latest]:
                what = f"the sha256 of {folder}/{MANIFEST} is not the published one"
                raise ConfigError(what, file=join(place, INDEX), fix="publish a new version")
            yield folder, raw
        return
    store = open_store(place)
    for item in store.list(place):
        if item.name.rpartition("/")[2] == MANIFEST:
            yield item.uri.rpartition("/")[0], store.get(item.uri)


def index_at(root: str) -> Index | None:
    """Return the index.json of a folder or `gs://` prefix; None if there is none.

    Raises ConfigError if it can't be read.
    """
    file = f"{root.rstrip('/')}/{INDEX}"
    try:
        return read_index(open_store(root).get(file), file)
    except UploadError as error:
        if error.reason == "not_found":
            return None
        raise ConfigError(f"can't be read: {error}", file=file) from None


def remote_manifest(place: str) -> bytes:
    """Return the bundle.json at a `gs://` prefix. Raises ConfigError if there is none."""
    return _get(join(place, MANIFEST))


def copy_of(place: str, raw: bytes, files: dict[str, str]) -> Path:
    """Return a local folder with `raw` as its bundle.json and the `files` (name to sha256) of the `gs://` prefix.

    The folder is in the user's cache and named by the digest of `raw`, so versions never mix. It appears whole or not
    at all, and one that is no longer whole is made again. Raises ConfigError if a file can't be read or has another
    sha256.
    """
    folder = _cache() / hashlib.sha256(raw).hexdigest()
    if _whole(folder, raw, files):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
    try:
        (draft / MANIFEST).write_bytes(raw)
        for name, sha256 in files.items():
            data = _get(join(place, name))
            if hashlib.sha256(data).hexdigest() != sha256:
                raise ConfigError(
                    f"{name} is not the file that was published: its sha256 differs",
                    file=join(place, MANIFEST),
                    fix="publish the bundle again, as a new version",
                )
            (draft / name).write_bytes(data)
        if folder.exists() and not _whole(folder, raw, files):
            shutil.rmtree(folder)
        try:
            draft.rename(folder)
        except OSError:  # another process was first, with the same bytes
            if not _whole(folder, raw, files):
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _whole(folder: Path, raw: bytes, files: dict[str, str]) -> bool:
    wanted = {**files, MANIFEST: hashlib.sha256(raw).hexdigest()}
    try:
        return {path.name for path in folder.iterdir()} == set(wanted) and all(
            hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256 for name, sha256 in wanted.items()
        )
    except OSError:
        return False


def _get(uri: str) -> bytes:
    try:
        return open_store(uri).get(uri)
    except UploadError as error:
        raise ConfigError(f"can't be read: {error}", file=uri, fix="name the gs:// prefix of a whole bundle") from None


def _cache() -> Path:
    """Return this user's XDG cache; a worker without a home has it in the folder for temporary files."""
    home = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("HOME") and f"{os.environ['HOME']}/.cache")
    base = Path(home) if home else Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"
    return base / "content-screening" / "bundles"
