"""Decide on an upload from its signals: a pure function that ignores their order and holds the upload if in doubt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from screening.errors import UploadError
from screening.policy.rules import Policy, Rule, Ruling
from screening.records import Decision, Finding, Medium, Signal, Threshold

KNOWN_HASH = "known_hash"  # label of a match with a block bank
KNOWN_GOOD = "known_good"  # label of a match with an allow bank, and the reason given when it sets findings aside
MISSING_SCORE = "missing_score"
INVALID_SCORE = "invalid_score"
NOT_COVERED = "not_covered"
# Errors that the policy itself finds, so that another policy may decide differently.
DECIDED_ERRORS = (INVALID_SCORE, NOT_COVERED, MISSING_SCORE)


def decide(policy: Policy, medium: Medium | None, signals: Sequence[Signal], failure: UploadError | None) -> Ruling:
    """Return the ruling on an upload of `medium` (None if unknown) with these signals, or the failure to get them.

    A failure is always an `error`, and so is a score that is missing or not finite, or a medium without a category.
    Otherwise a match with an allow bank accepts, unless a block bank matched too; otherwise the worst finding decides.
    """
    rules = [rule for rule in policy.rules if medium is None or medium in rule.media]
    findings = [finding for rule in rules for finding in _findings(rule, signals)]
    reasons = _reasons(findings)
    held = failure or _doubt(rules, medium, signals)
    if held:
        return Ruling("error", tuple(dict.fromkeys((held.reason, *reasons))), tuple(findings), held.detail)
    matches = {signal.label for signal in signals if signal.source.startswith("bank/")}
    if findings and KNOWN_GOOD in matches and KNOWN_HASH not in matches:
        return Ruling("accept", (KNOWN_GOOD,), tuple(findings))
    levels = {finding.level for finding in findings}
    decision: Decision = "reject" if "reject" in levels else "review" if "review" in levels else "accept"
    return Ruling(decision, reasons, tuple(findings))


def crosses(score: float, threshold: Threshold) -> bool:
    """Return whether a score is at the threshold or on its worse side."""
    return score >= threshold.score if threshold.worse == "high" else score <= threshold.score


def _doubt(rules: Sequence[Rule], medium: Medium | None, signals: Sequence[Signal]) -> UploadError | None:
    if bad := sorted({f"{signal.label} ({signal.source})" for signal in signals if not math.isfinite(signal.score)}):
        return UploadError(INVALID_SCORE, ", ".join(bad))
    if not rules or medium is None:
        return UploadError(NOT_COVERED, f"the policy has no category for {medium or 'an unknown medium'}")
    missing = [rule for rule in rules if rule.required and not any(map(rule.reads, signals))]
    if missing:
        names = dict.fromkeys(f"{rule.label} ({rule.source})" for rule in missing)
        return UploadError(MISSING_SCORE, ", ".join(names))
    return None


def _findings(rule: Rule, signals: Iterable[Signal]) -> list[Finding]:
    found = [
        Finding(rule.category, level.level, signal, level)
        for signal in filter(rule.reads, signals)
        if (level := next((each for each in (rule.reject, rule.review) if each and crosses(signal.score, each)), None))
    ]
    return sorted(found, key=lambda each: (each.level != "reject", each.signal.source, each.signal.score, repr(each)))


def _reasons(findings: Sequence[Finding]) -> tuple[str, ...]:
    ordered = sorted(findings, key=lambda finding: finding.level != "reject")
    return tuple(dict.fromkeys(finding.category for finding in ordered))
