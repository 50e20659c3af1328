"""The records that travel from an upload to its verdict; all are frozen, none holds a free-form dict.

The words are the product's: `Upload`, `Content`, `Signal`, `Finding`, `Verdict`, `Review`, `Release`, `Run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

Medium = Literal["text", "image"]
MEDIA: tuple[Medium, ...] = ("text", "image")
Decision = Literal["accept", "review", "reject", "error"]
DECISIONS: tuple[Decision, ...] = ("accept", "review", "reject", "error")


@dataclass(frozen=True, slots=True)
class Upload:
    """An object at one generation, as listed; small enough to travel through any shuffle.

    `uri` is an absolute path or `gs://bucket/name`; `name` is the path below the input, under which it is
    released; `size` is in bytes; `content_type` and `metadata` are what the store or manifest claims.
    `problem` is the reason id when listing already found that it can't be read (then nothing else is known).
    `created_at` is since when this generation is there; None where that isn't known.
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
class Article:
    """Decoded text: what a reader would read, with what the document says of itself ("" where it does not)."""

    media_type: str
    text: str
    title: str = ""
    byline: str = ""
    date: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image, upright (EXIF honoured): RGB uint8 `pixels` (h, w, 3) scaled to fit `MAX_SIDE`.

    `width` and `height` are those of the upload itself, in pixels; `frames` counts an animation's.
    """

    media_type: str
    width: int
    height: int
    frames: int
    pixels: npt.NDArray[np.uint8]


Content = Article | Picture


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a score comes from: a window and its character span, or a place; never the content itself."""

    window: int | None = None
    start: int | None = None
    end: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """A score from a check, a bank or a classifier; `source` carries the version that made it.

    Sources are `check/NAME@VERSION`, `bank/ID` and `bundle/NAME@VERSION/HEAD`.
    """

    source: str
    label: str
    score: float
    evidence: Evidence = Evidence()


@dataclass(frozen=True, slots=True)
class Threshold:
    """A level of the policy as it stood when the verdict was made; `origin` is its wording in the policy."""

    category: str
    label: str
    level: Literal["review", "reject"]
    worse: Literal["high", "low"]
    score: float
    origin: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A signal that crossed a level of the policy."""

    category: str
    level: Literal["review", "reject"]
    signal: Signal
    threshold: Threshold


@dataclass(frozen=True, slots=True)
class BundleId:
    """A bundle as it took part in a verdict: name, version and the digest of its bundle.json."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that a verdict depends on besides the bytes; `digest` is the sha256 over the rest."""

    digest: str
    decoder: str
    engine: str
    bundles: tuple[BundleId, ...]
    banks: str
    policy: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The machine's decision on one upload generation in one run.

    `reasons` are stable ids, the weightiest first; `sha256` is "" when the bytes could not be read;
    `content_type` is what the bytes are, not what was claimed. `medium` is what was decided on; None where nothing
    could be decoded.
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


def medium_of(stored: str | None, content_type: str) -> Medium | None:
    """The medium of a row of `verdicts`: "" is none, and null is of a version that stored the content type alone."""
    if stored is not None:
        return next((medium for medium in MEDIA if medium == stored), None)
    if content_type.startswith("image/"):
        return "image"
    return "text" if content_type.startswith("text/") or content_type == "application/json" else None


@dataclass(frozen=True, slots=True)
class Review:
    """A person's decision on a verdict: `uphold` the machine or `overturn` it."""

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
    """What was done to one object, bound to the generation that was screened."""

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
    """A row of the ledger: `listed - skipped = accept + review + reject + error`, or there is no row.

    `metrics` is what the run counted besides (see `meter`), `sandbox` what held its decoders, for example
    `seccomp+landlock+limits`, and several by comma where workers differ; empty for runs committed before each was kept.
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
