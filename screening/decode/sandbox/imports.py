"""End all importing: nothing can be loaded behind walls, and an installed module must not seem to be missing."""

from __future__ import annotations

import encodings
import importlib
import pkgutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.machinery import BuiltinImporter, FrozenImporter
from pathlib import Path

LATE = ("_strptime", "unicodedata")  # C code imports these when it first needs them: datetime.strptime, "\N{...}"


class LateImport(BaseException):
    """An installed module was imported too late. No `except Exception` of a library can hide this error."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Closed:
    """A finder that knows which modules are installed, finds none, and never looks at the file system."""

    def __init__(self) -> None:
        packages = ((name, vars(module).get("__path__")) for name, module in list(sys.modules.items()))
        self._there = {name: _stems(path) for name, path in packages if path} | {"": _stems(sys.path)}

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        package, _, stem = name.rpartition(".")
        if stem in self._there.get(package, ()):
            raise LateImport(name)


def finish() -> None:
    """Import the modules that are only imported by name, then forbid all further imports.

    From then on, importing an installed module raises LateImport, and any other ImportError.
    """
    for name in LATE:
        importlib.import_module(name)
    # Python imports a codec when its name is first used, and what an upload holds may be in any charset.
    for codec in pkgutil.iter_modules(encodings.__path__):
        with suppress(ImportError):  # those of other systems
            importlib.import_module(f"encodings.{codec.name}")
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter, _Closed()]


def _stems(places: Iterable[str]) -> set[str]:
    folders = filter(Path.is_dir, map(Path, places))
    return {entry.name.partition(".")[0] for folder in folders for entry in folder.iterdir()}
