"""What Cloud Storage tells of an object, as an upload, and a limit on what it sends."""

from __future__ import annotations

import io
from typing import Any

from google.cloud import storage

from screening.errors import UploadError
from screening.records import Upload
from screening.storage.names import name_problem

FIELDS = "items(name,generation,size,contentType,metadata,timeCreated),nextPageToken"


class Capped(io.BytesIO):
    """Takes so many bytes and no more, so that an object larger than was listed can't fill the memory."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: Any, /) -> int:
        """Append, or UploadError("too_large")."""
        if self.tell() + len(data) > self._limit:
            raise UploadError("too_large", f"more than {self._limit} bytes")
        return super().write(data)


def upload_of(uri: str, name: str, blob: storage.Blob) -> Upload:
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
