"""Read zip archives with a bound on all that they hold: nothing is written, and no path is followed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from screening.content.kinds import DOCX, EPUB, ODT
from screening.decode.limits import Limits
from screening.errors import UploadError

MOST_ENTRIES = 5_000  # an archive's directory is read in Python, at 10 µs an entry
ENTRY = b"PK\1\2"  # how each entry of the directory begins (PKWARE APPNOTE § 4.3.12)
UNPACKED = 4  # times `max_bytes` that all entries together may have
LOCKED = 1  # the bit of an entry's flags that says that it needs a password (§ 4.4.4)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # Office and EPUB know no other
LONGEST_TYPE = 100  # bytes of the entry `mimetype`
OPEN_TYPES = {media_type.encode(): media_type for media_type in (EPUB, ODT)}


def unpack(data: bytes, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each entry, in the order of the directory.

    Raises UploadError `too_complex` (entries), `too_large` (bytes, told before any is unpacked), `encrypted` or
    `undecodable` (also for a name that stands twice, since programs differ in which one they take).
    """
    if data.count(ENTRY) > MOST_ENTRIES:
        raise UploadError("too_complex", f"more than {MOST_ENTRIES} entries in an archive, the limit")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        size = sum(entry.file_size for entry in entries)
        if size > UNPACKED * limits.max_bytes:
            raise UploadError("too_large", f"{size} bytes when unpacked, limit {UNPACKED * limits.max_bytes}")
        if any(entry.flag_bits & LOCKED for entry in entries):
            raise UploadError("encrypted", "an entry of the archive has a password")
        if len({entry.filename for entry in entries}) < len(entries):
            raise UploadError("undecodable", "a name stands twice in the archive")
        for entry in entries:
            if entry.compress_type not in METHODS:
                raise UploadError("undecodable", f"the archive's method of compression {entry.compress_type}")
            yield entry.filename, archive.read(entry)  # never more than `file_size`


def archive_type(data: bytes) -> str:
    """Return the media type of a document that is a zip archive, or `application/zip`."""
    try:
        if data.count(ENTRY) <= MOST_ENTRIES:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return _type(archive)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, RuntimeError):
        pass  # broken, or no document
    return "application/zip"


def _type(archive: zipfile.ZipFile) -> str:
    names = archive.NameToInfo
    if (entry := names.get("mimetype")) and entry.file_size <= LONGEST_TYPE and entry.compress_type in METHODS:
        return OPEN_TYPES.get(archive.read(entry).strip(), "application/zip")
    if "[Content_Types].xml" in names and any(name.startswith("word/") for name in names):
        return DOCX
    return "application/zip"
