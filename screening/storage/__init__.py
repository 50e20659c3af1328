"""Local folders and Google Cloud Storage behind one small interface.

The URI of a local object is its absolute path, in which no part is a link; that of an object in a bucket
`gs://bucket/name`. `place` makes such a URI of what people write. A generation
names one state of an object: what a bucket numbers, and for a local file its change time, which its owner
can't set. Every act on an upload is bound to the generation that was listed.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import BinaryIO, Protocol

from screening.errors import ConfigError
from screening.records import Upload
from screening.storage.local import LocalStore
from screening.storage.names import join
from screening.storage.places import is_away, local_path, overlap, place

__all__ = ["LocalStore", "Store", "delta_options", "is_away", "join", "local_path", "open_store", "overlap", "place"]

EMULATOR = "STORAGE_EMULATOR_HOST"  # the variable that Google's own clients read


class Store(Protocol):
    """What the product needs of a place that holds objects; usable from many threads.

    Every call may raise `TransientError`, after retries with back-off, and `UploadError("unreadable")` where
    access is denied.
    """

    def list(self, prefix: str, start: str = "", end: str = "") -> Iterator[Upload]:
        """Every object below the folder or `gs://bucket/prefix`, by URI; ConfigError when there is no such place.

        Those with names from `start` up to `end` (not included; "": no end), so ranges that meet give each object
        once. What can't be an upload (a link, a device, a name that is not UTF-8) is listed with its `problem`. Such a
        name is written out, with `\\xff` for a byte, `\\` doubled and a `/` at its end, so that no file has the same.
        """
        ...

    def split(self, prefix: str, start: str, end: str, pieces: int) -> Sequence[str]:
        """Names, in order, at which to cut a range of a listing into about `pieces` of some balance."""
        ...

    def stat(self, uri: str, name: str = "") -> Upload:
        """The object as it is now; UploadError("not_found") when there is none."""
        ...

    def read(self, uri: str, generation: int, max_bytes: int) -> bytes:
        """The bytes of that very generation.

        Raises `Replaced` for another generation, UploadError("not_found"), and UploadError("too_large") for
        more than `max_bytes` without holding more than those in memory.
        """
        ...

    def copy(self, uri: str, generation: int, target: str, *, sha256: str, replaces: Collection[str] = ()) -> bool:
        """Copy that generation to the URI `target`; False when `target` already is its copy.

        What stands at `target` is replaced, at once and whole, only if it is the copy of an earlier generation of the
        same upload: a bucket's objects say so themselves, a file is one when its SHA-256 is among `replaces`. Raises
        TargetError when anything else stands there, or the target can't be made; `Replaced` when the source is another
        generation (or, locally, no longer has `sha256`), UploadError("not_found") when it is gone.
        """
        ...

    def withdraw(self, target: str, uri: str, generation: int, *, sha256: str) -> bool:
        """Delete `target`, which `copy` made of that generation of `uri`; False when it is gone already.

        Raises `Replaced` when another object stands there.
        """
        ...

    def delete(self, uri: str, generation: int) -> None:
        """Delete that generation, `Replaced` if it is another; nothing to do when the object is gone."""
        ...

    def label(self, uri: str, generation: int, metadata: Mapping[str, str]) -> None:
        """Add to the metadata of that generation; `Replaced` if it is another."""
        ...

    def open(self, uri: str, generation: int) -> BinaryIO:
        """That generation of an object of our own as a file, to be closed; its reads raise `Replaced` for another."""
        ...

    def get(self, uri: str) -> bytes:
        """A whole object of our own (a report, a bank); UploadError("not_found") when there is none."""
        ...

    def put(self, uri: str, data: bytes) -> None:
        """Write a whole object of our own, at once; what was there before is overwritten."""
        ...

    def update(self, uri: str, change: Callable[[bytes | None], bytes]) -> None:
        """Make of an object of our own (None: there is none) what `change` gives; no other `update` of it is lost.

        `change` may be asked again, and what it raises leaves the object as it is.
        """
        ...

    def exists(self, uri: str) -> bool:
        """Whether there is an object at `uri`."""
        ...


def open_store(uri: str) -> Store:
    """The store that holds `uri`: one of each kind in a process."""
    if not uri.startswith("gs://"):
        local_path(uri)  # no other scheme
        return _LOCAL
    # A forked child must not share its parent's connections, nor a test those of another server.
    key = (os.getpid(), os.environ.get(EMULATOR, ""))
    with _lock:
        if key not in _buckets:
            try:
                from screening.storage.gcs import GcsStore
            except ImportError:
                raise ConfigError(
                    "gs:// needs google-cloud-storage", fix="pip install 'content-screening[gcp]'"
                ) from None
            _buckets.clear()
            _buckets[key] = GcsStore()
        return _buckets[key]


_LOCAL = LocalStore()
_buckets: dict[tuple[int, str], Store] = {}
_lock = threading.Lock()


def delta_options(uri: str) -> dict[str, str]:
    """The `storage_options` with which delta-rs reaches `uri`; empty unless an emulator stands in for Google's."""
    host = os.environ.get(EMULATOR, "")
    if not uri.startswith("gs://") or not host:
        return {}
    account = {
        "gcs_base_url": host if "://" in host else f"http://{host}",
        "disable_oauth": True,
        "client_email": "",
        "private_key": "",
        "private_key_id": "",
    }
    return {"google_service_account_key": json.dumps(account)}
