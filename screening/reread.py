"""Read an upload again, in the sandbox, to show a person the text that its findings point at. Nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from screening.content import Document, Part, Picture
from screening.content.claims import shown_as
from screening.decode import Decoder, Sandbox, decoder_version
from screening.policy import Facts, Policy
from screening.policy.decide import crossed
from screening.records import Verdict
from screening.storage import open_store


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a part's text, from `start` up to but not including `end`, that a finding points at."""

    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reread:
    """A document as it is decoded now, with the spans of each part by its place.

    `doubt` says in words why the text may not be the one that was screened; "" if it is.
    """

    document: Document
    spans: dict[str, tuple[Span, ...]]
    doubt: str


def reread(verdict: Verdict, policy: Policy, sandbox: Sandbox = "auto") -> Reread:
    """Decode an upload again as it is now. Raises UploadError if it is gone or can't be decoded."""
    store = open_store(verdict.uri)
    upload = store.stat(verdict.uri, verdict.name)
    data = store.read(verdict.uri, upload.generation, policy.limits.max_bytes)
    with Decoder(policy.limits, policy.fields, sandbox=sandbox) as decoder:
        document = decoder.decode(data, shown_as(upload))
    doubts = []
    if upload.generation != verdict.generation:
        doubts.append("the object was replaced since it was screened, so this is not the text that was screened")
    if verdict.fingerprint.decoder != decoder_version(policy.fields):
        doubts.append("another version of the decoders made the verdict, so places and characters may differ")
    found = {part.place: tuple(_spans(verdict, part)) for part in document.parts}
    return Reread(document, found, "; ".join(doubts))


def _spans(verdict: Verdict, part: Part) -> Iterator[Span]:
    """Yield the spans of a part that the findings of a verdict point at, in order."""
    if isinstance(part.content, Picture):
        return
    size = len(part.content.text)
    spans = {
        Span(signal.label, at.start, min(at.end, size))
        for signal in verdict.signals
        if (at := signal.evidence).part in (part.place, "" if part.place == "main" else part.place)
        and at.start is not None
        and at.end is not None
        and at.start < size
        and any(crossed(signal, threshold, Facts.of(verdict)) for threshold in verdict.thresholds)
    }
    yield from sorted(spans, key=lambda span: (span.start, -span.end, span.label))
