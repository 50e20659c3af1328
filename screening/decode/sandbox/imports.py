"""The end of importing: behind walls nothing can be loaded, and what is there must not pass for what is not."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from importlib.machinery import BuiltinImporter, FrozenImporter
from pathlib import Path

# Python imports a codec when its name is first used; these are named in the libraries, or in what they read.
CODECS = (
    "ascii", "cp1252", "idna", "latin_1", "punycode", "raw_unicode_escape", "unicode_escape",
    "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_8", "utf_8_sig",
)  # fmt: skip
LATE = ("_strptime", "unicodedata")  # what C code imports when it first needs it: datetime.strptime, "\N{...}"


class LateImport(BaseException):
    """A module that is installed was to be imported too late; no `except Exception` of a library may hide it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Closed:
    """A finder that knows which modules there are, finds none, and never looks at the file system."""

    def __init__(self) -> None:
        packages = ((name, vars(module).get("__path__")) for name, module in list(sys.modules.items()))
        self._there = {name: _stems(path) for name, path in packages if path} | {"": _stems(sys.path)}

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        package, _, stem = name.rpartition(".")
        if stem in self._there.get(package, ()):
            raise LateImport(name)


def finish() -> None:
    """Import what is imported by name only, then no more: LateImport from now on, ImportError for what isn't there."""
    for name in (*(f"encodings.{codec}" for codec in CODECS), *LATE):
        importlib.import_module(name)
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter, _Closed()]


def _stems(places: Iterable[str]) -> set[str]:
    folders = filter(Path.is_dir, map(Path, places))
    return {entry.name.partition(".")[0] for folder in folders for entry in folder.iterdir()}
