"""What others reported of systems like this one, remade with uploads of our own, gets a decision that is right.

`cases/expected.jsonl` says for each case what its uploader or reviewer needed, and which decisions are right. Where it
expects a review for a language, an acceptance becomes right once a bundle reads that language.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import screening
from screening.records import Verdict
from screening.settings import SHIPPED_POLICY
from tests.screening.cases.made import made

CASES = Path(__file__).parent / "cases"
EXPECTED = {
    row["case"]: row["expected"] for row in map(json.loads, (CASES / "expected.jsonl").read_text().splitlines())
}
EACH = [(f"{case}/{name}", decisions) for case, names in EXPECTED.items() for name, decisions in names.items()]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Verdict]]:
    """Of all uploads of the cases, by the policy that ships and a bank that holds their picture."""
    folder = tmp_path_factory.mktemp("cases")
    policy = yaml.safe_load(Path(SHIPPED_POLICY).read_text())
    for bank in policy["banks"]:
        bank["file"] = str(Path(SHIPPED_POLICY).parent / bank["file"])
    policy["banks"].append({"id": "cases", "file": str(CASES / "block.jsonl"), "use": "block"})
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy))
    uploads = folder / "uploads"
    for case in EXPECTED:
        kept = CASES / case
        if kept.is_dir():
            shutil.copytree(kept, uploads / case)
    for case, name, data in made():
        (uploads / case).mkdir(parents=True, exist_ok=True)
        (uploads / case / name).write_bytes(data)
    with screening.open(policy=folder / "policy.yaml") as screener:
        yield {verdict.name: verdict for verdict in screener.files(uploads)}


def test_every_upload_of_a_case_has_an_expectation(verdicts):
    assert sorted(verdicts) == sorted(name for name, _ in EACH)


@pytest.mark.parametrize(("name", "decisions"), EACH, ids=[name for name, _ in EACH])
def test_decision(name, decisions, verdicts):
    assert verdicts[name].decision in decisions, (verdicts[name].reasons, verdicts[name].detail)


@pytest.mark.parametrize("case", ["02-frames", "05-embedded-picture", "14-image-formats"])
def test_the_known_picture_is_what_holds_it(case, verdicts):
    held = [verdict for name, verdict in verdicts.items() if name.startswith(case) and verdict.decision == "reject"]
    assert len(held) >= 4
    assert all("known_hash" in verdict.reasons for verdict in held)
