"""Quality checks, what is odd about a document, and matches with known hashes. They only score; the policy decides."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace

from screening.checks.check import Check
from screening.checks.document import DOCUMENT_CHECKS, DocumentCheck, about
from screening.checks.image import IMAGE_CHECKS
from screening.checks.text import TEXT_CHECKS, known_languages
from screening.content import Document, Part, Text
from screening.content.kinds import KINDS, kind_of, named
from screening.records import Signal

LONG = 1 << 18  # characters; checking the longest texts takes about 200 MB, so they are checked one at a time
_LONG = threading.Lock()
ALL_CHECKS: tuple[Check, ...] = tuple(check for kind in KINDS.values() for check in named(kind.checks))

__all__ = [
    "ALL_CHECKS",
    "DOCUMENT_CHECKS",
    "IMAGE_CHECKS",
    "TEXT_CHECKS",
    "Check",
    "DocumentCheck",
    "about",
    "known_languages",
    "run_checks",
]


def run_checks(document: Document, languages: Sequence[str] = ()) -> list[Signal]:
    """Return one signal for each check of the document's main parts: the worst, if several parts are main.

    `languages` are those of the policy, as ISO 639-1 codes.
    """
    worst: dict[str, Signal] = {}
    for part in document.parts:
        if part.role == "main":
            for check, signal in _checked(part, languages):
                known = worst.get(check.source)
                if known is None or check.is_worse(signal.score, known.score):
                    worst[check.source] = signal
    return list(worst.values())


def _checked(part: Part, languages: Sequence[str]) -> Iterator[tuple[Check, Signal]]:
    kind = KINDS[kind_of(part.content)]
    with _LONG if isinstance(part.content, Text) and len(part.content.text) > LONG else nullcontext():
        view = named(kind.view)(part.content, languages)
        for check in named(kind.checks):
            signal = check.signal(view)
            yield check, replace(signal, evidence=replace(signal.evidence, part=part.place))
