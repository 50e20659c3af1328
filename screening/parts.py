"""Put together what was found in the parts of a document, so that a verdict stores one score a label and role."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from screening.checks.text import main_language
from screening.content import Document, Part, Text
from screening.kinds import KINDS, kind_of
from screening.records import Role, ScreenedPart, Signal


def screened(document: Document) -> tuple[ScreenedPart, ...]:
    """Return what a verdict says of each part."""
    return tuple(
        ScreenedPart(
            part.place,
            kind := kind_of(part.content),
            part.role,
            KINDS[kind].size(part.content),
            main_language(part.content.text) if isinstance(part.content, Text) else "",
        )
        for part in document.parts
    )


def worst(scored: Iterable[tuple[Part, Iterable[Signal]]]) -> tuple[Signal, ...]:
    """Return, of the classifiers' signals on each part, the highest of each source, label and role.

    The evidence of each names its part. Of equal scores, that of the first part is taken. A score that is not finite is
    kept before all others, since it makes the verdict an error.
    """
    found: dict[tuple[str, str, Role], Signal] = {}
    for part, signals in scored:
        for signal in signals:
            key = signal.source, signal.label, part.role
            known = found.get(key)
            if known is None or (math.isfinite(known.score) and not signal.score <= known.score):
                found[key] = replace(signal, evidence=replace(signal.evidence, part=part.place))
    return tuple(found.values())
