"""What is odd about a document as a whole. There is a signal only where there is something to say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from screening.checks.disguise import disguises
from screening.content import Document, Text
from screening.records import Evidence, Signal

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
DISGUISED = DocumentCheck("disguised", 1, "words", unsaid=3)
DOCUMENT_CHECKS = (UNSEEN, DISGUISED)


def about(document: Document) -> Iterator[Signal]:
    """Yield a signal for each thing that is odd about a document."""
    if missed := document.not_looked_at:
        note = "; ".join(f"{each.count} × {each.what}: {each.why}" for each in missed)
        yield UNSEEN.signal(sum(each.count for each in missed), note)
    texts = {part.place: disguises(part.content.text) for part in document.parts if isinstance(part.content, Text)}
    if places := [place for place, count in texts.items() if count]:
        yield DISGUISED.signal(sum(texts.values()), f"in {', '.join(places)}")
