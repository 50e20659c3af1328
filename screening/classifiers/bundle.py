"""Find and verify model bundles.

A bundle is a folder whose `bundle.json` lists every file with its sha256. There is no registry beside the folders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from screening.classifiers.fetch import copy_of, index_at, manifests, remote_manifest
from screening.classifiers.graph import check_graph
from screening.classifiers.index import check_index, number
from screening.classifiers.manifest import CARD, MANIFEST, Calibration, Manifest
from screening.errors import ConfigError
from screening.records import BundleId, Medium

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle in a local folder."""

    folder: Path
    manifest: Manifest
    id: BundleId
    calibration: Mapping[str, Calibration]

    @property
    def modality(self) -> Medium:
        """The kind of content that the bundle scores."""
        return self.manifest.modality

    @property
    def languages(self) -> tuple[str, ...]:
        """The ISO 639-1 codes of the languages that it reads; none if it scores pictures."""
        return self.manifest.languages if self.modality == "text" else ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label of every head, in the order of the heads."""
        return tuple(label for head in self.manifest.heads for label in head.scored)

    @property
    def file(self) -> str:
        """The path of the bundle's bundle.json, for messages."""
        return str(self.folder / MANIFEST)

    def read(self, name: str) -> bytes:
        """Return a listed file; it is verified at each read, so what was checked is what runs.

        Raises ConfigError if the file differs from the published one.
        """
        return _read(self.folder, self.manifest, name)


def find_bundles(place: str) -> list[Bundle]:
    """Return the highest version of every bundle at or below a folder or `gs://` prefix, sorted by name.

    Versions compare by number: 1.10 is above 1.9, and 1.2.0 equals 1.2. In a bucket with an index.json, a bundle that
    the index does not list is not published. Raises ConfigError if there is no bundle, if one version is in two
    places, if a bundle is incomplete, or if the folders and their index.json disagree.
    """
    found: dict[str, dict[tuple[int, ...], str]] = {}
    seen: list[tuple[str, str, Manifest]] = []
    for folder, raw in manifests(place):
        manifest = _validated(Manifest.model_validate_json, raw, f"{folder}/{MANIFEST}")
        seen.append((folder, hashlib.sha256(raw).hexdigest(), manifest))
        versions = found.setdefault(manifest.name, {})
        version = number(manifest.version)
        if version in versions:
            what = f"{manifest.name} {manifest.version} is there twice, also in {versions[version]}"
            raise ConfigError(what, file=f"{folder}/{MANIFEST}", fix="remove one of them")
        versions[version] = folder
    if not place.startswith("gs://") and (index := index_at(place)):
        check_index(index, seen, str(Path(place)))
    if not found:
        raise ConfigError(f"no bundle below {place}", fix=f"a bundle is a folder with a {MANIFEST}")
    return [load_bundle(versions[max(versions)]) for _, versions in sorted(found.items())]


def load_bundle(place: str) -> Bundle:
    """Return the bundle in a folder or at a `gs://` prefix, after verifying every file and the graph.

    Raises ConfigError, which names the file, what is wrong with it, and what to do.
    """
    if place.startswith("gs://"):
        raw, file = remote_manifest(place), f"{place.rstrip('/')}/{MANIFEST}"
        manifest = _validated(Manifest.model_validate_json, raw, file)
        folder = copy_of(place, raw, manifest.files)
    else:
        folder = Path(place)
        file = str(folder / MANIFEST)
        if not (folder / MANIFEST).is_file():
            raise ConfigError("no such file", file=file, fix=f"name the folder that holds {MANIFEST}")
        raw = (folder / MANIFEST).read_bytes()
        manifest = _validated(Manifest.model_validate_json, raw, file)
    _check_listing(folder, manifest)
    data = {name: _read(folder, manifest, name) for name in manifest.files}
    check_graph(data[manifest.model], manifest, file)
    calibration: dict[str, Calibration] = {}
    if manifest.calibration:
        where = str(folder / manifest.calibration)
        read = TypeAdapter(dict[str, Calibration]).validate_json
        calibration = _validated(read, data[manifest.calibration], where)
    bundle_id = BundleId(manifest.name, manifest.version, hashlib.sha256(raw).hexdigest())
    bundle = Bundle(folder, manifest, bundle_id, calibration)
    if unknown := sorted(set(calibration) - set(bundle.labels)):
        raise ConfigError(f"{unknown[0]!r} is not a label of the bundle", file=where, fix="publish the bundle again")
    return bundle


def _validated(read: Callable[[bytes], T], raw: bytes, file: str) -> T:
    try:
        return read(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{where}: {first['msg']}" if where else first["msg"]
        raise ConfigError(what, file=file, fix="publish the bundle again") from None


def _check_listing(folder: Path, manifest: Manifest) -> None:
    file, there = str(folder / MANIFEST), {path.name for path in folder.iterdir()}
    if gone := sorted(set(manifest.files) - there):
        raise ConfigError(f"{gone[0]} is missing", file=file, fix="publish the bundle again")
    if extra := sorted(there - set(manifest.files) - {MANIFEST, CARD}):
        raise ConfigError(f"{extra[0]} is not listed", file=file, fix="remove it from the bundle")


def _read(folder: Path, manifest: Manifest, name: str) -> bytes:
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise ConfigError(f"{name} can't be read: {error.strerror}", file=str(folder / MANIFEST)) from None
    if hashlib.sha256(data).hexdigest() != manifest.files[name]:
        raise ConfigError(
            f"{name} is not the file that was published: its sha256 differs",
            file=str(folder / MANIFEST),
            fix="fetch the bundle again, or publish a new version",
        )
    return data
