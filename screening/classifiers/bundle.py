"""A model bundle: a folder whose `bundle.json` lists every file with its sha256. The folder is the registry."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from screening.classifiers.manifest import Calibration, Manifest
from screening.errors import ConfigError
from screening.records import BundleId, Medium

MANIFEST = "bundle.json"
EXTRAS = {"MODEL_CARD.md"}  # may lie beside the listed files, and is read by people only
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
        """The kind of content it scores."""
        return self.manifest.modality

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label of every head, in the order of the heads."""
        return tuple(label for head in self.manifest.heads for label in head.labels)


def find_bundles(place: str) -> list[Bundle]:
    """Every bundle at or below a folder or `gs://` prefix, the highest version of each name, by name.

    Raises ConfigError when there is none, or one of them is not whole.
    """
    root = _local(place)
    found: dict[str, Bundle] = {}
    for path in sorted(root.rglob(MANIFEST)):
        bundle = load_bundle(str(path.parent))
        standing = found.get(bundle.id.name)
        if standing and _version(standing) == _version(bundle):
            raise ConfigError(f"{bundle.id.name} {bundle.id.version} stands twice below {place}", fix="remove one")
        if standing is None or _version(bundle) > _version(standing):
            found[bundle.id.name] = bundle
    if not found:
        raise ConfigError(f"no bundle below {place}", fix=f"a bundle is a folder with a {MANIFEST}")
    return [found[name] for name in sorted(found)]


def load_bundle(place: str) -> Bundle:
    """The bundle in a folder or at a `gs://` prefix, every file verified; ConfigError says what is off."""
    folder = _local(place)
    path = folder / MANIFEST
    if not path.is_file():
        raise ConfigError("no such file", file=str(path), fix="name the folder that holds bundle.json")
    raw = path.read_bytes()
    manifest = _validated(Manifest.model_validate_json, raw, path)
    _verify_files(folder, manifest)
    calibration: dict[str, Calibration] = {}
    if manifest.calibration:
        table = folder / manifest.calibration
        read = TypeAdapter(dict[str, Calibration]).validate_json
        calibration = _validated(read, table.read_bytes(), table)
    bundle_id = BundleId(manifest.name, manifest.version, hashlib.sha256(raw).hexdigest())
    bundle = Bundle(folder, manifest, bundle_id, calibration)
    if unknown := sorted(set(calibration) - set(bundle.labels)):
        raise ConfigError(
            f"label {unknown[0]!r} is no label of the bundle", file=str(folder / str(manifest.calibration))
        )
    return bundle


def _validated(read: Callable[[bytes], T], raw: bytes, path: Path) -> T:
    try:
        return read(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{where}: {first['msg']}" if where else first["msg"], file=str(path), fix="publish the bundle again"
        ) from None


def _verify_files(folder: Path, manifest: Manifest) -> None:
    there = {path.name for path in folder.iterdir()} - {MANIFEST} - EXTRAS
    if gone := sorted(set(manifest.files) - there - EXTRAS):
        raise ConfigError(f"{gone[0]} is missing", file=str(folder / MANIFEST), fix="publish the bundle again")
    if extra := sorted(there - set(manifest.files)):
        raise ConfigError(f"{extra[0]} is not listed", file=str(folder / MANIFEST), fix="remove it from the bundle")
    for name, expected in manifest.files.items():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != expected:
                raise ConfigError(
                    f"{name} is not the file that was published: its sha256 differs",
                    file=str(folder / MANIFEST),
                    fix="fetch the bundle again, or publish a new version",
                )


def _version(bundle: Bundle) -> tuple[int, ...]:
    return tuple(int(part) for part in bundle.id.version.split("."))


def _local(place: str) -> Path:
    """The folder itself, or a copy of a `gs://` prefix made once a process; its files are verified as any."""
    if not place.startswith("gs://"):
        return Path(place)
    if place not in _fetched:
        from screening.storage import join, open_store

        store, root = open_store(place), Path(tempfile.mkdtemp(prefix=f"bundles-{os.getpid()}-"))
        for item in store.list(place):
            target = Path(join(str(root), item.name))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(store.get(item.uri))
        _fetched[place] = root
    return _fetched[place]


_fetched: dict[str, Path] = {}
