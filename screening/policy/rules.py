"""The form in which a policy is applied: validated, with its signals found and its targets resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from screening.decode.limits import Fields, Limits
from screening.records import Decision, Finding, Medium, Signal, Threshold


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
    """A category with the signal that feeds it and its levels.

    `source` is the signal's source, or its first parts ("bank" for "bank/ID"). A `required` signal must be there; a
    hash match is not required, since there is a signal only if there is a match.
    """

    category: str
    label: str
    source: str
    media: tuple[Medium, ...]
    required: bool
    review: Threshold | None
    reject: Threshold | None

    def reads(self, signal: Signal) -> bool:
        """Return whether this signal feeds the category."""
        return signal.label == self.label and (
            signal.source == self.source or signal.source.startswith(f"{self.source}/")
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
        return tuple(level for rule in self.rules for level in (rule.review, rule.reject) if level)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision with its reasons, the weightiest first, and the findings behind them."""

    decision: Decision
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    detail: str = ""
