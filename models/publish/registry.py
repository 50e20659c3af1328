"""Keep the index of published bundles: the versions of each name, and the digest of each version."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from screening.classifiers.index import INDEX, Index, Listed, index_of, read_index
from screening.classifiers.manifest import MANIFEST, Manifest
from screening.errors import ConfigError
from screening.storage import join, open_store

log = logging.getLogger("models.registry")


def enter(root: str, name: str, version: str, sha256: str) -> None:
    """Add a published version to the index; a new index also gets all versions that are there already.

    No entry of another publisher is lost.
    """
    file = join(root, INDEX)

    def with_it(before: bytes | None) -> bytes:
        listed = read_index(before, file).listed if before is not None else published(root)
        return _written(index_of({**listed, (name, version): sha256}))

    open_store(root).update(file, with_it)


def reindex(root: str) -> Index:
    """Write the index again from every bundle.json below `root`, and return it."""
    index = index_of(published(root))
    open_store(root).update(join(root, INDEX), lambda _: _written(index))
    return index


def published(root: str) -> Listed:
    """Return every version below `root`. Raises ConfigError if one is not at NAME/VERSION."""
    store, listed = open_store(root), {}
    for item in store.list(root):
        folder, _, name = item.name.rpartition("/")
        if name != MANIFEST or any(part.startswith(".") for part in folder.split("/")):
            continue
        raw = store.get(item.uri)
        manifest = Manifest.model_validate_json(raw)
        if folder != f"{manifest.name}/{manifest.version}":
            raise ConfigError("it is not at ROOT/NAME/VERSION", file=item.uri, fix="move its folder there")
        listed[manifest.name, manifest.version] = hashlib.sha256(raw).hexdigest()
    return listed


def store_root(root: str | Path) -> str:
    """Return a root as its store names it: an absolute path or a `gs://` prefix, without a slash at the end."""
    said = str(root).rstrip("/")
    return said if "://" in said else str(Path(root).absolute())


def _written(index: Index) -> bytes:
    return (index.model_dump_json(indent=1) + "\n").encode()
