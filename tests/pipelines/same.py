"""Compare verdicts on the same uploads that were come by in different ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest

from screening.records import Verdict
from tests.pipelines.conftest import Place

TOLERANCE = 1e-3  # of a score: engines sum in another order when a batch is another one


def by_name(verdicts: Iterable[Verdict]) -> Mapping[str, Verdict]:
    return {verdict.name: verdict for verdict in verdicts}


def of_job(place: Place) -> Mapping[str, Verdict]:
    """The newest verdicts in a place's tables."""
    return by_name(verdict for verdict, _ in place.tables.newest_verdicts())


def facts(verdict: Verdict) -> object:
    """What must be equal, besides the scores, and the spans in a text where a model found them."""
    own = (verdict.decision, verdict.reasons, verdict.detail, verdict.sha256, verdict.content_type, verdict.medium)
    return own, verdict.parts, verdict.not_looked_at, [key for key, _ in scores(verdict)]


def scores(verdict: Verdict) -> Sequence[tuple[object, float]]:
    """Each score with what it is one of: a label may have one for each role of parts."""
    return sorted(((s.source, s.label, s.evidence.part, s.evidence.note), s.score) for s in verdict.signals)


def assert_same(one: Mapping[str, Verdict], other: Mapping[str, Verdict]) -> None:
    """All verdicts are the same, by the names of their uploads."""
    assert one.keys() == other.keys()
    for name, verdict in one.items():
        assert facts(verdict) == facts(other[name]), name
        for (key, score), (_, again) in zip(scores(verdict), scores(other[name]), strict=True):
            assert score == pytest.approx(again, abs=TOLERANCE), (name, key)
