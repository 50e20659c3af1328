"""Promise 1 where it is made: closed when in doubt, the worst finding decides, and nothing else matters."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.errors import UploadError
from screening.policy import Facts, decide
from screening.records import DECISIONS, Evidence
from tests.screening.policy.conftest import IMAGE_PARTS, PAGE_PARTS, TEXT_PARTS, signal

GOOD = (
    signal("hate", 0.1),
    signal("unreliable_style", 0.2),
    signal("too_short", 200.0),
    signal("symbol_noise", 0.03),
    signal("normal", 0.9),
)
GOOD_PICTURE = (signal("low_resolution", 480.0),)
GOOD_FOOTER = (signal("hate", 0.1, part="footer"), signal("unreliable_style", 0.2, part="footer"))
SEVERITY = {decision: i for i, decision in enumerate(DECISIONS)}

scores = {
    "hate": st.floats(0, 1),
    "unreliable_style": st.floats(0, 1),
    "too_short": st.floats(0, 1e5),
    "symbol_noise": st.floats(0, 1),
    "low_resolution": st.floats(1, 1e4),
    "known_hash": st.floats(0, 1),
    "known_good": st.floats(0, 1),
}
labels = st.sampled_from(sorted(scores))
any_signal = labels.flatmap(lambda label: scores[label].map(lambda score: signal(label, score)))
signals = st.lists(any_signal, max_size=12)
complete = signals.map(lambda found: [*found, *GOOD])
failures = st.sampled_from(("undecodable", "replaced", "classifier_failed")).map(
    lambda reason: UploadError(reason, "x")
)
documents = st.sampled_from((TEXT_PARTS, IMAGE_PARTS, PAGE_PARTS))


def with_score(label: str, score: float):
    return [replace(each, score=score) if each.label == label else each for each in GOOD]


@pytest.mark.parametrize(
    ("label", "score", "decision", "reasons"),
    [
        ("hate", 0.499, "accept", ()),
        ("hate", 0.5, "review", ("hate",)),
        ("hate", 0.899, "review", ("hate",)),
        ("hate", 0.9, "reject", ("hate",)),
        ("unreliable_style", 1.0, "review", ("misinformation",)),
        ("too_short", 20.5, "accept", ()),
        ("too_short", 20.0, "review", ("too_short",)),
        ("normal", 1.0, "accept", ()),
    ],
)
def test_a_score_at_its_level_is_a_finding(policy, label, score, decision, reasons):
    ruling = decide(policy, Facts(TEXT_PARTS), with_score(label, score), None)
    assert (ruling.decision, ruling.reasons) == (decision, reasons)


def test_reasons_are_the_weightiest_first_then_in_the_order_of_the_policy(policy):
    bad = {"hate": 0.6, "unreliable_style": 0.95, "too_short": 3, "symbol_noise": 0.95}
    found = [signal(label, score) for label, score in bad.items()]
    ruling = decide(policy, Facts(TEXT_PARTS), found, None)
    assert ruling.decision == "reject"
    assert ruling.reasons == ("symbol_noise", "hate", "misinformation", "too_short")
    assert [(finding.category, finding.level) for finding in ruling.findings] == [
        ("hate", "review"),
        ("misinformation", "review"),
        ("too_short", "review"),
        ("symbol_noise", "reject"),
    ]
    assert ruling.findings[0].threshold.origin == "precision: 0.8"


@given(complete, failures)
def test_a_failure_is_always_an_error_with_the_findings_after_it(policy, found, failure):
    ruling = decide(policy, Facts(TEXT_PARTS), found, failure)
    findings = decide(policy, Facts(TEXT_PARTS), [each for each in found if each.label != "known_good"], None).reasons
    assert (ruling.decision, ruling.reasons, ruling.detail) == ("error", (failure.reason, *findings), "x")


def test_a_known_hash_is_named_even_when_the_bytes_cant_be_decoded(policy):
    ruling = decide(policy, Facts(()), [signal("known_hash", 1.0)], UploadError("undecodable"))
    assert (ruling.decision, ruling.reasons) == ("error", ("undecodable", "known_hash"))


@pytest.mark.parametrize("label", ["hate", "unreliable_style", "too_short", "symbol_noise"])
def test_a_missing_score_is_an_error_and_says_which(policy, label):
    ruling = decide(policy, Facts(TEXT_PARTS), [each for each in GOOD if each.label != label], None)
    assert (ruling.decision, ruling.reasons) == ("error", ("missing_score",))
    assert label in ruling.detail


@given(signals, st.sampled_from(("hate", "unreliable_style", "too_short", "symbol_noise")))
def test_a_missing_score_is_never_anything_but_an_error(policy, found, label):
    left = [each for each in [*found, *GOOD] if each.label != label]
    ruling = decide(policy, Facts(TEXT_PARTS), left, None)
    assert ruling.decision == "error"
    assert ruling.reasons[0] == "missing_score"


@pytest.mark.parametrize(
    "source", ["bundle/text-screen@0.9.0/head", "bundle/other@1.0.0/head", "bundle/text-screen@1.0.0x/head", "bank/x"]
)
def test_another_models_score_is_not_the_score_that_the_threshold_is_for(policy, source):
    found = [replace(each, source=source) if each.label == "hate" else each for each in GOOD]
    assert decide(policy, Facts(TEXT_PARTS), found, None).reasons == ("missing_score",)


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("label", [each.label for each in GOOD])
def test_a_score_that_is_no_number_is_an_error(policy, label, score):
    ruling = decide(policy, Facts(TEXT_PARTS), with_score(label, score), None)
    assert (ruling.decision, ruling.reasons[0]) == ("error", "invalid_score")
    assert label in ruling.detail


def test_only_the_categories_of_the_medium_count(policy):
    assert decide(policy, Facts(IMAGE_PARTS), GOOD_PICTURE, None).decision == "accept"
    assert decide(policy, Facts(IMAGE_PARTS), [signal("low_resolution", 100)], None).reasons == ("low_resolution",)
    assert decide(policy, Facts(IMAGE_PARTS), [*GOOD_PICTURE, signal("hate", 1.0)], None).decision == "accept"
    assert decide(policy, Facts(TEXT_PARTS), GOOD, None).decision == "accept"


def test_a_medium_that_no_category_speaks_of_is_never_waved_through(policy):
    text_only = replace(policy, rules=tuple(rule for rule in policy.rules if rule.media == ("text",)))
    assert decide(text_only, Facts(IMAGE_PARTS), GOOD_PICTURE, None).reasons == ("not_covered",)
    assert decide(policy, Facts(()), GOOD, None).reasons == ("not_covered",)


def test_a_block_bank_rejects_and_a_weak_match_does_not(policy):
    assert decide(policy, Facts(TEXT_PARTS), [*GOOD, signal("known_hash", 1.0)], None).reasons == ("known_hash",)
    assert decide(policy, Facts(TEXT_PARTS), [*GOOD, signal("known_hash", 0.8)], None).decision == "accept"


def test_an_allow_bank_sets_findings_aside_and_a_block_bank_beats_it(policy):
    found = [*GOOD[1:], signal("hate", 0.99)]
    good, blocked = signal("known_good", 1.0), signal("known_hash", 1.0)
    assert decide(policy, Facts(TEXT_PARTS), found, None).decision == "reject"
    ruling = decide(policy, Facts(TEXT_PARTS), [*found, good], None)
    assert (ruling.decision, ruling.reasons) == ("accept", ("known_good",))
    assert decide(policy, Facts(TEXT_PARTS), [*found, good, blocked], None).reasons == ("known_hash", "hate")
    assert decide(policy, Facts(TEXT_PARTS), [*GOOD, good], None).reasons == ()


def test_only_a_bank_says_known_good(policy):
    found = [*GOOD[1:], signal("hate", 0.99), signal("known_good", 1.0, "bundle/text-screen@1.0.0/head")]
    assert decide(policy, Facts(TEXT_PARTS), found, None).decision == "reject"


@given(complete, documents, st.none() | failures, st.randoms())
def test_the_order_of_signals_never_matters(policy, found, parts, failure, random):
    found = [replace(each, evidence=Evidence(window=i % 3)) for i, each in enumerate(found)] + [*GOOD_FOOTER]
    shuffled = random.sample(found, len(found))
    assert decide(policy, Facts(parts), found, failure) == decide(policy, Facts(parts), shuffled, failure)


WORSE = {"hate": 1, "unreliable_style": 1, "symbol_noise": 1, "too_short": -1, "low_resolution": -1, "known_hash": 1}


@given(signals, documents, st.data())
def test_a_worse_score_never_makes_a_milder_decision(policy, found, parts, data):
    found = [each for each in [*found, *GOOD, *GOOD_PICTURE, *GOOD_FOOTER] if each.label != "known_good"]
    place = data.draw(st.sampled_from([i for i, each in enumerate(found) if each.label in WORSE]))
    other = data.draw(scores[found[place].label])
    milder, worse = sorted((found[place].score, other), key=lambda score: score * WORSE[found[place].label])

    def severity(score: float) -> int:
        changed = [*found[:place], replace(found[place], score=score), *found[place + 1 :]]
        return SEVERITY[decide(policy, Facts(parts), changed, None).decision]

    assert severity(milder) <= severity(worse)
