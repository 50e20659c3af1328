"""Promise 6: another policy on stored signals decides as it would have decided at the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.errors import UploadError
from screening.policy import Facts, Policy, compare, decide, replay
from screening.records import MEDIA, BundleId, Fingerprint, ScreenedPart, Verdict, medium_of
from screening.tables.schema import verdict_batch
from tests.screening.policy.conftest import CATEGORIES, IMAGE_PARTS, PAGE_PARTS, TEXT, TEXT_PARTS, signal
from tests.screening.policy.test_decide import (
    GOOD,
    GOOD_FOOTER,
    GOOD_PICTURE,
    complete,
    documents,
    failures,
    with_score,
)

FINGERPRINT = Fingerprint("f", "decoder", "engine", (), "banks", "policy")


def stored(policy: Policy, signals=GOOD, failure=None, parts=TEXT_PARTS, uri="/uploads/a.txt") -> Verdict:
    ruling = decide(policy, Facts(parts), signals, failure)
    return Verdict(
        run_id="run", uri=uri, name=uri, generation=1, size=1, sha256="", content_type="?", metadata={},
        decision=ruling.decision, reasons=ruling.reasons, detail=ruling.detail, signals=tuple(signals),
        thresholds=policy.thresholds, fingerprint=FINGERPRINT, screened_at=datetime.now(UTC), seconds=0.0,
        medium=parts[0].kind if parts else None, parts=parts,
    )  # fmt: skip


@pytest.fixture(scope="session")
def policies(policy) -> list[Policy]:
    """The policy, a stricter one, a milder one, and one that looks at less."""
    hate = policy.rules[1]
    _, reject = hate.levels
    stricter = replace(hate, levels=(replace(reject, score=0.2),))
    milder = replace(hate, levels=(reject,))
    return [
        policy,
        replace(policy, rules=(policy.rules[0], stricter, *policy.rules[2:])),
        replace(policy, rules=(policy.rules[0], milder, *policy.rules[2:])),
        replace(policy, rules=(policy.rules[0], *policy.rules[2:])),
    ]


@given(complete, st.none() | failures, documents | st.just(()), st.data())
def test_a_replay_is_a_fresh_decision(policies, found, failure, parts, data):
    found = [
        each for each in [*found, *GOOD_FOOTER] if each.source not in ("bank/block", "bank/allow") or each.score == 1.0
    ]
    old, new = data.draw(st.sampled_from(policies)), data.draw(st.sampled_from(policies))
    verdict = stored(old, found, failure, parts)
    fresh = decide(new, Facts(parts), found, failure)
    assert replay(new, verdict) == fresh
    [row] = verdict_batch([verdict]).to_pylist()
    assert replay(new, row) == fresh, "a row of the table says as much as the record"


def test_what_failed_stays_failed(policies):
    for policy in policies:
        ruling = replay(policy, stored(policies[0], (), UploadError("undecodable", "at byte 3"), ()))
        assert (ruling.decision, ruling.reasons, ruling.detail) == ("error", ("undecodable",), "at byte 3")


def test_an_error_without_a_reason_stays_an_error(policy):
    odd = replace(stored(policy), decision="error", reasons=())
    assert replay(policy, odd).decision == "error"


def test_a_signal_that_was_never_stored_needs_screening_again(policies):
    whole, *_, less = policies
    verdict = stored(less, [each for each in GOOD if each.label != "hate"])
    assert verdict.decision == "accept"
    ruling = replay(whole, verdict)
    assert (ruling.decision, ruling.reasons) == ("error", ("missing_score",))
    assert compare(whole, [verdict, stored(whole)]).needs_screening == 1


def test_a_score_of_an_older_bundle_needs_screening_again(load, policy):
    newer = load(CATEGORIES, bundles=(replace(TEXT, id=BundleId("text-screen", "1.1.0", "e" * 64)),))
    assert replay(newer, stored(policy)).reasons == ("missing_score",)


def test_an_error_that_the_policy_itself_found_is_looked_at_again(policies):
    whole, *_, less = policies
    verdict = stored(whole, [each for each in GOOD if each.label != "hate"])
    assert verdict.reasons == ("missing_score",)
    assert replay(less, verdict).decision == "accept"


def test_a_bank_that_the_policy_no_longer_has_matches_nothing(policy):
    verdict = stored(policy, [*GOOD, signal("known_hash", 1 - 20 / 256)])
    assert verdict.decision == "reject"
    assert replay(policy, verdict).decision == "reject"
    closer = replace(policy, banks=tuple(replace(bank, max_distance=10) for bank in policy.banks))
    assert replay(closer, verdict).decision == "accept"
    assert replay(replace(policy, banks=()), verdict).decision == "accept"


def test_a_null_score_is_no_score(policy):
    [row] = verdict_batch([stored(policy)]).to_pylist()
    row["signals"][0]["score"] = None
    assert replay(policy, row).reasons[0] == "invalid_score"


@pytest.mark.parametrize(("signals", "parts"), [(with_score("hate", 0.6), TEXT_PARTS), (GOOD_PICTURE, IMAGE_PARTS)])
def test_a_row_from_before_parts_were_stored_is_about_one_main_part_of_its_medium(signals, parts, policies):
    [row] = verdict_batch([stored(policies[0], signals, parts=parts)]).to_pylist()
    row |= {"parts": None, "not_looked_at": None}
    for each in row["signals"]:
        each["evidence"]["part"] = None
    for policy in policies:
        one_part = (ScreenedPart("main", parts[0].kind, "main"),)
        assert replay(policy, row) == decide(policy, Facts(one_part), signals, None)


def test_a_row_with_parts_is_judged_by_its_parts(load, policy):
    footer = [signal("hate", 0.6, part="footer"), signal("unreliable_style", 0.2, part="footer")]
    verdict = stored(policy, [*GOOD, *footer], parts=PAGE_PARTS)
    assert (verdict.decision, verdict.reasons) == ("review", ("hate",))
    [row] = verdict_batch([verdict]).to_pylist()
    assert replay(policy, row) == replay(policy, verdict) == decide(policy, Facts(PAGE_PARTS), verdict.signals, None)
    main_only = load(CATEGORIES.replace("signal: hate\n", "signal: hate\n    parts: [main]\n"))
    assert replay(main_only, row).decision == "accept"


def test_changes_are_counted_and_named(policies):
    whole, stricter, *_ = policies
    verdicts = [stored(whole, with_score("hate", i / 10), uri=f"/uploads/{i}") for i in range(10)]
    verdicts.append(stored(whole, GOOD_PICTURE, parts=IMAGE_PARTS))
    verdicts.append(stored(whole, (), UploadError("empty"), ()))
    found = compare(stricter, iter(verdicts))
    assert found.total == 12
    assert found.counts == {
        ("accept", "accept"): 3,
        ("accept", "reject"): 3,
        ("review", "reject"): 4,
        ("reject", "reject"): 1,
        ("error", "error"): 1,
    }
    assert [change.uri for change in found.changed] == [f"/uploads/{i}" for i in range(2, 9)]
    assert (found.changed[0].decision, found.changed[0].ruling.decision) == ("accept", "reject")
    assert found.changed[0].ruling.reasons == ("hate",)
    assert len(compare(stricter, verdicts, keep=2).changed) == 2


@pytest.mark.parametrize(
    ("content_type", "medium"),
    [
        ("text/plain", "text"),
        ("text/html", "text"),
        ("application/json", "text"),
        ("image/avif", "image"),
        ("application/pdf", None),
        ("video/mp4", None),
        ("", None),
    ],
)
def test_a_row_from_before_media_were_stored_has_that_of_its_content_type(content_type, medium):
    assert medium_of(None, content_type) == medium
    assert [medium_of(said, content_type) for said in (*MEDIA, "")] == [*MEDIA, None]


def test_a_match_on_bytes_of_no_medium_is_judged_again_for_every_medium(policy):
    failed, match = UploadError("unsupported_type", "application/pdf"), signal("known_hash", 1.0)
    pictures_only = replace(policy, rules=tuple(replace(rule, media=("image",)) for rule in policy.rules))
    again = replay(pictures_only, replace(stored(pictures_only, [match], failed, ()), content_type="application/pdf"))
    assert again == decide(pictures_only, Facts(()), [match], failed)
    assert len(again.reasons) == 2
