"""What is odd about a document as a whole. There is a signal only where there is something to say."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from screening.checks.disguise import disguises
from screening.checks.languages import said_of, unread
from screening.checks.links.deceptive import deceptive
from screening.content import Document, Text
from screening.content.claims import mismatches
from screening.records import Evidence, Signal, Upload

NOT_LOOKED_AT = "not_looked_at"
MAX_NOTE = 500  # characters


@dataclass(frozen=True, slots=True)
class DocumentCheck:
    """A signal about a document as a whole; it counts in `unit`, and more is worse.

    Where a policy says nothing of it, a person looks from `unsaid` on.
    """

    name: str
    version: int
    unit: str
    unsaid: float = 1
    range: tuple[float, float] = (0, math.inf)

    @property
    def source(self) -> str:
        """The source of its signals."""
        return f"document/{self.name}@{self.version}"

    def signal(self, count: float, note: str) -> Signal:
        """Return its signal, of which the evidence is a note."""
        return Signal(self.source, self.name, float(count), Evidence(note=note[:MAX_NOTE]))


UNSEEN = DocumentCheck(NOT_LOOKED_AT, 1, "things")
DISGUISED = DocumentCheck("disguised", 2, "words", unsaid=3)
_MISMATCH = DocumentCheck("type_mismatch", 1, "claims")
_TRAILING = DocumentCheck("trailing_data", 1, "bytes")
_UNREAD = DocumentCheck("unread_language", 1, "paragraphs")
_DECEPTIVE = DocumentCheck("deceptive_link", 1, "links")
DOCUMENT_CHECKS = (UNSEEN, DISGUISED, _DECEPTIVE, _MISMATCH, _TRAILING, _UNREAD)


def about(document: Document, upload: Upload, languages: Collection[str] = ()) -> Iterator[Signal]:
    """Yield a signal for each thing that is odd about an upload's document.

    `languages` are those that the classifiers read, as ISO 639-1 codes; none means that no classifier reads texts.
    """
    if languages and (foreign := list(unread(document, languages))):
        yield _UNREAD.signal(len(foreign), said_of(foreign))
    if wrong := mismatches(upload, document.media_type):
        yield _MISMATCH.signal(len(wrong), f"the bytes are {document.media_type}, but {' and '.join(wrong)}")
    if document.trailing:
        yield _TRAILING.signal(document.trailing_bytes, f"behind the picture: {document.trailing}")
    if missed := document.not_looked_at:
        note = "; ".join(f"{each.count} × {each.what}: {each.why}" for each in missed)
        yield UNSEEN.signal(sum(each.count for each in missed), note)
    if links := deceptive(document):
        said = (f"in {each.place} a link reads {each.says} and leads to {each.host}" for each in links)
        yield _DECEPTIVE.signal(len(links), "; ".join(said))
    texts = {part.place: disguises(part.content.text) for part in document.parts if isinstance(part.content, Text)}
    if places := [place for place, count in texts.items() if count]:
        yield DISGUISED.signal(sum(texts.values()), f"in {', '.join(places)}")
