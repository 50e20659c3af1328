"""The runbook does what it says: the blocks of pipelines/docs/operations.md are run as they stand, by a shell."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from screening.settings import SHIPPED_BUNDLES, SHIPPED_POLICY
from tests.generate import write_articles
from tests.pipelines.conftest import SPAM, Place, place_at

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "pipelines" / "docs" / "operations.md").read_text()
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^###? (.+)", re.MULTILINE)
NO_SPAM = {
    "    review: {precision: 0.95}\n    reject: {precision: 0.98}\n": "    review: 1.0\n",
}

pytestmark = pytest.mark.timeout(900)  # six jobs, each of which loads a model in a process of its own


def blocks() -> dict[str, str]:
    """The commands below each heading that has some."""
    found: dict[str, str] = {}
    for block in BLOCK.finditer(PAGE):
        heading = HEADING.findall(PAGE[: block.start()])[-1]
        found[heading] = found.get(heading, "") + block[1]
    return found


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Uploads of eight articles and one spam; a policy, a bank and bundles of their own."""
    write_articles(tmp_path / "uploads" / "news", 8, seed=3, mean_words=120)
    (tmp_path / "uploads" / "spam.txt").write_text(SPAM[: len(SPAM) // 4])  # once, or its repeated lines are a finding
    shutil.copytree(Path(SHIPPED_POLICY).parent / "banks", tmp_path / "banks")
    own = {"type": "sha256", "hash": "0" * 64, "id": "the first"}
    (tmp_path / "banks" / "own.jsonl").write_text(json.dumps(own) + "\n")
    policy(tmp_path, 1)
    return tmp_path


def policy(desk: Path, version: int, **swap: str) -> None:
    text, versions = re.subn(r"^version: \d+", f"version: {version}", Path(SHIPPED_POLICY).read_text(), flags=re.M)
    assert versions == 1
    swap |= {"banks:\n": "banks:\n  - {id: own, file: banks/own.jsonl, use: block}\n"}
    for old, new in swap.items():
        assert old in text
        text = text.replace(old, new, 1)
    (desk / "policy.yaml").write_text(text)


def run(desk: Path, commands: str, **env: str) -> str:
    place = place_at(desk)
    told = {
        "UPLOADS": place.uploads,
        "RESULTS": place.results,
        "LIVE": place.live,
        "QUARANTINE": place.quarantine,
        "POLICY": str(desk / "policy.yaml"),
        "BUNDLES": SHIPPED_BUNDLES,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=desk,
        env={**os.environ, **told, **env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def on(desk: Path, *flags: str) -> Place:
    """The desk's uploads screened under its policy and released, in this process."""
    place = place_at(desk)
    own = ["--policy", str(desk / "policy.yaml"), *flags]
    assert place.screen(*own) == 0
    assert place.release(*own[:2], *(own[-2:] if "--bundles" in own else [])) == 0
    return place


def test_every_block_has_a_test_here():
    assert blocks().keys() == {
        "What a run counts",
        "Drift",
        "First look",
        "A run that did not commit",
        "A bad policy was released",
        "A bundle rolled back",
        "A bank was poisoned",
        "Quarantine was emptied",
    }


@pytest.mark.slow
def test_watching_and_drift(desk):
    on(desk, "--run-id", "one")
    (desk / "uploads" / "late.txt").write_text(SPAM + "late")
    on(desk, "--run-id", "two")
    assert "tokens_s" in run(desk, blocks()["What a run counts"])
    assert "run two against one" in run(desk, blocks()["Drift"])


@pytest.mark.slow
def test_a_first_look_at_errors(desk):
    (desk / "uploads" / "empty.txt").write_bytes(b"")
    on(desk, "--run-id", "one")
    assert re.search(r"empty +1$", run(desk, blocks()["First look"]), re.MULTILINE)


@pytest.mark.slow
def test_a_run_that_did_not_commit(desk):
    place = on(desk, "--run-id", "before")
    (desk / "uploads" / "late.txt").write_text(SPAM + "late")
    [verdict] = place.tables.verdicts(f"{place.uploads}/spam.txt")
    place.tables.write_part("lost", [replace(verdict, run_id="lost")])
    out = run(desk, blocks()["A run that did not commit"], RUN="lost", POLICY=SHIPPED_POLICY)
    assert "True" in out.splitlines()[-1]
    assert place.rows("SELECT count(*) FROM verdicts WHERE run_id = 'lost'") == [(10,)]


@pytest.mark.slow
def test_a_bad_policy_was_released(desk):
    policy(desk, 1, **NO_SPAM)
    place = on(desk, "--run-id", "bad")
    assert "spam.txt" in place.released()
    before = place.released()
    policy(desk, 2)
    out = run(desk, blocks()["A bad policy was released"], RUN="bad")
    assert "1 withdrawn" in out
    assert place.released() == before - {"spam.txt"}
    assert place.rows("SELECT metrics['reused'] FROM runs WHERE run_id <> 'bad'") == [(9,)]


@pytest.mark.slow
def test_a_bundle_rolled_back(desk):
    bundles = desk / "bundles"
    for version in ("2.0.0", "2.1.0"):
        made = bundles / "text-screen" / version
        shutil.copytree(Path(SHIPPED_BUNDLES) / "text-screen" / "2.1.0", made)
        manifest = json.loads((made / "bundle.json").read_text())
        (made / "bundle.json").write_text(json.dumps(manifest | {"version": version}))
        on(desk, "--run-id", version, "--bundles", str(bundles))
    versions = (
        "SELECT DISTINCT bundle.version FROM (SELECT unnest(provenance.bundles) AS bundle FROM effective_verdicts)"
    )
    place = place_at(desk)
    assert place.rows(versions) == [("2.1.0",)]
    policy(desk, 2)
    run(desk, blocks()["A bundle rolled back"], BUNDLES=str(bundles))
    assert place.rows(versions) == [("2.0.0",)]
    assert place.rows("SELECT metrics['reused'] FROM runs ORDER BY committed_at DESC LIMIT 1") == [(9,)]


@pytest.mark.slow
def test_a_bank_was_poisoned(desk):
    harmless = desk / "uploads" / "news" / "000" / "000001.txt"
    entries = {"wrong-entry": hashlib.sha256(harmless.read_bytes()).hexdigest(), "right": "0" * 64}
    lines = [json.dumps({"type": "sha256", "hash": digest, "id": name}) for name, digest in entries.items()]
    (desk / "banks" / "own.jsonl").write_text("\n".join(lines) + "\n")
    place = on(desk, "--run-id", "poisoned")
    assert "news/000/000001.txt" not in place.released()
    policy(desk, 2)
    out = run(desk, blocks()["A bank was poisoned"])
    assert str(harmless) in out
    assert "news/000/000001.txt" in place.released()
    assert "right" in (desk / "banks" / "own.jsonl").read_text()


@pytest.mark.slow
def test_quarantine_was_emptied(desk):
    place = on(desk, "--run-id", "one")
    shutil.rmtree(place.quarantine)
    run(desk, blocks()["Quarantine was emptied"])
    assert f"{place.uploads}/spam.txt" in (desk / "held.csv").read_text()
