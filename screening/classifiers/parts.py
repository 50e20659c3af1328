"""Put together what was found in the parts of a document, so that a verdict stores one score a label and role."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from screening.checks.disguise import fold
from screening.checks.text import text_facts
from screening.content import Document, Part, Text
from screening.content.kinds import KINDS, kind_of
from screening.records import Evidence, Role, ScreenedPart, Signal


@dataclass(frozen=True, slots=True)
class Undisguised(Part):
    """A part as a person reads it, where that is another text than what stands there."""


def screened(document: Document) -> tuple[ScreenedPart, ...]:
    """Return what a verdict says of each part."""
    return tuple(
        ScreenedPart(
            part.place,
            kind := kind_of(part.content),
            part.role,
            KINDS[kind].size(part.content),
            *(text_facts(part.content.text) if isinstance(part.content, Text) else ("", None)),
        )
        for part in document.parts
    )


def undisguised(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return the parts, followed by those texts that are disguised as a person reads them."""
    parts = tuple(parts)
    texts = ((part, part.content, fold(part.content.text)) for part in parts if isinstance(part.content, Text))
    read = (
        Undisguised(part.place, part.role, Text(text, fold(content.title)))
        for part, content, text in texts
        if text != content.text
    )
    return (*parts, *read)


def worst(scored: Iterable[tuple[Part, Iterable[Signal]]]) -> tuple[Signal, ...]:
    """Return, of the classifiers' signals on each part, the highest of each source, label and role.

    The evidence of each names its part. Where a disguise was undone it has no span of characters, since they stand
    elsewhere in what was uploaded. Of equal scores, that of the first part is taken. A score that is not finite is kept
    before all others, since it makes the verdict an error.
    """
    found: dict[tuple[str, str, Role], Signal] = {}
    for part, signals in scored:
        for signal in signals:
            key = signal.source, signal.label, part.role
            known = found.get(key)
            if known is None or (math.isfinite(known.score) and not signal.score <= known.score):
                undone = isinstance(part, Undisguised)
                evidence = Evidence(note="disguise undone") if undone else signal.evidence
                found[key] = replace(signal, evidence=replace(evidence, part=part.place))
    return tuple(found.values())
