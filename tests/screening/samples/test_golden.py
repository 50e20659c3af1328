"""The sample uploads get the verdicts that a person would give them, with the policy and the bundles that ship.

Where they don't yet, the golden file says so: `today` is what they get instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import screening
from screening.records import Verdict
from screening.screener import Screener
from screening.settings import SHIPPED_POLICY, load_settings
from screening.storage import open_store

SAMPLES = Path(screening.__file__).parent / "samples"
UPLOADS = SAMPLES / "uploads"
EXPECTED = {row["name"]: row for row in map(json.loads, (SAMPLES / "expected.jsonl").read_text().splitlines())}


@pytest.fixture(scope="module")
def verdicts() -> Iterator[dict[str, Verdict]]:
    screener = Screener(load_settings(), "samples")
    yield {verdict.name: verdict for verdict in screener.screen(open_store(str(UPLOADS)).list(str(UPLOADS)))}
    screener.close()


def test_every_upload_has_an_expectation_and_the_other_way_round():
    on_disk = sorted(path.relative_to(UPLOADS).as_posix() for path in UPLOADS.rglob("*") if path.is_file())
    assert list(EXPECTED) == on_disk


@pytest.mark.parametrize("name", EXPECTED)
def test_verdict(name, verdicts):
    found, expected = verdicts[name], EXPECTED[name].get("today", EXPECTED[name])
    assert (found.decision, list(found.reasons)) == (expected["decision"], expected["reasons"])


def test_nothing_good_is_held_and_nothing_known_is_let_through():
    """What a person would accept is never among the misses, nor is what needs no model to see."""
    for row in EXPECTED.values():
        if "today" in row:
            assert row["decision"] in ("review", "reject")
            assert row["today"] != {key: row[key] for key in ("decision", "reasons")}
            assert not row["name"].startswith(("news/", "photos/", "known/", "quality/", "broken/", "canary"))


def test_what_is_hidden_late_in_a_text_is_found_where_it_stands(verdicts):
    spam = {signal.label: signal for signal in verdicts["shop/hidden-offer.txt"].signals}["spam"]
    offer = (UPLOADS / "shop" / "hidden-offer.txt").read_text().index("CONGRATULATIONS")
    assert spam.evidence.window
    assert spam.evidence.start <= offer < spam.evidence.end


def test_the_same_bytes_get_the_same_verdict_under_any_name(verdicts):
    first, second = verdicts["twins/first.txt"], verdicts["twins/second.txt"]
    assert first.sha256 == second.sha256
    assert (first.decision, first.reasons) == (second.decision, second.reasons)


def test_the_canary_is_the_one_on_the_bank():
    assert (UPLOADS / "canary.txt").read_bytes() == (Path(SHIPPED_POLICY).parent / "banks" / "canary.txt").read_bytes()


def test_samples_stay_small():
    sizes = {path.name: path.stat().st_size for path in UPLOADS.rglob("*") if path.is_file()}
    assert max(sizes.values()) < 60_000
    assert sum(sizes.values()) < 1_500_000
