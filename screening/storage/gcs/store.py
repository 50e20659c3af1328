"""Google Cloud Storage as a store, through Google's client.

Reads are one call each: by generation, capped, verified by crc32c. Every write is safe to try again after a
lost reply, because each try first looks whether the one before took effect.
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
from screening.storage.gcs.objects import FIELDS, Capped, upload_of
from screening.storage.names import split_gs
from screening.storage.ranges import opened
from screening.storage.split import cut_points


class GcsStore(GcsCopies):
    """Buckets through one client; any thread may use it."""

    def list(self, prefix: str, start: str = "", end: str = "") -> Iterator[Upload]:
        """Every object below the prefix, which is taken as a folder; its empty markers of folders are none."""
        bucket, folder = split_gs(prefix.rstrip("/") + "/")
        for blob in self._blobs(bucket, folder, start, end, FIELDS, 1000):
            upload = upload_of(f"gs://{bucket}/{blob.name}", blob.name.removeprefix(folder), blob)
            if upload.size or not upload.uri.endswith("/"):
                yield upload

    def split(self, prefix: str, start: str, end: str, pieces: int) -> Sequence[str]:
        """Cuts between the letters of the names, so that no page of the listing is read for most of them."""
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
            raise ConfigError(f"{error}", file=place, fix="name a bucket that exists and that you may list") from None
        except ValueError:  # Google's client, of an object without a name
            what = "what answers there is no Cloud Storage: it lists an object without a name"
            raise ConfigError(
                what, file=f"gs://{bucket}/{folder}", fix="look at where STORAGE_EMULATOR_HOST leads"
            ) from None

    def stat(self, uri: str, name: str = "") -> Upload:
        """The object as it is now."""
        return upload_of(uri, name or uri.rsplit("/", 1)[-1], self._do(lambda: self._found(uri)))

    def read(self, uri: str, generation: int, max_bytes: int) -> bytes:
        """The bytes of that generation, as they are stored."""

        def download() -> bytes:
            sink = Capped(max_bytes)
            self._blob(uri).download_to_file(
                sink,
                raw_download=True,
                if_generation_match=generation,
                checksum="crc32c",
                timeout=TIMEOUT,
                retry=None,
            )
            return sink.getvalue()

        return self._do(download)

    def delete(self, uri: str, generation: int) -> None:
        """Delete that generation."""

        def attempt() -> None:
            try:
                self._blob(uri).delete(if_generation_match=generation, timeout=TIMEOUT, retry=None)
            except NotFound:
                return

        self._do(attempt)

    def label(self, uri: str, generation: int, metadata: Mapping[str, str]) -> None:
        """Add to the object's metadata; nothing is written when it is there already."""

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
        """That generation as a file, read in pieces as it is asked for."""
        size = self.stat(uri).size

        def fetch(first: int, last: int) -> bytes:
            def download() -> bytes:
                data: bytes = self._blob(uri).download_as_bytes(
                    start=first,
                    end=last - 1,
                    raw_download=True,
                    if_generation_match=generation,
                    checksum=None,  # there is none of a part
                    timeout=TIMEOUT,
                    retry=None,
                )
                if len(data) != last - first:
                    raise DataCorruption(None, "the body broke off")
                return data

            return self._do(download)

        return opened(size, fetch)

    def get(self, uri: str) -> bytes:
        """The whole object."""
        data: bytes = self._do(
            lambda: self._blob(uri).download_as_bytes(checksum="crc32c", timeout=TIMEOUT, retry=None)
        )
        return data

    def put(self, uri: str, data: bytes) -> None:
        """Write the whole object; its type is that of its suffix, so that a browser shows a report."""
        self._do(lambda: self._upload(uri, data))

    def update(self, uri: str, change: Callable[[bytes | None], bytes]) -> None:
        """Change the whole object, if it still is the generation that was read; else look again."""
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
                        return  # the try before took effect, only its reply was lost
                written = change(before)
                self._upload(uri, written, if_generation_match=over)
            except PreconditionFailed as error:
                raise Raced from error
            except NotFound as error:
                if there is None:
                    raise ConfigError(f"no bucket for {uri}", fix="create it, or name another") from None
                raise Raced from error

        self._do(attempt)

    def _upload(self, uri: str, data: bytes, **precondition: int) -> None:
        kind = mimetypes.guess_type(uri)[0] or "application/octet-stream"
        self._blob(uri).upload_from_string(
            data, content_type=kind, checksum="crc32c", timeout=TIMEOUT, retry=None, **precondition
        )

    def exists(self, uri: str) -> bool:
        """Whether there is an object."""
        return self._do(lambda: self._find(uri)) is not None
