"""Calls of Google's client, with retries where another try may help, and with the product's own errors."""

from __future__ import annotations

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed, RetryError
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption
from requests.adapters import HTTPAdapter

from screening.errors import ConfigError, Replaced, TransientError, UploadError
from screening.meter import RETRIES
from screening.storage.names import split_gs

T = TypeVar("T")
CONNECTIONS = 64  # connections kept open, since readers run ahead of the classifier
TIMEOUT = (10, 60)  # seconds to connect, and to wait for the next bytes


class GcsCalls:
    """One client, which any thread may use, and ways to look up objects with it.

    `patience` is for how many seconds a call is retried after status 408, 429 or 5xx, a broken connection, or a body
    that is short or fails its checksum.
    """

    def __init__(self, patience: float = 60.0) -> None:
        # Otherwise the client requests each bucket's metadata in a thread of its own, for its traces.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        try:
            self._client = storage.Client(project=None)
        except GoogleAuthError as error:
            raise ConfigError(
                f"no credentials for Google Cloud: {error}", fix="run gcloud auth application-default login"
            ) from None
        for scheme in ("http://", "https://"):
            self._client._http.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
        self._retry = Retry(
            predicate=is_transient,
            initial=0.1,
            maximum=10.0,
            multiplier=2.0,
            timeout=patience,
            on_error=lambda _: RETRIES.add("retries"),
        )

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
            raise TransientError(f"gave up: {said_of(error.cause)}") from error
        except GoogleAPICallError as error:
            denied = error.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
            raise UploadError(
                "unreadable", f"access is denied: {said_of(error)}" if denied else said_of(error)
            ) from error
        except GoogleAuthError as error:
            raise ConfigError(f"Google Cloud refuses the credentials: {error}") from error


class Raced(Exception):
    """Somebody else changed the object that we were about to write, so it must be read again."""


def is_transient(error: Exception) -> bool:
    """Return whether to try again: for a bad body, and as cloud.google.com/storage/docs/retry-strategy says."""
    if isinstance(error, GoogleAPICallError):
        code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        return code in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or code >= 500
    return isinstance(
        error,
        (
            Raced,
            DataCorruption,
            TransportError,
            ConnectionError,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
        ),
    )


def said_of(error: BaseException | None) -> str:
    """Return the kind of an error and its status, but not its message, which may quote what a server sent."""
    code = getattr(error, "code", None)
    return f"{type(error).__name__} {int(code)}" if isinstance(code, int) else type(error).__name__
