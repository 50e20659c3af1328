"""A sound policy is read as it stands, and what is wrong with one as a whole is said before anything is read."""

from __future__ import annotations

import pickle
from contextlib import suppress

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from screening.errors import ConfigError
from screening.policy import PolicyError, load_policy
from screening.records import MEDIA
from screening.storage import open_store
from tests.screening.policy.conftest import CATEGORIES, CHECKS, HEADER, TEXT, faults, only_fault

HEAD_FAULTS = {
    "unknown key": ("quotas: {}", "unknown key 'quotas'", "did you mean 'quota'?"),
    "wrong type": ("languages: en", "languages: should be a valid list, not 'en'", "write a list"),
    "a language that YAML reads as false": ("languages: [no]", "languages.0: should be a valid string", "quotes"),
    "no language": ("languages: [english]", "languages.0: 'english'", "two-letter ISO 639-1"),
    "a language that nobody reads": ("languages: [en, fr]", "no bundle reads 'fr'", "read are: en, de"),
    "unknown language": ("languages: [en, xx]", "language 'xx' can't be recognised", "known: aa"),
    "bad unit": ("limits: {max_bytes: 64MeB}", "could not interpret byte unit: MeB", "MiB"),
    "no size": ("limits: {max_bytes: lots}", "could not parse value and unit from byte string", "64MiB"),
    "negative": ("limits: {seconds: -1}", "limits.seconds: should be greater than 0, not -1", "more than 0"),
    "clock": ("limits: {seconds: 20}", "less than twice `cpu_seconds` 20", "leave `seconds` out"),
    "memory": ("limits: {memory_bytes: 1}", "limits.memory_bytes: should be greater than or equal", "at least"),
    "fraction": ("limits: {max_pixels: 1.5}", "limits.max_pixels: should be a valid integer", "whole number"),
    "unknown limit": ("limits: {max_byte: 1}", "unknown key 'limits.max_byte'", "did you mean 'max_bytes'?"),
    "unknown field": ("article_fields: {txt: [a]}", "unknown key 'article_fields.txt'", "did you mean 'text'?"),
    "no field": ("article_fields: {text: []}", "article_fields.text: List should have at least 1", "at least one"),
    "share": ("quota: {max_reject_share: 50}", "quota.max_reject_share: should be less than", "at most 1"),
}

BANK_FAULTS = {
    "scheme": ("{id: b, file: 's3://b/x.jsonl', use: block}", "s3:// is not supported", "gs://bucket"),
    "unknown use": ("{id: b, file: block.jsonl, use: blok}", "use: 'blok' is not known", "did you mean 'block'?"),
    "duplicate id": ("{id: block, file: block.jsonl, use: block}", "bank 'block' appears twice", "an id of its own"),
    "no file": ("{id: b, file: banks/gone.jsonl, use: block}", "banks/gone.jsonl", "relative to the policy's folder"),
    "distance": ("{id: b, file: block.jsonl, use: block, max_distance: 60}", "max_distance: should be", "at most 31"),
    "missing key": ("{id: b, file: block.jsonl}", "key 'use' is missing", "add `use: ...`"),
}


@pytest.mark.parametrize("name", HEAD_FAULTS)
def test_a_fault_in_the_head(load, name):
    added, what, fix = HEAD_FAULTS[name]
    found = only_fault(load, f"{CATEGORIES}{added}\n")
    assert found[0] == CATEGORIES.count("\n") + 1
    assert what in found[1]
    assert fix in found[2]


@pytest.mark.parametrize("name", BANK_FAULTS)
def test_a_fault_in_a_bank(load, name):
    added, what, fix = BANK_FAULTS[name]
    lines = CATEGORIES.splitlines()
    found = only_fault(load, "\n".join([*lines[:5], f"  - {added}", *lines[5:]]))
    assert found[0] == 6
    assert what in found[1]
    assert fix in found[2]


def test_everything_that_is_wrong_is_said_at_once(load):
    text = "\n".join(["policy: Test", *HEADER.splitlines()[1:], "extra: 1"])
    text = text.replace("use: allow", "use: alow").replace("extra", "  - {id: hate, signal: hat, review: 2}\nextra")
    with pytest.raises(PolicyError) as caught:
        load(text)
    assert [line for line, _, _ in faults(caught.value)] == [1, 5, 8, 9]


def test_a_block_bank_that_no_category_reads_is_no_protection(load):
    text = CATEGORIES.replace("{id: known_hash, signal: known_hash", "{id: known_hash, signal: hate")
    line, what, fix = only_fault(load, text)
    assert line == 4
    assert "bank 'block' blocks, but no category" in what
    assert "`reject: 0.87`" in fix


def test_a_hash_category_without_a_bank_is_no_protection(load):
    line, what, _ = only_fault(load, CATEGORIES.replace("use: block", "use: allow"))
    assert line == 7
    assert "has no bank to match" in what


def test_a_missing_policy_is_said_in_one_line():
    with pytest.raises(ConfigError, match=r"/nowhere/p\.yaml: can't read the policy: No such file"):
        load_policy("/nowhere/p.yaml", [TEXT], CHECKS)


def test_a_sound_policy(load, tmp_path):
    head = (
        "limits: {max_bytes: 2MiB, memory_bytes: 1073741824, cpu_seconds: 0.5, seconds: 3}\n"
        "article_fields: {text: [story, story.body]}\n"
        "languages: [en, de]\nquota: {max_error_share: 0.1}\n"
    )
    policy = load(CATEGORIES + head)
    assert (policy.name, policy.version, policy.languages) == ("test", 1, ("en", "de"))
    assert (policy.limits.max_bytes, policy.limits.memory_bytes) == (2 << 20, 1 << 30)
    assert (policy.limits.cpu_seconds, policy.limits.seconds) == (0.5, 3.0)
    assert policy.fields.text == ("story", "story.body")
    assert "title" in policy.fields.title
    assert (policy.quota.max_reject_share, policy.quota.max_error_share, policy.quota.min_uploads) == (0.5, 0.1, 20)
    block, allow = policy.banks
    assert (block.id, block.use, block.max_distance) == ("block", "block", 31)
    assert (allow.id, allow.use, allow.max_distance) == ("allow", "allow", 0), "near an allowed picture lies anything"
    assert [bank.uri for bank in policy.banks] == [str(tmp_path / "block.jsonl"), str(tmp_path / "allow.jsonl")]
    assert policy.statement_codes["hate"] == "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH"
    levels = {(each.category, each.level): (each.worse, each.score, each.origin) for each in policy.thresholds}
    assert levels["hate", "review"] == ("high", 0.5, "precision: 0.8")
    assert levels["hate", "reject"] == ("high", 0.9, "precision: 0.95")
    assert levels["too_short", "review"] == ("low", 20.0, "score: 20")
    assert [(rule.category, rule.media) for rule in policy.rules[-8:]] == [
        ("symbol_noise", ("text",)),
        ("low_resolution", ("image",)),
        ("not_looked_at", MEDIA),  # this and what follows hold although no policy says it
        ("disguised", MEDIA),
        ("deceptive_link", MEDIA),
        ("type_mismatch", MEDIA),
        ("trailing_data", MEDIA),
        ("unread_language", MEDIA),
    ]
    assert pickle.loads(pickle.dumps(policy)) == policy, "it travels to workers"


def test_misinformation_rejects_when_the_policy_says_so_in_so_many_words(load):
    said = "misinformation_may_reject: true, statement: STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
    policy = load(HEADER + f"  - {{id: misinformation, signal: unreliable_style, reject: 0.9, {said}}}\n")
    assert "reject" in {level.level for level in policy.rules[1].levels}


def test_the_digest_is_of_what_verdicts_depend_on(load):
    plain = load(CATEGORIES).digest
    assert len(plain) == 64
    assert load("# a comment\n" + CATEGORIES).digest == plain
    assert load(CATEGORIES + "languages: [en]\n").digest == plain, "a default that is written out is the same policy"
    assert load(CATEGORIES.replace("review: 20", "review: 20, parts: [main]")).digest == plain
    assert load(CATEGORIES + "quota: {min_uploads: 3}\n").digest == plain, "a quota limits releases, not verdicts"
    for old, new in (
        ("review: 0.9", "review: 0.8"),
        ("version: 1", "version: 2"),
        ("review: 0.9", "review: 0.9, parts: [main]"),
        ("use: allow}", "use: allow, max_distance: 3}"),
        ("precision: 0.80", "precision: 0.79"),
    ):
        assert load(CATEGORIES.replace(old, new, 1)).digest != plain, new
    assert load(CATEGORIES + "limits: {max_bytes: 1MiB}\n").digest != plain


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(("hate", "block")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_stands_somewhere_is_a_policy_or_a_policy_error(load, data):
    document = yaml.safe_load(CATEGORIES + "limits: {max_bytes: 1MiB}\narticle_fields: {text: [a]}\nquota: {}\n")
    place, key = document, data.draw(st.sampled_from(sorted(document)))
    while isinstance(inner := place[key], dict | list) and inner and data.draw(st.booleans()):
        place, key = inner, data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
    place[key] = data.draw(VALUES)
    with suppress(PolicyError):
        load(yaml.safe_dump(document, allow_unicode=data.draw(st.booleans())).encode(errors="surrogatepass"))


def test_a_policy_in_a_bucket_has_its_banks_beside_it(gcs_server, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url)
    bucket = gcs_server.create_bucket("policies-of-a-test")
    uri = f"gs://{bucket}/text/p.yaml"
    with pytest.raises(ConfigError, match=rf"{uri}: can't read the policy"):
        load_policy(uri, [TEXT], CHECKS)
    moved = CATEGORIES.replace("block.jsonl", "banks/a.jsonl").replace("allow.jsonl", "../b.jsonl")
    open_store(uri).put(uri, moved.encode())
    assert [bank.uri for bank in load_policy(uri, [TEXT], CHECKS).banks] == [
        f"gs://{bucket}/text/banks/a.jsonl",
        f"gs://{bucket}/b.jsonl",
    ]
    open_store(uri).put(uri, moved.replace("use: block", "use: blok").encode())
    with pytest.raises(PolicyError, match=rf"{uri}:4: use: 'blok' is not known"):
        load_policy(uri, [TEXT], CHECKS)
