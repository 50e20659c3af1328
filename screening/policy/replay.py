"""Find out what another policy would decide on stored signals, without running a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from screening.errors import UploadError
from screening.policy.decide import DECIDED_ERRORS, KNOWN_GOOD, MISSING_SCORE, decide
from screening.policy.rules import Facts, Policy, Ruling
from screening.records import Decision, Evidence, ScreenedPart, Signal, Verdict, medium_of, parts_of

VerdictRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A stored verdict that the policy would decide differently."""

    run_id: str
    uri: str
    generation: int
    decision: Decision
    reasons: tuple[str, ...]
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class Replay:
    """What a policy would change: verdicts by (old, new) decision, and the first of the changed ones.

    `needs_screening` counts verdicts that lack a signal which the policy needs: only screening again can tell.
    """

    total: int
    counts: Mapping[tuple[Decision, Decision], int]
    changed: tuple[Change, ...]
    needs_screening: int


def replay(policy: Policy, verdict: Verdict | VerdictRow) -> Ruling:
    """Decide again from the stored signals of a verdict (the record, or a row of the table).

    What failed stays failed. Banks are not matched again: a match counts if the policy still has the bank and the
    distance; what a new or longer bank would match is not known here.
    """
    return _rule(policy, _stored(verdict))


def compare(policy: Policy, verdicts: Iterable[Verdict | VerdictRow], keep: int = 1000) -> Replay:
    """Replay many verdicts; return the counts and the first `keep` changed ones, in memory that does not grow."""
    counts: Counter[tuple[Decision, Decision]] = Counter()
    changed: list[Change] = []
    needs_screening = 0
    for old in map(_stored, verdicts):
        new = _rule(policy, old)
        counts[old.decision, new.decision] += 1
        needs_screening += new.reasons[:1] == (MISSING_SCORE,)
        if old.decision != new.decision and len(changed) < keep:
            changed.append(Change(old.run_id, old.uri, old.generation, old.decision, old.reasons, new))
    return Replay(counts.total(), dict(counts), tuple(changed), needs_screening)


@dataclass(frozen=True, slots=True)
class _Stored:
    run_id: str
    uri: str
    generation: int
    facts: Facts
    decision: Decision
    reasons: tuple[str, ...]
    detail: str
    signals: tuple[Signal, ...]


def _stored(row: Verdict | VerdictRow) -> _Stored:
    if isinstance(row, Verdict):
        own = {name: getattr(row, name) for name in _Stored.__slots__ if name != "facts"}
        return _Stored(**own, facts=Facts.of(row))
    return _Stored(
        run_id=row["run_id"],
        uri=row["uri"],
        generation=row["generation"],
        facts=Facts(
            parts_of(
                [ScreenedPart(**part) for part in row["parts"] or ()],
                medium_of(row["medium"], row["content_type"] or ""),
            ),
            row.get("genre") or None,
        ),
        decision=row["decision"],
        reasons=tuple(row["reasons"] or ()),
        detail=row["detail"] or "",
        signals=tuple(_signal(each) for each in row["signals"] or ()),
    )


def _rule(policy: Policy, verdict: _Stored) -> Ruling:
    signals = [signal for signal in verdict.signals if _still_matches(policy, signal)]
    return decide(policy, verdict.facts, signals, _failure(verdict))


def _signal(row: VerdictRow) -> Signal:
    score = float("nan") if row["score"] is None else row["score"]
    evidence = {name: value for name, value in (row["evidence"] or {}).items() if value is not None}
    return Signal(row["source"], row["label"], score, Evidence(**evidence))


def _failure(verdict: _Stored) -> UploadError | None:
    if verdict.decision != "error":
        return None
    reason = verdict.reasons[0] if verdict.reasons else "unknown"
    return None if reason in DECIDED_ERRORS else UploadError(reason, verdict.detail)


def _still_matches(policy: Policy, signal: Signal) -> bool:
    if not signal.source.startswith("bank/"):
        return True
    use = "allow" if signal.label == KNOWN_GOOD else "block"
    return any(
        f"bank/{bank.id}" == signal.source and bank.use == use and signal.score >= 1 - bank.max_distance / 256
        for bank in policy.banks
    )
