"""What is wrong with a category is said with file, line and remedy, before anything is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from screening.policy import PolicyError
from screening.records import BundleId
from tests.screening.policy.conftest import CATEGORIES, CHECKS, HATE, HEADER, TEXT, FakeCheck, faults, only_fault

HATEFUL = "statement: STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH"

# What is added to a sound policy of seven lines, the line of the fault, what is said, and the remedy.
CATEGORY_FAULTS = {
    "unknown label": (
        "  - {id: hate, signal: hat, review: 0.5}",
        8,
        "signal 'hat' is neither a label of a bundle, nor a check, nor known_hash",
        "did you mean 'hate'?",
    ),
    "unknown check": (
        "  - {id: short, signal: to_short, review: 5}",
        8,
        "signal 'to_short' is neither a label",
        "did you mean 'too_short'?",
    ),
    "unknown bundle": (
        "  - {id: hate, signal: text-scren/hate, review: 0.5}",
        8,
        "signal 'text-scren/hate' is neither a label",
        "did you mean 'text-screen/hate'?",
    ),
    "duplicate id": (
        "  - {id: hate, signal: hate, review: 0.5}\n  - {id: hate, signal: hate, review: 0.9}",
        9,
        "category 'hate' appears twice",
        "an id of its own",
    ),
    "impossible precision": (
        f"  - id: hate\n    signal: hate\n    {HATEFUL}\n    reject:\n      precision: 0.99",
        12,
        "hate: precision 0.99 is out of reach for hate on the bundle's calibration data",
        "the best it holds is 0.95",
    ),
    "impossible recall": (
        "  - {id: hate, signal: spam, review: {recall: 0.9}}",
        8,
        "recall target needs a calibrated label, and spam is not calibrated in its bundle",
        "write a score in share, like `review: 0.9`",
    ),
    "target on a check": (
        "  - {id: short, signal: too_short, review: {precision: 0.9}}",
        8,
        "precision target needs a calibrated label, and too_short is a check",
        "write a score in words",
    ),
    "target on a hash match": (
        "  - {id: known, signal: known_hash, review: {precision: 0.9}}",
        8,
        "known_hash is a hash match",
        "write a score in share",
    ),
    "reject milder than review": (
        f"  - id: hate\n    signal: hate\n    review: {{precision: 0.9}}\n    reject: 0.6\n    {HATEFUL}",
        11,
        "reject (score: 0.6) is milder than review (precision: 0.9 → 0.7)",
        "set reject at or above 0.7",
    ),
    "reject milder than review, low is worse": (
        "  - {id: s, signal: too_short, review: 10, reject: 20, statement: STATEMENT_CATEGORY_OTHER_VIOLATION_TC}",
        8,
        "reject (score: 20) is milder than review (score: 10)",
        "set reject at or below 10",
    ),
    "misinformation by signal": (
        f"  - id: propaganda\n    signal: unreliable_style\n    reject: 0.9\n    {HATEFUL}",
        10,
        "propaganda: a text model sees style, not truth",
        "`misinformation_may_reject: true`",
    ),
    "misinformation by id": (
        f"  - id: misinformation\n    signal: hate\n    reject: {{precision: 0.9}}\n    {HATEFUL}",
        10,
        "misinformation can't reject by itself",
        "`misinformation_may_reject: true`",
    ),
    "reject without statement": (
        "  - {id: hate, signal: hate, reject: 0.9}",
        8,
        "category 'hate' rejects without a statement of reasons",
        "add `statement: STATEMENT_CATEGORY_...`",
    ),
    "unknown statement": (
        "  - {id: hate, signal: hate, review: 0.9, statement: STATEMENT_CATEGORY_VIOLENT}",
        8,
        "'STATEMENT_CATEGORY_VIOLENT' is not a category of the statement of reasons",
        "did you mean 'STATEMENT_CATEGORY_VIOLENCE'?",
    ),
    "medium that the signal has not": (
        "  - id: hate\n    signal: hate\n    media: [text, image]\n    review: 0.9",
        10,
        "hate scores text only, not image",
        "write `media: [text]`",
    ),
    "unknown medium": (
        "  - {id: hate, signal: hate, media: [txt], review: 0.9}",
        8,
        "media.0: 'txt' is not known",
        "did you mean 'text'?",
    ),
    "part that the check is not about": (
        "  - id: short\n    signal: too_short\n    parts: [rest]\n    review: 5",
        10,
        "too_short is about parts that are main only, not rest",
        "write `parts: [main]`",
    ),
    "unknown part": (
        "  - {id: hate, signal: hate, parts: [mian], review: 0.9}",
        8,
        "parts.0: 'mian' is not known",
        "did you mean 'main'?",
    ),
    "no part": (
        "  - {id: hate, signal: hate, parts: [], review: 0.9}",
        8,
        "parts: List should have at least 1 item",
        "give at least one",
    ),
    "no level": ("  - {id: hate, signal: hate}", 8, "category 'hate' has no level", "add `review: ...`"),
    "two targets": (
        "  - {id: hate, signal: hate, review: {precision: 0.9, recall: 0.5}}",
        8,
        "review needs exactly one of score, precision, recall and held",
        "`review: 0.9`",
    ),
    "no target": ("  - {id: hate, signal: hate, review: {}}", 8, "review needs exactly one", "`review: 0.9`"),
    "score of a label out of range": (
        "  - {id: hate, signal: hate, review: 80}",
        8,
        "review: 80 is outside the range of hate",
        "between 0 and 1",
    ),
    "share of a check out of range": (
        "  - {id: noise, signal: symbol_noise, review: 30}",
        8,
        "review: 30 is outside the range of symbol_noise",
        "between 0 and 1",
    ),
    "target out of range": (
        "  - {id: hate, signal: hate, review: {precision: 98}}",
        8,
        "review.precision: should be less than or equal to 1, not 98",
        "at most 1",
    ),
    "number in quotes": (
        '  - {id: hate, signal: hate, review: "0.9"}',
        8,
        "review: should be keys and values, not '0.9'",
        "write a number without quotes",
    ),
    "truth as a number": ("  - {id: hate, signal: hate, review: true}", 8, "not True", "write a number"),
    "not a number": ("  - {id: hate, signal: hate, review: .nan}", 8, "should be a finite number", "write a number"),
    "misspelt key": (
        "  - id: hate\n    signal: hate\n    reveiw: 0.9",
        10,
        "unknown key 'reveiw'",
        "did you mean 'review'?",
    ),
    "misspelt target": (
        "  - {id: hate, signal: hate, review: {precison: 0.9}}",
        8,
        "unknown key 'review.precison'",
        "did you mean 'precision'?",
    ),
    "missing key": ("  - {id: hate, review: 0.9}", 8, "key 'signal' is missing", "add `signal: ...`"),
    "ill-spelt id": ("  - {id: Hate, signal: hate, review: 0.9}", 8, "id: 'Hate'", "lower-case letters"),
    "reserved id": (
        "  - {id: known_good, signal: hate, review: 0.9}",
        8,
        "'known_good' is a reason that the product itself gives",
        "choose another id",
    ),
    "no category": ("  - hate", 8, "this entry: should be keys and values, not 'hate'", "write keys and values"),
    "duplicate key": (
        "  - id: hate\n    signal: hate\n    review: 0.9\n    signal: spam",
        11,
        "key 'signal' appears twice, first on line 9",
        "keep one of the two",
    ),
}


@pytest.mark.parametrize("name", CATEGORY_FAULTS)
def test_a_fault_in_a_category(load, name):
    added, line, what, fix = CATEGORY_FAULTS[name]
    found = only_fault(load, f"{HEADER}{added}\n")
    assert found[0] == line
    assert what in found[1]
    assert fix in found[2]


def test_a_label_of_two_bundles_must_say_which(load):
    other = replace(TEXT, id=BundleId("other", "2.0.0", "e" * 64))
    line, what, fix = only_fault(load, CATEGORIES, bundles=(TEXT, replace(other, labels=("hate",))))
    assert line == 9
    assert "signal 'hate' is ambiguous" in what
    assert fix == "write other/hate or text-screen/hate"
    named = CATEGORIES.replace("signal: hate", "signal: other/hate").replace("{precision: 0.80}", "0.8")
    policy = load(named.replace("{precision: 0.95}", "0.9"), bundles=(TEXT, replace(other, labels=("hate",))))
    assert policy.rules[1].source == "bundle/other@2.0.0"


def test_a_label_and_a_check_of_one_name_must_say_which(load):
    checks = (*CHECKS, FakeCheck("hate", 1, "text", "share", "high"))
    assert only_fault(load, CATEGORIES, checks=checks)[2] == "write check/hate or text-screen/hate"
    policy = load(CATEGORIES.replace("signal: hate", "signal: text-screen/hate"), checks=checks)
    assert policy.rules[1].source == "bundle/text-screen@1.0.0"


def test_too_little_calibration_data_is_impossible(load):
    few = replace(TEXT, calibration={"hate": replace(HATE, positives=5)})
    categories = ("{id: hate, signal: hate, review: {recall: 0.9}}", "{id: h, signal: hate, review: {precision: 0.9}}")
    text = HEADER + "".join(f"  - {each}\n" for each in categories)
    with pytest.raises(PolicyError) as caught:
        load(text, bundles=(few,))
    found = faults(caught.value)
    assert "only 5 positive calibration rows" in found[0][1]
    assert "no threshold flags 30 calibration rows" in found[1][1]
    assert {fix for _, _, fix in found} == {"give a score instead"}
