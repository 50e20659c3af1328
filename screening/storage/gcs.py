"""Google Cloud Storage as a store, through Google's client.

Reads are one call each: by generation, capped, verified by crc32c. Every write is safe to try again after a
lost reply, because each try first looks whether the one before took effect.
"""

from __future__ import annotations

import io
import mimetypes
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, BinaryIO, TypeVar

import requests
import urllib3
from google.api_core.exceptions import ClientError, GoogleAPICallError, NotFound, PreconditionFailed, RetryError
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption
from requests.adapters import HTTPAdapter

from screening.errors import ConfigError, Replaced, TargetError, TransientError, UploadError
from screening.meter import RETRIES
from screening.records import Upload
from screening.storage.names import name_problem, split_gs
from screening.storage.ranges import opened
from screening.storage.split import cut_points
from screening.storage.target import TAKEN

T = TypeVar("T")
CONNECTIONS = 64  # kept open: readers run ahead of the classifier
TIMEOUT = (10, 60)  # seconds to connect, and between two bytes
FIELDS = "items(name,generation,size,contentType,metadata,timeCreated),nextPageToken"
KEPT = ("contentType", "contentEncoding", "contentLanguage", "contentDisposition", "cacheControl")


class GcsStore:
    """Buckets through one client; any thread may use it.

    `patience` is how long one call is tried again, in seconds, on 408, 429, 5xx, broken connections and
    bodies that are short or fail their checksum.
    """

    def __init__(self, patience: float = 60.0) -> None:
        # Else the client asks for each bucket's metadata in a thread of its own, for its traces.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        try:
            self._client = storage.Client(project=None)
        except GoogleAuthError as error:
            raise ConfigError(
                f"no credentials for Google Cloud: {error}", fix="gcloud auth application-default login"
            ) from None
        for scheme in ("http://", "https://"):
            self._client._http.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
        self._retry = Retry(
            predicate=_transient,
            initial=0.1,
            maximum=10.0,
            multiplier=2.0,
            timeout=patience,
            on_error=lambda _: RETRIES.add("retries"),
        )

    def list(self, prefix: str, start: str = "", end: str = "") -> Iterator[Upload]:
        """Every object below the prefix, which is taken as a folder; its empty markers of folders are none."""
        bucket, folder = split_gs(prefix.rstrip("/") + "/")
        for blob in self._blobs(bucket, folder, start, end, FIELDS, 1000):
            upload = _upload(f"gs://{bucket}/{blob.name}", blob.name.removeprefix(folder), blob)
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
        return _upload(uri, name or uri.rsplit("/", 1)[-1], self._do(lambda: self._found(uri)))

    def read(self, uri: str, generation: int, max_bytes: int) -> bytes:
        """The bytes of that generation, as they are stored."""

        def download() -> bytes:
            sink = _Capped(max_bytes)
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

    def copy(
        self,
        uri: str,
        generation: int,
        target: str,
        *,
        sha256: str,
        replaces: Collection[str] = (),  # noqa: ARG002 (copies say themselves what they are of)
    ) -> bool:
        """Copy that generation within the service; its metadata goes along, with stamps of where it is from."""
        stamps = _stamps(uri, generation, sha256)
        tried = False

        def attempt() -> bool:
            nonlocal tried
            there = self._at_target(target, lambda: self._find(target))
            if there is not None:
                said = there.metadata or {}
                if stamps.items() <= said.items():
                    return tried
                if not _is_earlier(said, uri, generation):
                    raise TargetError(f"{target}: {TAKEN}")
            source = self._found(uri, generation)
            made = self._blob(target)
            made._properties.update({key: source._properties[key] for key in KEPT if key in source._properties})
            made.metadata = {**(source.metadata or {}), **stamps}
            tried = True
            self._rewrite(source, made, generation, there.generation if there is not None else 0)
            return True

        return self._do(attempt)

    def _rewrite(self, source: storage.Blob, target: storage.Blob, generation: int, over: int) -> None:
        # A blob without generation: else an object replaced in a versioned bucket would still be copied.
        live, token = self._client.bucket(source.bucket.name).blob(source.name), None
        try:
            while True:
                token, _, _ = target.rewrite(
                    live,
                    token=token,
                    if_generation_match=over,
                    if_source_generation_match=generation,
                    timeout=TIMEOUT,
                    retry=None,
                )
                if token is None:
                    return
        except PreconditionFailed as error:
            raise _Raced from error
        except ClientError as error:
            # The service does not say of which of the two it speaks: the source is asked for by itself.
            if _transient(error) or not self._is_readable(source):
                raise
            said = "there is no such bucket" if isinstance(error, NotFound) else _said(error)
            raise TargetError(f"gs://{target.bucket.name}/{target.name}: {said}") from error

    def _is_readable(self, source: storage.Blob) -> bool:
        try:
            return self._find(f"gs://{source.bucket.name}/{source.name}") is not None
        except GoogleAPICallError:
            return False

    def _at_target(self, target: str, look: Callable[[], T]) -> T:
        try:
            return look()
        except GoogleAPICallError as error:
            if _transient(error):
                raise
            raise TargetError(f"{target}: {_said(error)}") from error

    def withdraw(self, target: str, uri: str, generation: int, *, sha256: str) -> bool:
        """Delete the copy, known by its stamps, at the generation that bears them."""
        tried = False

        def attempt() -> bool:
            nonlocal tried
            there = self._find(target)
            if there is None:
                return tried
            if not _stamps(uri, generation, sha256).items() <= (there.metadata or {}).items():
                raise Replaced("another object stands there")
            tried = True
            try:
                self._blob(target).delete(if_generation_match=there.generation, timeout=TIMEOUT, retry=None)
            except (NotFound, PreconditionFailed) as error:
                raise _Raced from error
            return True

        return self._do(attempt)

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
                raise _Raced from error

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
                raise _Raced from error
            except NotFound as error:
                if there is None:
                    raise ConfigError(f"no bucket for {uri}", fix="create it, or name another") from None
                raise _Raced from error

        self._do(attempt)

    def _upload(self, uri: str, data: bytes, **precondition: int) -> None:
        kind = mimetypes.guess_type(uri)[0] or "application/octet-stream"
        self._blob(uri).upload_from_string(
            data, content_type=kind, checksum="crc32c", timeout=TIMEOUT, retry=None, **precondition
        )

    def exists(self, uri: str) -> bool:
        """Whether there is an object."""
        return self._do(lambda: self._find(uri)) is not None

    def _blob(self, uri: str) -> storage.Blob:
        bucket, name = split_gs(uri)
        return self._client.bucket(bucket).blob(name)

    def _find(self, uri: str) -> storage.Blob | None:
        bucket, name = split_gs(uri)
        return self._client.bucket(bucket).get_blob(name, timeout=TIMEOUT, retry=None)

    def _found(self, uri: str, generation: int | None = None) -> storage.Blob:
        blob = self._find(uri)
        if blob is None:
            raise UploadError("not_found")
        if generation is not None and blob.generation != generation:
            raise Replaced(f"generation {blob.generation}, not {generation}")
        return blob

    def _do(self, call: Callable[[], T], *, retry: bool = True) -> T:
        try:
            return self._retry(call)() if retry else call()
        except NotFound:
            raise UploadError("not_found") from None
        except PreconditionFailed:
            raise Replaced("the object is another generation") from None
        except RetryError as error:
            raise TransientError(f"gave up: {_said(error.cause)}") from error
        except GoogleAPICallError as error:
            denied = error.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
            raise UploadError("unreadable", f"access is denied: {_said(error)}" if denied else _said(error)) from error
        except GoogleAuthError as error:
            raise ConfigError(f"Google Cloud refuses the credentials: {error}") from error


def _stamps(uri: str, generation: int, sha256: str) -> dict[str, str]:
    """What a copy's metadata say of where it is from."""
    return {
        "screening-source-uri": uri,
        "screening-source-generation": str(generation),
        "screening-source-sha256": sha256,
    }


def _is_earlier(said: Mapping[str, str], uri: str, generation: int) -> bool:
    """Whether an object's metadata say that it is the copy of an earlier generation of this upload."""
    made_of = said.get("screening-source-generation", "")
    return said.get("screening-source-uri") == uri and made_of.isdecimal() and int(made_of) < generation


class _Raced(Exception):
    """Somebody else changed what we were about to write: look again."""


class _Capped(io.BytesIO):
    """Takes so many bytes and no more, so that an object larger than was listed can't fill the memory."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: Any, /) -> int:
        """Append, or UploadError("too_large")."""
        if self.tell() + len(data) > self._limit:
            raise UploadError("too_large", f"more than {self._limit} bytes")
        return super().write(data)


def _upload(uri: str, name: str, blob: storage.Blob) -> Upload:
    """The object as the store tells of it; one whose generation it does not tell can't be read as that one."""
    generation, size, metadata, created = (
        _told(blob, field) for field in ("generation", "size", "metadata", "time_created")
    )
    problem = "invalid_name" if name_problem(name, bucket=True) else ""
    return Upload(
        uri=uri,
        name=name,
        generation=generation or 0,
        size=size or 0,  # some servers leave out that of an empty object
        content_type=str(blob.content_type or ""),
        metadata={str(key): str(value) for key, value in (metadata or {}).items()},
        problem=problem or ("" if generation else "missing_field"),
        created_at=created,
    )


def _told(blob: storage.Blob, field: str) -> Any:
    """A field of an object; None where there is none, or none that the client can read."""
    try:
        return getattr(blob, field)
    except (ValueError, TypeError, AttributeError):
        return None


def _transient(error: Exception) -> bool:
    """What Google's retry guide names (cloud.google.com/storage/docs/retry-strategy), and damaged bodies."""
    if isinstance(error, GoogleAPICallError):
        code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        return code in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or code >= 500
    return isinstance(
        error,
        (
            _Raced,
            DataCorruption,
            TransportError,
            ConnectionError,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
        ),
    )


def _said(error: BaseException | None) -> str:
    """The kind of an error and its status; not its message, which may quote what a server sent."""
    code = getattr(error, "code", None)
    return f"{type(error).__name__} {int(code)}" if isinstance(code, int) else type(error).__name__
