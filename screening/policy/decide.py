"""Decide on an upload from its signals: a pure function that ignores their order and holds the upload if in doubt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from screening.checks.document import UNSEEN
from screening.checks.hashes import KNOWN_HOST, LABELS
from screening.errors import UploadError
from screening.policy.rules import Facts, Policy, Rule, Ruling
from screening.records import ROLES, Decision, Finding, ScreenedPart, Signal, Threshold

KNOWN_HASH = LABELS["block"]
KNOWN_GOOD = LABELS["allow"]  # also the reason given when it sets findings aside
MISSING_SCORE = "missing_score"
INVALID_SCORE = "invalid_score"
NOT_COVERED = "not_covered"
# A part that no category is about is held, whatever the policy says of other things that were not looked at.
UNREAD = Threshold(UNSEEN.name, UNSEEN.name, "review", "high", 1.0, "always", ROLES)
# Errors that the policy itself finds, so that another policy may decide differently.
DECIDED_ERRORS = (INVALID_SCORE, NOT_COVERED, MISSING_SCORE)


def decide(policy: Policy, facts: Facts, signals: Sequence[Signal], failure: UploadError | None) -> Ruling:
    """Return the ruling on an upload from what is known of it and its signals, or from the failure to get them.

    A failure is always an `error`, and so is a score that is missing or not finite, or a first part without a category.
    Any other part without a category counts as not looked at.
    Otherwise a match with an allow bank accepts, unless a block bank matched too; otherwise the worst finding decides.
    """
    parts = facts.parts
    rules = [rule for rule in policy.rules if not parts or any(map(rule.covers, parts))]
    unread = [part for part in parts if not any(_looks_at(rule, part, facts) for rule in rules)]
    findings = [finding for rule in rules for finding in _findings(rule, signals, facts)]
    detail = ""
    if unread and parts[0] not in unread:
        detail = f"no category of the policy is about {', '.join(f'{part.kind} ({part.place})' for part in unread)}"
        findings.append(Finding(UNSEEN.name, "review", UNSEEN.signal(len(unread), detail), UNREAD))
    reasons = _reasons(findings)
    held = failure or _doubt(rules, unread, signals, facts)
    if held:
        return Ruling("error", tuple(dict.fromkeys((held.reason, *reasons))), tuple(findings), held.detail)
    matches = {signal.label for signal in signals if signal.source.startswith("bank/")}
    if findings and KNOWN_GOOD in matches and matches.isdisjoint((KNOWN_HASH, KNOWN_HOST)):
        return Ruling("accept", (KNOWN_GOOD,), tuple(findings), detail)
    levels = {finding.level for finding in findings}
    decision: Decision = "reject" if "reject" in levels else "review" if "review" in levels else "accept"
    return Ruling(decision, reasons, tuple(findings), detail)


def crosses(score: float, threshold: Threshold) -> bool:
    """Return whether a score is at the threshold or on its worse side."""
    return score >= threshold.score if threshold.worse == "high" else score <= threshold.score


def crossed(signal: Signal, threshold: Threshold, facts: Facts) -> bool:
    """Return whether a signal is a finding by the threshold."""
    return concerns(signal, threshold, facts) and crosses(signal.score, threshold)


def concerns(signal: Signal, threshold: Threshold, facts: Facts) -> bool:
    """Return whether a threshold is for a signal."""
    return signal.label == threshold.label and facts.meet(threshold, signal.evidence.part)


def _looks_at(rule: Rule, part: ScreenedPart, facts: Facts) -> bool:
    """Return whether a rule is about a part, by a level that is for such parts and uploads."""
    return rule.looks and rule.covers(part) and any(facts.meet(level, part.place) for level in rule.levels)


def _doubt(
    rules: Sequence[Rule], unread: Sequence[ScreenedPart], signals: Sequence[Signal], facts: Facts
) -> UploadError | None:
    parts = facts.parts
    if bad := sorted({f"{signal.label} ({signal.source})" for signal in signals if not math.isfinite(signal.score)}):
        return UploadError(INVALID_SCORE, ", ".join(bad))
    if not parts or parts[0] in unread:
        return UploadError(
            NOT_COVERED, f"the policy has no category for {parts[0].kind if parts else 'an unknown medium'}"
        )
    there = {(signal.source, signal.label, facts.role(signal.evidence.part)) for signal in signals}
    missing: dict[str, None] = {}
    for rule in rules:
        wanted = {part.role for part in parts if rule.covers(part)} if rule.required else set()
        known = {role for source, label, role in there if rule.is_fed_by(source, label)}
        if wanted - known:
            missing[f"{rule.label} ({rule.source})"] = None
    return UploadError(MISSING_SCORE, ", ".join(missing)) if missing else None


def _findings(rule: Rule, signals: Iterable[Signal], facts: Facts) -> list[Finding]:
    hardest_first = sorted(rule.levels, key=lambda each: each.level == "review")
    found = [
        Finding(rule.category, level.level, signal, level)
        for signal in filter(rule.reads, signals)
        if (level := next((each for each in hardest_first if crossed(signal, each, facts)), None))
    ]
    return sorted(found, key=lambda each: (each.level != "reject", each.signal.source, each.signal.score, repr(each)))


def _reasons(findings: Sequence[Finding]) -> tuple[str, ...]:
    ordered = sorted(findings, key=lambda finding: finding.level != "reject")
    return tuple(dict.fromkeys(finding.category for finding in ordered))
