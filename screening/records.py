"""The records that lead from an upload to its verdict and its release. All are frozen and typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Medium = Literal["text", "image"]
MEDIA: tuple[Medium, ...] = ("text", "image")
# What a part is to the document: what it is about, its title, what is shown besides, and what is in it but not shown.
Role = Literal["main", "title", "rest", "hidden"]
ROLES: tuple[Role, ...] = ("main", "title", "rest", "hidden")
# What an upload is taken for, as levels may differ by it.
Genre = Literal["article", "mail", "message", "comment", "headline"]
GENRES: tuple[Genre, ...] = ("article", "mail", "message", "comment", "headline")
Decision = Literal["accept", "review", "reject", "error"]
DECISIONS: tuple[Decision, ...] = ("accept", "review", "reject", "error")


@dataclass(frozen=True, slots=True)
class Upload:
    """One generation of an object, as it was listed. It is small enough for any shuffle.

    `uri` is an absolute path or `gs://bucket/name`. `name` is the path below the input, under which the object is
    released. `size` is in bytes. `content_type` and `metadata` are what the store or manifest claims. `problem` is a
    reason id if the listing already found that the object can't be read (then nothing else is known). `created_at` is
    the time from which this generation exists, or None if that is unknown.
    """

    uri: str
    name: str
    generation: int
    size: int
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotLookedAt:
    """So many things of a document that nobody looked at: what they are, and why."""

    what: str
    count: int
    why: str


@dataclass(frozen=True, slots=True)
class ScreenedPart:
    """What a verdict says of a part: its `size` in characters or pixels, and what a text was read as.

    `language` is that of most of the text, and `words` how many it has; None is unknown, or not a text.
    """

    place: str
    kind: Medium
    role: Role
    size: int = 0
    language: str = ""
    words: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a score comes from: a part, a window of it and its span of characters, or a note; never the content itself.

    `part` is the place of the part, or "" if the score is about the upload as a whole.
    """

    window: int | None = None
    start: int | None = None
    end: int | None = None
    note: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """A score from a check, a bank or a classifier. `source` names it, with its version.

    Sources are `check/NAME@VERSION`, `bank/ID` and `bundle/NAME@VERSION/HEAD`.
    """

    source: str
    label: str
    score: float
    evidence: Evidence = Evidence()


@dataclass(frozen=True, slots=True)
class Threshold:
    """A level of the policy as it was when the verdict was made; `origin` is its wording in the policy.

    It is for parts of the roles `parts`, whose texts are in one of the `languages` (ISO 639-1) and have `min_words` to
    `max_words` words, all parts of the role together, and for uploads of the `genres`. What is empty or None limits
    nothing.
    """

    category: str
    label: str
    level: Literal["review", "reject"]
    worse: Literal["high", "low"]
    score: float
    origin: str
    parts: tuple[Role, ...] = ()
    genres: tuple[Genre, ...] = ()
    languages: tuple[str, ...] = ()
    min_words: int | None = None
    max_words: int | None = None

    @property
    def conditions(self) -> str:
        """In words, what it is for; "" if that is everything."""
        words = {
            (True, False): f"from {self.min_words} words",
            (False, True): f"up to {self.max_words} words",
            (True, True): f"{self.min_words} to {self.max_words} words",
        }.get((self.min_words is not None, self.max_words is not None), "")
        parts = "" if set(self.parts) == set(ROLES) else ", ".join(self.parts)
        said = (parts, ", ".join(self.genres), words, f"in {', '.join(self.languages)}" if self.languages else "")
        return "; ".join(each for each in said if each)


@dataclass(frozen=True, slots=True)
class Finding:
    """A signal that crossed a threshold of the policy."""

    category: str
    level: Literal["review", "reject"]
    signal: Signal
    threshold: Threshold


@dataclass(frozen=True, slots=True)
class BundleId:
    """A bundle that took part in a verdict: its name, its version, and the digest of its bundle.json."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that a verdict depends on besides the bytes and what the upload claims to be.

    `digest` is the SHA-256 of the other fields.
    """

    digest: str
    decoder: str
    engine: str
    bundles: tuple[BundleId, ...]
    banks: str
    policy: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The machine's decision on one generation of an upload in one run.

    `reasons` are stable ids, the most important first. `sha256` is "" if the bytes could not be read. `content_type` is
    what the bytes are, not what was claimed. `medium` is that of the first part, or None if nothing could be decoded.
    `parts` is what was looked at, and `not_looked_at` what was not; older verdicts have neither. `genre` is what the
    upload is taken for, or None if that is unknown.
    """

    run_id: str
    uri: str
    name: str
    generation: int
    size: int
    sha256: str
    content_type: str
    metadata: Mapping[str, str]
    decision: Decision
    reasons: tuple[str, ...]
    detail: str
    signals: tuple[Signal, ...]
    thresholds: tuple[Threshold, ...]
    fingerprint: Fingerprint
    screened_at: datetime
    seconds: float
    medium: Medium | None
    parts: tuple[ScreenedPart, ...] = ()
    not_looked_at: tuple[NotLookedAt, ...] = ()
    genre: Genre | None = None


def medium_of(stored: str | None, content_type: str) -> Medium | None:
    """Return the medium of a row of `verdicts`; "" means none. Older rows have null, so their content type decides."""
    if stored is not None:
        return next((medium for medium in MEDIA if medium == stored), None)
    if content_type.startswith("image/"):
        return "image"
    return "text" if content_type.startswith("text/") or content_type == "application/json" else None


def parts_of(stored: Sequence[ScreenedPart], medium: Medium | None) -> tuple[ScreenedPart, ...]:
    """Return the parts of a verdict; an older one, which stored none, was about one main part of its medium."""
    return tuple(stored) or ((ScreenedPart("main", medium, "main"),) if medium else ())


@dataclass(frozen=True, slots=True)
class Review:
    """A person's decision to `uphold` or `overturn` a verdict."""

    review_id: str
    run_id: str
    uri: str
    generation: int
    decision: Literal["uphold", "overturn"]
    reason: str
    reviewer: str
    reviewed_at: datetime


Action = Literal["live", "quarantine", "label", "withdrawn", "replaced", "failed"]


@dataclass(frozen=True, slots=True)
class Release:
    """What a release did to one object, bound to the generation that was screened."""

    release_id: str
    run_id: str
    uri: str
    generation: int
    sha256: str
    decision: Decision
    action: Action
    target: str
    detail: str
    released_at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """A committed run, as a row of the ledger. A run is committed only if all that was listed is accounted for.

    That is, `listed - skipped = accept + review + reject + error`. `metrics` is what else the run counted (see
    `meter`). `sandbox` is what confined its decoders, such as `seccomp+landlock+limits`, or several such separated by
    commas if workers differed. Both are empty for older runs, which did not record them.
    """

    run_id: str
    input: str
    listed: int
    skipped: int
    accept: int
    review: int
    reject: int
    error: int
    fingerprint: str
    policy: str
    started_at: datetime
    committed_at: datetime
    metrics: Mapping[str, int] = field(default_factory=dict)
    sandbox: str = ""

    @property
    def reconciled(self) -> bool:
        """Whether every upload that was listed is accounted for."""
        return self.listed - self.skipped == self.accept + self.review + self.reject + self.error
