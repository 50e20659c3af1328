"""Turn what Cloud Storage says about an object into an upload, and limit how many bytes are read."""

from __future__ import annotations

import io
import zlib
from typing import Any

from google.cloud import storage

from screening.errors import UploadError
from screening.records import Upload
from screening.storage.names import name_problem

FIELDS = "items(name,generation,size,contentType,metadata,timeCreated),nextPageToken"


class Capped(io.BytesIO):
    """A buffer with a limit, so that an object that is larger than it was listed can't fill the memory."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: Any, /) -> int:
        """Append the data. Raises UploadError `too_large` beyond the limit."""
        if self.tell() + len(data) > self._limit:
            raise UploadError("too_large", f"more than {self._limit} bytes")
        return super().write(data)


def unpacked(data: bytes, encoding: str, max_bytes: int) -> bytes:
    """Return what readers get of an object that is stored with this Content-Encoding.

    Raises UploadError `undecodable` if the bytes are not so encoded, `unsupported_variant` for an encoding other than
    gzip, and `too_large` for more than `max_bytes`.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return data
    if encoding != "gzip":
        raise UploadError("unsupported_variant", f"Content-Encoding {encoding[:40]}; store it as gzip, or as it is")
    sink = Capped(max_bytes)
    try:
        while data:  # gzip files may follow each other (RFC 1952 § 2.2)
            packed = zlib.decompressobj(16 + zlib.MAX_WBITS)
            sink.write(packed.decompress(data, max_bytes + 1 - sink.tell()))
            if not packed.eof:
                sink.write(packed.decompress(packed.unconsumed_tail, 1))
                raise UploadError("undecodable", "its Content-Encoding is gzip, but its bytes end early")
            data = packed.unused_data
    except zlib.error:
        raise UploadError("undecodable", "its Content-Encoding is gzip, but its bytes are not") from None
    return sink.getvalue()


def upload_of(uri: str, name: str, blob: storage.Blob) -> Upload:
    """Return the object as the store describes it; one without a generation gets the problem `missing_field`."""
    generation, size, metadata, created = (
        _told(blob, field) for field in ("generation", "size", "metadata", "time_created")
    )
    problem = "invalid_name" if name_problem(name, bucket=True) else ""
    return Upload(
        uri=uri,
        name=name,
        generation=generation or 0,
        size=size or 0,  # some servers leave out the size of an empty object
        content_type=str(blob.content_type or ""),
        metadata={str(key): str(value) for key, value in (metadata or {}).items()},
        problem=problem or ("" if generation else "missing_field"),
        created_at=created,
    )


def _told(blob: storage.Blob, field: str) -> Any:
    """Return a field of an object, or None if it is missing or the client can't read it."""
    try:
        return getattr(blob, field)
    except (ValueError, TypeError, AttributeError):
        return None
