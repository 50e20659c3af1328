"""`screening policy` and `screening classify`: a policy looked at before it is used, and a bundle's bare scores."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from screening.cli import main
from screening.errors import ConfigError
from screening.policy import load_policy
from screening.records import Fingerprint, Review, Run, Signal, Verdict
from screening.settings import load_settings
from screening.tables import ResultTables
from tests.screening.classifiers.tiny import text_bundle

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = """\
policy: test
version: 1
categories:
  - {id: hate, signal: hate, review: 0.5, reject: 0.9, statement: STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH}
  - {id: too_short, signal: too_short, review: 20}
"""


@pytest.fixture
def bundles(tmp_path: Path) -> str:
    text_bundle(tmp_path / "bundles" / "tiny")
    return str(tmp_path / "bundles")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def results(tmp_path: Path, policy: Path, bundles: str) -> str:
    """Three stored verdicts of an older policy, one of them overturned by a person."""
    from screening.classifiers import find_bundles

    rules = {rule.label: rule for rule in load_policy(str(policy), find_bundles(bundles)).rules}
    tables = ResultTables(str(tmp_path / "results"))
    verdicts = [
        Verdict("run-1", f"/in/{name}", name, 1, 9, "0" * 64, "text/plain", {}, decision, reasons, "",
                (Signal(_source(rules, "hate"), "hate", hate), Signal("check/too_short@1", "too_short", words)), (),
                Fingerprint("f", "d", "e", (), "b", "p"), NOW, 0.1, "text")
        for name, decision, reasons, hate, words in (
            ("a", "accept", (), 0.1, 100.0),
            ("b", "accept", (), 0.7, 100.0),
            ("c", "reject", ("hate",), 0.2, 100.0),
        )
    ]  # fmt: skip
    part = tables.write_part("run-1", verdicts)
    tables.commit_run(Run("run-1", "/in", 3, 0, 2, 0, 1, 0, "f", "p", NOW, NOW), [part])
    tables.append_reviews([Review("r", "run-1", "/in/c", 1, "overturn", "fine", "ann", NOW)])
    return tables.uri


def _source(rules: dict[str, object], label: str) -> str:
    return f"{rules[label].source}"  # type: ignore[attr-defined]


@pytest.fixture
def screening(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        return (code, *capsys.readouterr())

    return run


def test_lint_shows_the_resolved_thresholds_of_a_sound_policy(screening, policy, bundles) -> None:
    code, out, err = screening("policy", "lint", str(policy), "--bundles", bundles)
    assert (code, err) == (0, "")
    assert "≥ 0.9" in out
    assert "≤ 20" in out
    assert "is sound; digest " in out


def test_lint_shows_everything_that_is_wrong_with_its_line(screening, policy, bundles) -> None:
    policy.write_text(POLICY.replace("signal: hate", "signal: hat").replace("review: 20", "reviw: 20"))
    code, out, err = screening("policy", "lint", str(policy), "--bundles", bundles)
    assert (code, out) == (2, "")
    assert f"{policy}:4: " in err
    assert f"{policy}:5: " in err
    assert "did you mean 'hate'" in err


BANKED = POLICY.replace(
    "categories:",
    "banks:\n  - {id: block, file: block.jsonl, use: block}\n  - {id: more, file: more.jsonl, use: block}\n"
    "categories:\n  - {id: known, signal: known_hash, reject: 0.9, statement: STATEMENT_CATEGORY_OTHER_VIOLATION_TC}",
)
ENTRY = '{"type": "sha256", "hash": "' + "0" * 64 + '", "id": "a"}\n'
BAD_BANKS = {
    "empty": (b"", "1: bank block is empty"),
    "blank": (b"\n \n", "1: bank block is empty"),
    "binary": (bytes(range(256)), "1: not a bank entry"),
    "a CSV": (b"hash,id\n" + b"0" * 64 + b",a\n", "1: not a bank entry"),
    "bare hashes": (b"0" * 64 + b"\n", "1: not a bank entry"),
    "an array": (b"[" + ENTRY.strip().encode() + b"]", "1: not a bank entry"),
    "deep": (b"[" * 100_000, "1: not a bank entry"),
    "another hash": (
        ENTRY.encode() + b'{"type": "md5", "hash": "' + b"0" * 32 + b'", "id": "a"}',
        "2: a hash of type 'md5'",
    ),
    "a short hash": (
        ENTRY.encode() + b'{"type": "pdq", "hash": "00", "id": "a"}',
        "2: a hash of type 'pdq' with 1 bytes",
    ),
    "UTF-16": (ENTRY.encode("utf-16"), "2: not a bank entry"),
}


@pytest.mark.parametrize("name", BAD_BANKS)
def test_lint_opens_banks_and_refuses_what_the_job_refuses(screening, policy, bundles, tmp_path, name) -> None:
    data, said = BAD_BANKS[name]
    policy.write_text(BANKED)
    (tmp_path / "block.jsonl").write_bytes(data)
    (tmp_path / "more.jsonl").write_bytes(b"")
    code, _out, err = screening("policy", "lint", str(policy), "--bundles", bundles)
    assert code == 2
    assert f"{tmp_path}/block.jsonl:{said}" in err
    assert f"{tmp_path}/more.jsonl:1: bank more is empty" in err, "all that is wrong is said at once"
    assert '"64 hex digits"' in err or "32 bytes" in err
    with pytest.raises(ConfigError) as refused:
        load_settings(str(policy), [bundles])
    assert "".join(f"screening: {line}\n" for line in str(refused.value).splitlines()[:1]) in err


def test_lint_takes_sound_banks(screening, policy, bundles, tmp_path) -> None:
    policy.write_text(BANKED)
    for name in ("block", "more"):
        (tmp_path / f"{name}.jsonl").write_text("\n" + ENTRY)
    code, out, _err = screening("policy", "lint", str(policy), "--bundles", bundles)
    assert (code, "is sound" in out) == (0, True)


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("{id: x, signal: too_short, review: -1}", "write a number of 0 or more"),
        ("{id: x, signal: too_long, review: -0.5}", "write a number of 0 or more"),
        ("{id: x, signal: low_resolution, review: {score: -160}}", "write a number of 0 or more"),
        ("{id: x, signal: blurred, review: -0.1}", "between 0 and 1"),
        ("{id: x, signal: blurred, review: 1.1}", "between 0 and 1"),
        ("{id: x, signal: under_exposed, review: 256}", "between 0 and 255"),
        ("{id: x, signal: under_exposed, review: -1}", "between 0 and 255"),
        ("{id: x, signal: symbol_noise, review: 1.5}", "between 0 and 1"),
        ("{id: x, signal: spam, review: -0.1}", "between 0 and 1"),
        ("{id: x, signal: spam, review: 2}", "between 0 and 1"),
    ],
)
def test_a_level_that_no_score_can_have_is_refused_with_its_line(screening, policy, bundles, level, said) -> None:
    policy.write_text(f"{POLICY}  - {level}\n")
    code, _out, err = screening("policy", "lint", str(policy), "--bundles", bundles)
    assert code == 2
    assert f"{policy}:6: review: " in err
    assert "is outside the range of" in err
    assert said in err


def test_try_counts_what_another_policy_would_change_and_whether_people_agree(
    screening, policy, bundles, results
) -> None:
    code, out, _ = screening("policy", "try", str(policy), "--bundles", bundles, "--results", results)
    assert code == 0
    assert "accept -> review  /in/b  hate" in out
    assert "reject -> accept  /in/c" in out
    assert "2 of 3 verdicts would change" in out
    assert "1 were decided by people, who agree with 0 stored verdicts and with 1 of this policy's" in out
    assert [run.run_id for run in ResultTables(results).runs()] == ["run-1"], "trying writes nothing"


def test_explain_names_the_statement_of_reasons_of_what_was_crossed(screening, policy, bundles, tmp_path) -> None:
    from screening.classifiers import find_bundles

    thresholds = load_policy(str(policy), find_bundles(bundles)).thresholds
    verdict = Verdict("run-1", "/in/x", "x", 1, 9, "0" * 64, "text/plain", {}, "reject", ("hate",), "",
                      (Signal("s", "hate", 0.95), Signal("c", "too_short", 90.0)), thresholds,
                      Fingerprint("f", "d", "e", (), "b", "p"), NOW, 0.1, "text")  # fmt: skip
    tables = ResultTables(str(tmp_path / "results"))
    tables.commit_run(
        Run("run-1", "/in", 1, 0, 0, 0, 1, 0, "f", "p", NOW, NOW), [tables.write_part("run-1", [verdict])]
    )
    argv = ("explain", "/in/x", "--results", tables.uri)
    assert "STATEMENT_CATEGORY" not in screening(*argv)[1]
    out = screening(*argv, "--policy", str(policy), "--bundles", bundles)[1]
    assert "hate: STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH" in out


def test_classify_scores_each_line_in_its_order(bundles) -> None:
    lines = [{"id": 1, "text": "win the prize"}, {"id": "two", "text": "good news"}]
    done = subprocess.run(
        [sys.executable, "-m", "screening", "classify", "--bundle", f"{bundles}/tiny", "--engine", "onnxruntime"],
        input="".join(json.dumps(line) + "\n" for line in lines),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [1, "two"]
    assert answers[0]["scores"]["spam"] > 0.7 > answers[1]["scores"]["spam"]


def test_classify_says_which_lines_it_could_not_score(bundles) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "screening", "classify", "--bundle", f"{bundles}/tiny", "--engine", "onnxruntime"],
        input='{"id": 1, "text": "good"}\nnonsense\n', capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert ["scores" in json.loads(line) for line in done.stdout.splitlines()] == [True, False]
    assert "1 lines could not be scored" in done.stderr


def test_a_folder_that_is_no_bundle_is_refused(screening, tmp_path) -> None:
    code, out, err = screening("classify", "--bundle", str(tmp_path))
    assert (code, out) == (2, "")
    assert "bundle.json" in err
