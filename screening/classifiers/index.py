"""Read and check `index.json`, the list of the bundles below a root: their names, versions and sha256.

The folders hold what is published, and the index says which of them count. So a bucket need not be listed, and a
bundle that is only half uploaded is not seen. The sha256 is that of each version's bundle.json.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from screening.classifiers.manifest import MANIFEST, Manifest, Name, Sha256, Version
from screening.errors import ConfigError

INDEX = "index.json"
FIX = "run python -m models.registry ROOT, which writes it again from the folders"
Listed = dict[tuple[str, str], str]  # name and version to the sha256 of bundle.json


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Versions(_Strict):
    """The versions of one bundle; `latest` is the highest by number."""

    latest: Version
    versions: dict[Version, Sha256]

    @model_validator(mode="after")
    def _latest_is_highest(self) -> Versions:
        if self.latest not in self.versions or self.latest != max(self.versions, key=number):
            raise ValueError(f"{self.latest} is not the highest of its versions")
        return self


class Index(_Strict):
    """The content of `index.json`, format 1."""

    format: Literal[1] = 1
    bundles: dict[Name, Versions]

    @property
    def listed(self) -> Listed:
        """Every version of every name, with the sha256 of its bundle.json."""
        return {(name, version): s for name, each in self.bundles.items() for version, s in each.versions.items()}


def number(version: str) -> tuple[int, ...]:
    """Return a version as numbers that compare: 1.10 is above 1.9, and 1.2.0 equals 1.2."""
    parts = [int(part) for part in version.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def index_of(listed: Listed) -> Index:
    """Return the index that lists these versions."""
    names: dict[str, dict[str, str]] = {}
    for (name, version), sha256 in sorted(listed.items(), key=lambda item: (item[0][0], number(item[0][1]))):
        names.setdefault(name, {})[version] = sha256
    return Index(bundles={n: Versions(latest=max(v, key=number), versions=v) for n, v in names.items()})


def read_index(raw: bytes, file: str) -> Index:
    """Return what an index.json holds. Raises ConfigError if it is malformed."""
    try:
        return Index.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "index"
        raise ConfigError(f"{where}: {first['msg']}", file=file, fix=FIX) from None


def check_index(index: Index, found: Iterable[tuple[str, str, Manifest]], root: str) -> None:
    """Check an index against the folders below its root; raises ConfigError if they disagree.

    `found` gives, for every bundle that is there, its folder, the sha256 of its bundle.json, and the manifest in it.
    """
    file, left = f"{root}/{INDEX}", index.listed
    for folder, sha256, manifest in found:
        wanted = left.pop((manifest.name, manifest.version), None)
        if wanted is None:
            raise ConfigError(f"{folder} is not in the index, so it is not published", file=file, fix=FIX)
        if folder != f"{root}/{manifest.name}/{manifest.version}":
            raise ConfigError(
                f"{folder} is not ROOT/{manifest.name}/{manifest.version}", file=file, fix="move it there"
            )
        if wanted != sha256:
            raise ConfigError(
                f"the sha256 of {folder}/{MANIFEST} is not the published one", file=file, fix="fetch the bundle again"
            )
    for name, version in left:
        raise ConfigError(f"{name}/{version} is listed but its folder is missing", file=file, fix=FIX)
