"""Make and withdraw copies within Cloud Storage. A copy is known by stamps in its metadata."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from google.api_core.exceptions import ClientError, GoogleAPICallError, NotFound, PreconditionFailed
from google.cloud import storage

from screening.errors import Replaced, TargetError
from screening.storage.gcs.calls import TIMEOUT, GcsCalls, Raced, is_transient, said_of
from screening.storage.target import TAKEN

T = TypeVar("T")
CHARSETS = ("", "utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252")  # in others, bytes may be other words
KEPT = ("contentEncoding", "contentLanguage", "contentDisposition", "cacheControl")


class GcsCopies(GcsCalls):
    """Copies objects and withdraws copies. Both are safe to retry, as they first look at what is there."""

    def copy(
        self,
        uri: str,
        generation: int,
        target: str,
        *,
        sha256: str,
        content_type: str = "",
        replaces: Collection[str] = (),  # noqa: ARG002 (a copy's metadata records its source)
    ) -> bool:
        """Copy that generation within the service, with its metadata and with stamps that record where it came from."""
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
            made.content_type = _served(source.content_type or "", content_type)
            made.metadata = {**(source.metadata or {}), **stamps}
            tried = True
            self._rewrite(source, made, generation, there.generation if there is not None else 0)
            return True

        return self._do(attempt)

    def _rewrite(self, source: storage.Blob, target: storage.Blob, generation: int, over: int) -> None:
        # The blob has no generation, or an object that was replaced in a versioned bucket would still be copied.
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
            raise Raced from error
        except ClientError as error:
            # The service does not say which of the two objects it means, so look whether the source can be read.
            if is_transient(error) or not self._is_readable(source):
                raise
            said = "there is no such bucket" if isinstance(error, NotFound) else said_of(error)
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
            if is_transient(error):
                raise
            raise TargetError(f"{target}: {said_of(error)}") from error

    def withdraw(self, target: str, uri: str, generation: int, *, sha256: str) -> bool:
        """Delete the copy, which is known by its stamps, at the generation that has them."""
        tried = False

        def attempt() -> bool:
            nonlocal tried
            there = self._find(target)
            if there is None:
                return tried
            if not _stamps(uri, generation, sha256).items() <= (there.metadata or {}).items():
                raise Replaced("another object is there")
            tried = True
            try:
                self._blob(target).delete(if_generation_match=there.generation, timeout=TIMEOUT, retry=None)
            except (NotFound, PreconditionFailed) as error:
                raise Raced from error
            return True

        return self._do(attempt)


def _served(claimed: str, screened: str) -> str:
    """Return the content type of a copy: the claimed one only if it says what was screened, in a common charset."""
    media_type, _, parameters = claimed.partition(";")
    charset = parameters.lower().replace(" ", "").removeprefix("charset=").strip('"')
    if screened and (media_type.strip().lower() != screened or charset not in CHARSETS):
        return screened
    return claimed


def _stamps(uri: str, generation: int, sha256: str) -> dict[str, str]:
    """Return the metadata that record where a copy came from."""
    return {
        "screening-source-uri": uri,
        "screening-source-generation": str(generation),
        "screening-source-sha256": sha256,
    }


def _is_earlier(said: Mapping[str, str], uri: str, generation: int) -> bool:
    """Return whether an object's metadata say that it is the copy of an earlier generation of this upload."""
    made_of = said.get("screening-source-generation", "")
    return said.get("screening-source-uri") == uri and made_of.isdecimal() and int(made_of) < generation
