"""A policy says which parts of a document a category is about, and nobody's part is waved through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from screening.checks.document import UNSEEN
from screening.policy import Facts, decide
from screening.policy.decide import crossed
from screening.records import ScreenedPart
from tests.screening.policy.conftest import HEADER, IMAGE_PARTS, PAGE_PARTS, TEXT_PARTS, signal

OTHER = "statement: STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
# Without banks, which look at whatever there is.
TEXT_ONLY = "policy: test\nversion: 1\ncategories:\n  - {id: hate, signal: hate, review: 0.5}\n"
PICTURE = ScreenedPart("data 1", "image", "rest")


def hateful(parts: str) -> str:
    """A policy with a category that is about these parts."""
    return f"{HEADER}  - {{id: hate, signal: hate, {parts}review: 0.5}}\n"


@pytest.mark.parametrize(
    ("parts", "decision"),
    [
        ("", "review"),
        ("parts: [main, title, rest, hidden], ", "review"),
        ("parts: [main], ", "accept"),
        ("parts: [main, title], ", "accept"),
        ("parts: [rest], ", "review"),
    ],
)
def test_a_category_reads_the_parts_that_it_names_or_all(parts, decision, load):
    found = [signal("hate", 0.1, part="main"), signal("hate", 0.9, part="footer")]
    ruling = decide(load(hateful(parts)), Facts(PAGE_PARTS), found, None)
    assert ruling.decision == decision
    assert [finding.signal for finding in ruling.findings] == found[1:] * (decision == "review")


@pytest.mark.parametrize(
    ("parts", "scored", "missing"),
    [
        ("", ("main",), True),
        ("", ("footer",), True),
        ("", ("main", "footer"), False),
        ("parts: [main], ", ("main",), False),
        ("parts: [main], ", ("footer",), True),
        ("parts: [main, hidden], ", ("main",), False),
    ],
)
def test_a_score_is_needed_for_each_role_that_the_document_has(parts, scored, missing, load):
    found = [signal("hate", 0.1, part=place) for place in scored]
    ruling = decide(load(hateful(parts)), Facts(PAGE_PARTS), found, None)
    assert ruling.reasons == (("missing_score",) if missing else ())
    assert ("hate (bundle/text-screen@1.0.0)" in ruling.detail) == missing


@pytest.mark.parametrize("roles", [(), ("main",), ("rest",), ("title", "hidden")])
def test_a_stored_threshold_is_crossed_by_what_was_found_by_it(roles, load):
    policy = load(hateful(f"parts: [{', '.join(roles)}], " if roles else ""))
    found = [signal("hate", 0.6, part="main"), signal("hate", 0.4, part="data 1"), signal("hate", 0.9, part="footer")]
    facts = Facts(PAGE_PARTS)
    findings = decide(policy, facts, found, None).findings
    [level] = [each for each in policy.thresholds if each.category == "hate"]
    assert [each for each in found if crossed(each, level, facts)] == [finding.signal for finding in findings]
    older = replace(level, parts=())
    assert [each for each in found if crossed(each, older, facts)] == [found[0], found[2]], "it is for all parts"


def test_one_score_is_enough_for_the_parts_of_a_role(load):
    parts = (*PAGE_PARTS, ScreenedPart("header", "text", "rest"))
    found = [signal("hate", 0.1, part="main"), signal("hate", 0.2, part="header")]
    assert decide(load(hateful("")), Facts(parts), found, None).decision == "accept"


def test_a_part_of_a_medium_that_no_category_is_about_is_not_looked_at(load):
    ruling = decide(load(TEXT_ONLY), Facts((*TEXT_PARTS, PICTURE)), [signal("hate", 0.1)], None)
    assert (ruling.decision, ruling.reasons) == ("review", ("not_looked_at",))
    [finding] = ruling.findings
    assert (finding.signal.source, finding.signal.score) == ("document/not_looked_at@1", 1)
    assert finding.signal.evidence.note == "no category of the policy is about image (data 1)"


def test_a_part_of_a_role_that_no_category_is_about_is_not_looked_at(load):
    policy = load(TEXT_ONLY.replace("review", "parts: [main], review"))
    found = [signal("hate", 0.1, part="main")]
    assert decide(policy, Facts(TEXT_PARTS), found, None).decision == "accept"
    ruling = decide(policy, Facts(PAGE_PARTS), found, None)
    assert (ruling.decision, ruling.reasons) == ("review", ("not_looked_at",))
    assert ruling.findings[0].signal.score == 2
    assert "text (footer), image (data 1)" in ruling.findings[0].signal.evidence.note


def test_a_first_part_that_no_category_is_about_is_an_error(load):
    for parts in (IMAGE_PARTS, (*IMAGE_PARTS, *TEXT_PARTS)):
        ruling = decide(load(TEXT_ONLY), Facts(parts), [signal("hate", 0.1, part="main")], None)
        assert (ruling.decision, ruling.reasons[0]) == ("error", "not_covered")
        assert ruling.detail == "the policy has no category for image"


def test_what_was_not_looked_at_is_for_a_person_although_the_policy_does_not_say_so(load):
    ruling = decide(load(TEXT_ONLY), Facts(TEXT_PARTS), [signal("hate", 0.1), UNSEEN.signal(3, "3 × frame: why")], None)
    assert (ruling.decision, ruling.reasons) == ("review", ("not_looked_at",))
    assert ruling.findings[0].threshold.origin == "score: 1"


@pytest.mark.parametrize("name", ["not_looked_at", "document/not_looked_at"])
@pytest.mark.parametrize(("count", "decision"), [(4, "accept"), (5, "review"), (49, "review"), (50, "reject")])
def test_a_policy_sets_how_much_may_not_be_looked_at(name, count, decision, load):
    policy = load(f"{TEXT_ONLY}  - {{id: unseen, signal: {name}, review: 5, reject: 50, {OTHER}}}\n")
    ruling = decide(policy, Facts(TEXT_PARTS), [signal("hate", 0.1), UNSEEN.signal(count, "")], None)
    assert (ruling.decision, ruling.reasons) == (decision, () if decision == "accept" else ("unseen",))
