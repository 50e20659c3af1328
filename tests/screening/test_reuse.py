"""What a committed run scored is not scored again, is decided afresh, and no failure of it holds an upload."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from screening.classifiers import Classifier
from screening.errors import TransientError
from screening.records import Run, Verdict
from screening.screener import Screener
from screening.settings import SHIPPED_POLICY, Settings, load_settings
from screening.storage import open_store
from screening.tables import ResultTables, StoredScores
from tests.screening.classifiers.tiny import image_bundle, text_bundle

pytestmark = pytest.mark.usefixtures("kept_decoders")

POLICY = """\
policy: tiny
version: 1
article_fields: {{text: [{fields}]}}
categories:
  - {{id: spam, signal: spam, review: {level}, statement: STATEMENT_CATEGORY_SCAMS_AND_FRAUD}}
  - {{id: red, signal: red, review: 0.9, statement: STATEMENT_CATEGORY_SCAMS_AND_FRAUD}}
"""
SPAM = "win the prize win the prize good news"


class Bench:
    """A folder of uploads that is screened and committed again and again with tiny bundles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uploads = folder / "uploads"
        self.uploads.mkdir()
        self.results = str(folder / "results")
        text_bundle(folder / "bundles" / "tiny-text" / "1.0.0", version="1.0.0")
        image_bundle(folder / "bundles" / "tiny-image" / "1.0.0", version="1.0.0")

    def settings(self, level: float = 0.5, fields: str = "text") -> Settings:
        policy = self.folder / "policy.yaml"
        policy.write_text(POLICY.format(level=level, fields=fields))
        return load_settings(str(policy), [str(self.folder / "bundles")], "onnxruntime")

    def put(self, name: str, text: str) -> None:
        (self.uploads / name).write_text(text)

    def screen(self, run_id: str, settings: Settings | None = None, commit: bool = True) -> dict[str, Verdict]:
        settings = settings or self.settings()
        screener = Screener(settings, run_id, cores=1, reuse=self.results)
        try:
            verdicts = list(screener.screen(open_store(str(self.uploads)).list(str(self.uploads))))
        finally:
            screener.close()
        self.reused = screener.meter.read()["reused"]
        if commit:
            self.commit(run_id, settings, verdicts)
        return {verdict.name: verdict for verdict in verdicts}

    def commit(self, run_id: str, settings: Settings, verdicts: list[Verdict]) -> None:
        tables, now = ResultTables(self.results), datetime.now(UTC)
        part = tables.write_part(run_id, verdicts)
        ids = (settings.fingerprint.digest, settings.policy.digest)
        tables.commit_run(Run(run_id, "/in", part.rows, 0, **part.counts, fingerprint=ids[0], policy=ids[1],
                              started_at=now, committed_at=now), [part])  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def scored(monkeypatch) -> Iterator[Callable[[], int]]:
    """How many contents the classifiers were given since it was last asked."""
    # What counts is what the model is given, whatever is said of it; so it is seen here and not in a counter.
    whole, seen = Classifier.score, []
    monkeypatch.setattr(Classifier, "score", lambda self, contents: seen.extend(contents) or whole(self, contents))

    def count() -> int:
        number = len(seen)
        seen.clear()
        return number

    return count


def of_models(verdict: Verdict) -> list:
    return [signal for signal in verdict.signals if signal.source.startswith("bundle/")]


def test_the_same_bytes_under_another_name_are_not_scored_again(bench, scored):
    from PIL import Image

    Image.new("RGB", (40, 30), (200, 10, 10)).save(bench.uploads / "a.png")
    bench.put("b.txt", SPAM)
    bench.put("c.txt", "good news of the river")
    before = bench.screen("one")
    assert (scored(), bench.reused) == (3, 0)
    for name in ("a.png", "b.txt", "c.txt"):
        (bench.uploads / name).rename(bench.uploads / f"other-{name}")
    bench.put("new.txt", "the weather")
    after = bench.screen("two")
    assert (scored(), bench.reused) == (1, 3)
    for name in ("a.png", "b.txt", "c.txt"):
        one, other = before[name], after[f"other-{name}"]
        assert one.signals == other.signals, "also the evidence, and in the same order"
        assert (one.decision, one.reasons, one.sha256) == (other.decision, other.reasons, other.sha256)
        assert other.run_id == "two"
    assert before["b.txt"].decision == "review"
    assert len(of_models(before["b.txt"])) == 4
    bench.screen("three")
    assert (scored(), bench.reused) == (0, 4), "also what was taken from another run before"


def test_without_the_flag_everything_is_scored(bench, scored):
    bench.put("a.txt", SPAM)
    bench.screen("one")
    screener = Screener(bench.settings(), "two", cores=1)
    assert len(list(screener.screen(open_store(str(bench.uploads)).list(str(bench.uploads))))) == 1
    screener.close()
    assert scored() == 2


def test_a_run_that_is_not_committed_is_not_reused(bench, scored):
    bench.put("a.txt", SPAM)
    verdicts = bench.screen("one", commit=False)
    ResultTables(bench.results).write_part("one", verdicts.values())
    bench.screen("two")
    assert scored() == 2


def test_another_policy_decides_anew_on_the_same_scores(bench, scored):
    bench.put("a.txt", SPAM)
    before = bench.screen("one")["a.txt"]
    scored()
    after = bench.screen("two", bench.settings(level=0.999999))["a.txt"]
    assert scored() == 0
    assert (before.decision, after.decision) == ("review", "accept")
    assert of_models(before) == of_models(after)
    assert after.fingerprint != before.fingerprint


def test_a_policy_that_reads_other_fields_of_an_article_scores_it_anew(bench, scored):
    bench.put("a.json", '{"text": "good news of the river", "body": "win the prize win the prize"}')
    before = bench.screen("one")["a.json"]
    after = bench.screen("two", bench.settings(fields="body"))["a.json"]
    assert scored() == 4  # of each, the field that is read as the text, and the other one
    assert [verdict.parts[0].size for verdict in (before, after)] == [
        len("good news of the river"),
        len("win the prize win the prize"),
    ]


@pytest.mark.parametrize("part", ["decoder", "engine", "bundles"])
def test_what_made_scores_otherwise_is_not_reused(bench, scored, part):
    bench.put("a.txt", SPAM)
    settings = bench.settings()
    [bundle, *others] = settings.fingerprint.bundles
    was = {"decoder": "1+old", "engine": "gpu", "bundles": (replace(bundle, digest="0" * 64), *others)}[part]
    other = replace(settings.fingerprint, digest="e" * 64, **{part: was})
    verdicts = [replace(v, fingerprint=other) for v in bench.screen("one", settings, commit=False).values()]
    bench.commit("one", replace(settings, fingerprint=other), verdicts)
    bench.screen("two")
    assert scored() == 2


@pytest.mark.parametrize(
    "broken",
    [
        lambda verdict: replace(verdict, signals=tuple(s for s in verdict.signals if s.label != "offensive")),
        lambda verdict: replace(verdict, signals=tuple(replace(s, score=float("nan")) for s in verdict.signals)),
        lambda verdict: replace(verdict, signals=()),
        lambda verdict: replace(verdict, decision="error", reasons=("missing_score",)),
    ],
    ids=["a label is missing", "no finite score", "no signals", "an error"],
)
def test_a_verdict_that_is_not_whole_is_not_reused(bench, scored, broken):
    bench.put("a.txt", SPAM)
    settings = bench.settings()
    bench.commit("one", settings, [broken(v) for v in bench.screen("one", settings, commit=False).values()])
    after = bench.screen("two")["a.txt"]
    assert (scored(), bench.reused) == (2, 0)
    assert after.decision == "review"
    assert len(of_models(after)) == 4


def test_bytes_whose_digest_only_begins_alike_are_scored(bench, scored):
    bench.put("a.txt", SPAM)
    settings = bench.settings()
    [verdict] = bench.screen("one", settings, commit=False).values()
    collision = replace(verdict, sha256=verdict.sha256[:16] + "0" * 48, signals=())
    bench.commit("one", settings, [collision])
    assert bench.screen("two")["a.txt"].decision == "review"
    assert (scored(), bench.reused) == (2, 0)


@pytest.mark.parametrize("failure", [TransientError("503"), OSError("gone"), RuntimeError("a bug")])
@pytest.mark.parametrize("when", ["__init__", "find"])
def test_a_lookup_that_fails_costs_nothing_but_the_scoring(bench, scored, monkeypatch, caplog, failure, when):
    for i in range(5):
        bench.put(f"{i}.txt", f"{SPAM} {'very ' * i}")
    bench.screen("one")
    scored()

    def failing(*_):
        raise failure

    # No damage to the tables makes these: each stands for a fault that we do not know.
    monkeypatch.setattr(StoredScores, when, failing)
    with caplog.at_level(logging.WARNING):
        after = bench.screen("two")
    assert (scored(), bench.reused) == (5, 0)
    assert {verdict.decision for verdict in after.values()} == {"review"}
    assert [record.message for record in caplog.records].count("reuse_failed") == 1


def test_a_new_bank_applies_to_what_was_scored_before(bench, scored, tmp_path):
    bench.put("a.txt", SPAM)
    sha256 = bench.screen("one")["a.txt"].sha256
    scored()
    (tmp_path / "bank.jsonl").write_text(f'{{"type": "sha256", "hash": "{sha256}", "id": "known"}}\n')
    bench.settings()
    statement = "statement: STATEMENT_CATEGORY_SCAMS_AND_FRAUD"
    banked = f"""banks: [{{id: b, file: bank.jsonl, use: block}}]
categories:
  - {{id: known_hash, signal: known_hash, reject: 1, {statement}}}"""
    policy = tmp_path / "banked.yaml"
    policy.write_text((tmp_path / "policy.yaml").read_text().replace("categories:", banked))
    after = bench.screen("two", load_settings(str(policy), [str(tmp_path / "bundles")], "onnxruntime"))["a.txt"]
    assert scored() == 0
    assert (after.decision, after.reasons[0]) == ("reject", "known_hash")


def test_usual_fields_do_not_change_the_fingerprint():
    from screening.decode import DECODER_VERSION

    assert load_settings(SHIPPED_POLICY).fingerprint.decoder == DECODER_VERSION
