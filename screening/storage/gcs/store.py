"""A store in Google Cloud Storage, through Google's client.

Each read is one call, bound to a generation, limited in size and verified by crc32c. Every write can safely be retried
after a lost reply, because each attempt first checks whether the one before took effect.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import BinaryIO

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption

from screening.errors import ConfigError, UploadError
from screening.records import Upload
from screening.storage.gcs.calls import TIMEOUT, Raced
from screening.storage.gcs.copies import GcsCopies
from screening.storage.gcs.objects import FIELDS, Capped, unpacked, upload_of
from screening.storage.names import split_gs
from screening.storage.ranges import opened
from screening.storage.split import cut_points


class GcsStore(GcsCopies):
    """Buckets through one client, which any thread may use. Raises ConfigError if there are no credentials."""

    def list(self, prefix: str, start: str = "", end: str = "") -> Iterator[Upload]:
        """Yield every object below the prefix, taken as a folder; empty objects that only mark folders are left out."""
        bucket, folder = split_gs(prefix.rstrip("/") + "/")
        for blob in self._blobs(bucket, folder, start, end, FIELDS, 1000):
            upload = upload_of(f"gs://{bucket}/{blob.name}", blob.name.removeprefix(folder), blob)
            if upload.size or not upload.uri.endswith("/"):
                yield upload

    def split(self, prefix: str, start: str, end: str, pieces: int) -> Sequence[str]:
        """Return names at which to cut, found by trying letters, so that most of the listing need not be read."""
        bucket, folder = split_gs(prefix.rstrip("/") + "/")

        def peek(start: str, end: str, count: int) -> Sequence[str]:
            blobs = self._blobs(bucket, folder, start, end, "items(name),nextPageToken", count)
            return [blob.name.removeprefix(folder) for blob in islice(blobs, count)]

        return cut_points(peek, start, end, pieces)

    def _blobs(self, bucket: str, folder: str, start: str, end: str, fields: str, page: int) -> Iterator[storage.Blob]:
        blobs = iter(
            self._client.list_blobs(
                bucket,
                prefix=folder or None,
                start_offset=folder + start or None,
                end_offset=folder + end if end else None,
                fields=fields,
                page_size=page,
                retry=self._retry,
                timeout=TIMEOUT,
            )
        )
        try:
            while (blob := self._do(lambda: next(blobs, None), retry=False)) is not None:
                yield blob
        except UploadError as error:
            place = f"gs://{bucket}/{folder}"
            raise ConfigError(f"{error}", file=place, fix="give a bucket that exists and that you may list") from None
        except ValueError:  # from Google's client, for an object without a name
            what = "the server is not Cloud Storage: it lists an object without a name"
            raise ConfigError(
                what, file=f"gs://{bucket}/{folder}", fix="check the address in STORAGE_EMULATOR_HOST"
            ) from None

    def stat(self, uri: str, name: str = "") -> Upload:
        """Return the object as it is now."""
        return upload_of(uri, name or uri.rsplit("/", 1)[-1], self._do(lambda: self._found(uri)))

    def read(self, uri: str, generation: int, max_bytes: int) -> bytes:
        """Return the bytes of that generation as its readers get them: unpacked if they are stored as gzip."""

        def download() -> tuple[bytes, str]:
            sink, blob = Capped(max_bytes), self._blob(uri)
            blob.download_to_file(
                sink,
                raw_download=True,
                if_generation_match=generation,
                checksum="crc32c",
                timeout=TIMEOUT,
                retry=None,
            )
            return sink.getvalue(), blob.content_encoding or ""  # the reply says how they are stored

        return unpacked(*self._do(download), max_bytes)

    def delete(self, uri: str, generation: int) -> None:
        """Delete that generation; do nothing if the object is gone."""

        def attempt() -> None:
            try:
                self._blob(uri).delete(if_generation_match=generation, timeout=TIMEOUT, retry=None)
            except NotFound:
                return

        self._do(attempt)

    def label(self, uri: str, generation: int, metadata: Mapping[str, str]) -> None:
        """Add to the object's metadata; write nothing if it has all of that already."""

        def attempt() -> None:
            found = self._found(uri, generation)
            if dict(metadata).items() <= (found.metadata or {}).items():
                return
            patch = self._blob(uri)
            patch.metadata = dict(metadata)
            try:
                patch.patch(
                    if_generation_match=generation,
                    if_metageneration_match=found.metageneration,
                    timeout=TIMEOUT,
                    retry=None,
                )
            except PreconditionFailed as error:
                raise Raced from error

        self._do(attempt)

    def open(self, uri: str, generation: int) -> BinaryIO:
        """Open that generation as a file whose parts are fetched when they are read."""
        size = self.stat(uri).size

        def fetch(first: int, last: int) -> bytes:
            def download() -> bytes:
                data: bytes = self._blob(uri).download_as_bytes(
                    start=first,
                    end=last - 1,
                    raw_download=True,
                    if_generation_match=generation,
                    checksum=None,  # there is none for a part
                    timeout=TIMEOUT,
                    retry=None,
                )
                if len(data) != last - first:
                    raise DataCorruption(None, "the body broke off")
                return data

            return self._do(download)

        return opened(size, fetch)

    def get(self, uri: str) -> bytes:
        """Return the whole object."""
        data: bytes = self._do(
            lambda: self._blob(uri).download_as_bytes(checksum="crc32c", timeout=TIMEOUT, retry=None)
        )
        return data

    def put(self, uri: str, data: bytes) -> None:
        """Write the whole object, with the content type of its suffix, so that a browser shows a report."""
        self._do(lambda: self._upload(uri, data))

    def update(self, uri: str, change: Callable[[bytes | None], bytes]) -> None:
        """Change the whole object if it is still the generation that was read; otherwise read it again."""
        written: bytes | None = None

        def attempt() -> None:
            nonlocal written
            there, before, over = self._find(uri), None, 0
            try:
                if there is not None:
                    over = there.generation
                    before = there.download_as_bytes(
                        checksum="crc32c", if_generation_match=over, timeout=TIMEOUT, retry=None
                    )
                    if before == written:
                        return  # the last attempt took effect, and only its reply was lost
                written = change(before)
                self._upload(uri, written, if_generation_match=over)
            except PreconditionFailed as error:
                raise Raced from error
            except NotFound as error:
                if there is None:
                    raise ConfigError(f"there is no bucket for {uri}", fix="create it, or give another") from None
                raise Raced from error

        self._do(attempt)

    def _upload(self, uri: str, data: bytes, **precondition: int) -> None:
        kind = mimetypes.guess_type(uri)[0] or "application/octet-stream"
        self._blob(uri).upload_from_string(
            data, content_type=kind, checksum="crc32c", timeout=TIMEOUT, retry=None, **precondition
        )

    def exists(self, uri: str) -> bool:
        """Return whether there is an object."""
        return self._do(lambda: self._find(uri)) is not None
