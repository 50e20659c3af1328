"""The policy that ships is sound over the bundle that ships, and does what it says of itself."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from screening.checks import ALL_CHECKS
from screening.checks.document import NOT_LOOKED_AT
from screening.checks.hashes import load_bank, match
from screening.classifiers import find_bundles
from screening.policy import Facts, Policy, decide, load_policy
from screening.policy.decide import DECIDED_ERRORS, KNOWN_GOOD, KNOWN_HASH
from screening.policy.schema import BankEntry, Category, FieldsEntry, Level, LimitsEntry, PolicyFile, QuotaEntry
from screening.settings import SHIPPED_BUNDLES, SHIPPED_POLICY


@pytest.fixture(scope="module")
def shipped() -> Policy:
    return load_policy(SHIPPED_POLICY, find_bundles(SHIPPED_BUNDLES))


def test_every_check_has_a_level_that_never_rejects(shipped):
    rules = {rule.label: rule for rule in shipped.rules}
    for check in ALL_CHECKS:
        assert rules[check.name].source == check.source
        assert {level.level for level in rules[check.name].levels} == {"review"}


def test_misinformation_is_for_people_to_decide(shipped):
    [rule] = [rule for rule in shipped.rules if rule.label == "unreliable_style"]
    assert rule.category == "misinformation"
    assert {level.level for level in rule.levels} == {"review"}


def test_whatever_rejects_has_a_statement_of_reasons(shipped):
    rejecting = {level.category for level in shipped.thresholds if level.level == "reject"}
    assert KNOWN_HASH in rejecting
    assert rejecting <= set(shipped.statement_codes)


def test_the_canary_is_rejected_for_known_hash_only(shipped):
    canary = (Path(SHIPPED_POLICY).parent / "banks" / "canary.txt").read_bytes()
    banks = [load_bank(spec.uri, spec.id, spec.use, spec.max_distance) for spec in shipped.banks]
    signals = match(hashlib.sha256(canary).hexdigest(), None, banks)
    assert [signal.source for signal in signals] == ["bank/sample-block"]
    known = decide(shipped, Facts(()), signals, None)
    assert [finding.level for finding in known.findings] == ["reject"]


def test_the_reference_names_every_key_and_every_reason():
    reference = (Path(SHIPPED_POLICY).parents[1] / "README.md").read_text()
    models = (PolicyFile, Category, Level, BankEntry, LimitsEntry, FieldsEntry, QuotaEntry)
    reasons = {*DECIDED_ERRORS, KNOWN_GOOD, KNOWN_HASH, NOT_LOOKED_AT}
    names = {name for model in models for name in model.model_fields} | reasons
    assert {name for name in names if not re.search(rf"\b{name}\b", reference)} == set()


def test_the_clock_ends_no_upload_that_processor_time_would(shipped):
    assert shipped.limits.seconds >= 5 * shipped.limits.cpu_seconds
