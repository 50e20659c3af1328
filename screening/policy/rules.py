"""The form in which a policy is applied, validated and resolved, and what it may ask of an upload besides scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from screening.checks.hashes import KNOWN_HOST
from screening.decode.limits import Fields, Limits
from screening.records import (
    Decision,
    Finding,
    Genre,
    Medium,
    Role,
    ScreenedPart,
    Signal,
    Threshold,
    Verdict,
    parts_of,
)

UNDETERMINED = "und"  # ISO 639-2
TOLD = 20  # words from which the language of a text can be told


@dataclass(frozen=True, slots=True)
class BankSpec:
    """A bank to match against; `uri` is absolute, `max_distance` counts bits of a 256-bit PDQ hash."""

    id: str
    uri: str
    use: Literal["block", "allow"]
    max_distance: int


@dataclass(frozen=True, slots=True)
class Quota:
    """The shares (0 to 1) above which a release is refused, if its plan has at least `min_uploads`."""

    max_reject_share: float
    max_error_share: float
    min_uploads: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A category with the signal that feeds it and its levels, review before reject.

    `source` is the signal's source, or its first parts ("bank" for "bank/ID", "document/NAME" for any version of it).
    The category is about parts of these `media` and roles (`parts`). A `required` signal must be there for each of
    these roles that a document has; a hash match is not required, since there is a signal only if there is a match.
    """

    category: str
    label: str
    source: str
    media: tuple[Medium, ...]
    parts: tuple[Role, ...]
    required: bool
    levels: tuple[Threshold, ...]

    @property
    def looks(self) -> bool:
        """Whether its signal comes from looking at parts, and not from the document as a whole or where it leads to."""
        return not self.source.startswith("document/") and self.label != KNOWN_HOST

    def covers(self, part: ScreenedPart) -> bool:
        """Return whether the category is about such a part."""
        return part.kind in self.media and part.role in self.parts

    def reads(self, signal: Signal) -> bool:
        """Return whether this signal, wherever it was found, is the one that feeds the category."""
        return self.is_fed_by(signal.source, signal.label)

    def is_fed_by(self, source: str, label: str) -> bool:
        """Return whether a signal of this source and label feeds the category."""
        return label == self.label and (
            source == self.source or source.startswith((f"{self.source}/", f"{self.source}@"))
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that a policy file says; picklable, and small enough to travel to every worker.

    `digest` is the SHA-256 of all that verdicts depend on, which excludes `quota`, since it only limits releases.
    """

    name: str
    version: int
    digest: str
    languages: tuple[str, ...]
    limits: Limits
    fields: Fields
    banks: tuple[BankSpec, ...]
    quota: Quota
    rules: tuple[Rule, ...]
    statement_codes: Mapping[str, str]

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """The resolved levels in the order of the file, review before reject."""
        return tuple(level for rule in self.rules for level in rule.levels)


@dataclass(frozen=True)
class Facts:
    """An upload's parts (none if they are unknown) and its genre.

    What is unknown meets every condition, but for a language that nobody can tell: that is no ground for a reject.
    """

    parts: Sequence[ScreenedPart]
    genre: Genre | None = None

    @classmethod
    def of(cls, verdict: Verdict) -> Facts:
        """Return the facts that a verdict was made from."""
        return cls(parts_of(verdict.parts, verdict.medium), verdict.genre)

    def role(self, place: str) -> Role:
        """Return the role of the part at a place; what is about no part is about what the upload mainly is."""
        return self._roles.get(place, "main")

    def meet(self, threshold: Threshold, place: str) -> bool:
        """Return whether a threshold is for the part at a place of the upload, or for the whole of it (place "")."""
        if threshold.genres and self.genre and self.genre not in threshold.genres:
            return False
        if not place:
            return True
        role = self.role(place)
        if threshold.parts and role not in threshold.parts:
            return False
        words = self._words.get(role)
        if threshold.languages and not self._may_be(place, threshold):
            return False
        most = math.inf if threshold.max_words is None else threshold.max_words
        return words is None or (threshold.min_words or 0) <= words <= most

    def _may_be(self, place: str, threshold: Threshold) -> bool:
        """Return whether the part may be in a language of the threshold.

        What a short text is in nobody knows, so a review is for it in any language, and a reject is not.
        """
        part = self._parts.get(place)
        if part is None or not part.language or part.language in threshold.languages:
            return True
        short = part.words is not None and part.words < TOLD
        return threshold.level == "review" and (part.language == UNDETERMINED or short)

    @cached_property
    def _parts(self) -> dict[str, ScreenedPart]:
        return {part.place: part for part in self.parts}

    @cached_property
    def _roles(self) -> dict[str, Role]:
        return {part.place: part.role for part in self.parts}

    @cached_property
    def _words(self) -> dict[Role, int]:
        """The words of all parts of a role, for those roles where they are known."""
        words: dict[Role, int] = {}
        for part in self.parts:
            if part.words is not None:
                words[part.role] = words.get(part.role, 0) + part.words
        return words


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision with its reasons, the weightiest first, and the findings behind them."""

    decision: Decision
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    detail: str = ""
