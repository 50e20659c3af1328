"""Read and write objects in local folders and in Google Cloud Storage through one small interface.

A local object's URI is its absolute path, in which no part is a link; an object in a bucket has the URI
`gs://bucket/name`. `place` turns what people write into such a URI. A generation names one state of an object: in a
bucket it is a number, for a local file its change time, which its owner can't set. Every act on an upload is bound to
the generation that was listed.
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
    """What the product needs of a place that holds objects. Many threads may use one store.

    Every call may raise TransientError, after retries with back-off, and UploadError `unreadable` if access is denied.
    """

    def list(self, prefix: str, start: str = "", end: str = "") -> Iterator[Upload]:
        """Yield every object below a folder or `gs://bucket/prefix`, in the order of their URIs.

        Only names from `start` up to but not including `end` are listed ("" means no end), so adjacent ranges give
        each object once. Anything that can't be an upload (a link, a device, a name that is not UTF-8) is listed with
        its `problem`. A name that is not UTF-8 is spelled with `\\xff` for such a byte, `\\` doubled and a `/` at the
        end, so that no file has the same name. Raises ConfigError if there is no such place.
        """
        ...

    def split(self, prefix: str, start: str, end: str, pieces: int) -> Sequence[str]:
        """Return names, in order, at which to cut a range of a listing into about `pieces` parts of similar size."""
        ...

    def stat(self, uri: str, name: str = "") -> Upload:
        """Return the object as it is now. Raises UploadError `not_found` if there is none."""
        ...

    def read(self, uri: str, generation: int, max_bytes: int) -> bytes:
        """Return the bytes of exactly that generation, unpacked if a bucket stores them with a Content-Encoding.

        Raises Replaced if the object is another generation, and UploadError with `not_found`, or with `too_large` for
        more than `max_bytes`, without ever holding more than those in memory.
        """
        ...

    def copy(
        self,
        uri: str,
        generation: int,
        target: str,
        *,
        sha256: str,
        content_type: str = "",
        replaces: Collection[str] = (),
    ) -> bool:
        """Copy that generation to the URI `target`; return False if `target` is its copy already.

        In a bucket, the copy has the screened `content_type`, whatever the upload claims to be.

        An object at `target` is replaced, atomically, only if it is the copy of an earlier generation of the same
        upload: objects in a bucket record that themselves, and a file counts as one if its SHA-256 is in `replaces`.
        Raises TargetError if anything else is there or the target can't be made, Replaced if the source is another
        generation (or, locally, no longer has `sha256`), and UploadError `not_found` if the source is gone.
        """
        ...

    def withdraw(self, target: str, uri: str, generation: int, *, sha256: str) -> bool:
        """Delete `target`, which `copy` made from that generation of `uri`; return False if it is gone already.

        Raises Replaced if another object is there.
        """
        ...

    def delete(self, uri: str, generation: int) -> None:
        """Delete that generation; do nothing if the object is gone. Raises Replaced if it is another generation."""
        ...

    def label(self, uri: str, generation: int, metadata: Mapping[str, str]) -> None:
        """Add to the metadata of that generation. Raises Replaced if the object is another generation."""
        ...

    def open(self, uri: str, generation: int) -> BinaryIO:
        """Open that generation of an object of our own; the caller closes it. A read raises Replaced for another."""
        ...

    def get(self, uri: str) -> bytes:
        """Return a whole object of our own (a report, a bank). Raises UploadError `not_found` if there is none."""
        ...

    def put(self, uri: str, data: bytes) -> None:
        """Atomically write a whole object of our own, replacing what was there before."""
        ...

    def update(self, uri: str, change: Callable[[bytes | None], bytes]) -> None:
        """Atomically replace an object of our own with `change(current)`; `current` is None if there is none.

        `change` may be called more than once, so that no other `update` is lost. If it raises, nothing is replaced.
        """
        ...

    def exists(self, uri: str) -> bool:
        """Return whether there is an object at `uri`."""
        ...


def open_store(uri: str) -> Store:
    """Return the store that holds `uri`; a process has one of each kind. Raises ConfigError for an unknown scheme."""
    if not uri.startswith("gs://"):
        local_path(uri)  # raises for any other scheme
        return _LOCAL
    # A forked child must not share its parent's connections, and a test must not share those to another server.
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
    """Return the `storage_options` with which delta-rs reaches `uri`; empty unless an emulator replaces Google's."""
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
