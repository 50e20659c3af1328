"""The main job: every upload accounted for, one commit, nothing done twice, nothing begun on bad flags."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import DirectOptions

from pipelines.launch import options
from pipelines.listing.repeats import by_range
from pipelines.listing.shards import PIECE
from pipelines.listing.source import Range
from screening.tables import ResultTables
from tests.generate import article
from tests.pipelines.conftest import Place, fill, place_at

SCORES = "SELECT name, source, label, score FROM signals ORDER BY ALL"


@pytest.fixture(scope="module")
def shipped_run(tmp_path_factory) -> Place:
    """One job with the policy and the bundle that ship."""
    folder = tmp_path_factory.mktemp("shipped")
    fill(folder / "uploads")
    place = place_at(folder)
    assert place.screen("--run-id", "one") == 0
    return place


def test_every_upload_gets_one_verdict_and_the_ledger_reconciles(shipped_run):
    place = shipped_run
    run = place.tables.run("one")
    assert run.listed == 15
    assert run.skipped == 0
    assert run.reconciled
    assert place.rows("SELECT count(*), count(DISTINCT uri) FROM verdicts") == [(15, 15)]
    found = place.decisions()
    assert found["empty.txt"] == found["nothing.bin"] == "error"
    reasons = dict(place.rows("SELECT name, reasons FROM verdicts WHERE decision = 'error'"))
    assert reasons["empty.txt"] == ["empty"]
    assert reasons["nothing.bin"] == ["unsupported_type"]
    assert place.rows("SELECT content_type FROM verdicts WHERE name = 'nothing.bin'") == [("application/octet-stream",)]
    assert found["spam.txt"] in {"review", "reject"}


def test_a_verdict_explains_and_reproduces_itself(shipped_run):
    row = (
        shipped_run.tables.connection()
        .execute("SELECT * FROM verdicts WHERE name = 'spam.txt'")
        .to_arrow_table()
        .to_pylist()[0]
    )
    assert row["sha256"]
    assert row["generation"] == Path(row["uri"]).stat().st_ctime_ns
    assert row["fingerprint"]
    provenance = row["provenance"]
    assert provenance["decoder"]
    assert provenance["engine"]
    assert provenance["policy"]
    assert provenance["banks"]
    assert provenance["bundles"]
    levels = {(each["category"], each["level"]) for each in row["thresholds"]}
    found = {each["label"]: each for each in row["signals"]}
    assert any((reason, row["decision"]) in levels for reason in row["reasons"])
    assert found["spam"]["evidence"]["end"] > found["spam"]["evidence"]["start"]


def test_running_again_screens_nothing_and_changes_nothing(screened):
    place = screened
    before = place.rows(SCORES)
    assert place.screen("--run-id", "one") == 0
    assert place.screen("--run-id", "two") == 0
    two = place.tables.run("two")
    assert (two.listed, two.skipped) == (15, 15)
    assert place.rows(SCORES) == before


def test_a_changed_upload_is_screened_again_and_only_that(screened):
    place = screened
    path = Path(place.uploads) / "spam.txt"
    path.write_text(article(random.Random(9), 150))
    place.screen("--run-id", "two")
    two = place.tables.run("two")
    assert (two.listed, two.skipped) == (15, 14)
    assert place.decisions()["spam.txt"] == "accept"


def test_another_policy_is_another_fingerprint(screened, tmp_path):
    place, policy = screened, tmp_path / "other.yaml"
    policy.write_text(Path(place.light.policy).read_text().replace("version: ", "version: 9", 1))
    place.screen("--run-id", "two", "--policy", str(policy))
    assert place.tables.run("two").skipped == 0
    assert place.tables.run("two").fingerprint != place.tables.run("one").fingerprint


def test_a_manifest_brings_metadata_and_names_what_is_missing(place, manifest):
    uploads = Path(place.uploads)
    place.uploads = manifest(
        [
            {"uri": str(uploads / "spam.txt"), "uploader": "u1"},
            {"uri": str(uploads / "news/000/000001.txt"), "uploader": "u2"},
            {"uri": str(uploads / "news/000/000001.txt"), "uploader": "u2"},
            {"uri": str(uploads / "gone.txt"), "uploader": "u3"},
        ]
    )
    assert place.screen("--run-id", "one") == 0
    run = place.tables.run("one")
    assert run.listed == 3, "an entry that stands twice is one upload"
    assert run.reconciled
    found = {
        Path(uri).name: (metadata, reasons)
        for uri, metadata, reasons in place.rows("SELECT uri, metadata, reasons FROM verdicts")
    }
    assert found["gone.txt"][1] == ["not_found"]
    assert found["spam.txt"][0]["uploader"] == "u1"


def test_a_bad_manifest_line_stops_the_job_with_its_number(place, tmp_path, capsys):
    path = tmp_path / "list.jsonl"
    path.write_text(json.dumps({"uri": "uploads/spam.txt"}) + "\n{not json\n")
    place.uploads = str(path)
    assert place.screen("--run-id", "one") == 2
    assert "list.jsonl:2" in capsys.readouterr().err


def test_an_empty_folder_is_a_run_of_nothing(place, tmp_path):
    (tmp_path / "none").mkdir()
    place.uploads = str(tmp_path / "none")
    assert place.screen("--run-id", "one") == 0
    assert place.tables.run("one").listed == 0


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--polcy", "x"], "unknown flag --polcy"),
        (["--policy", "/nowhere/policy.yaml"], "/nowhere/policy.yaml"),
        (["--bundles", "/nowhere"], "/nowhere"),
        (["--run-id", "a/b"], "a/b"),
        (["--engine", "cuda"], "CUDA"),
        (["--engine", "onnxruntime", "--precision", "bf16"], "can't run bf16"),
        (["--cores", "-1"], "--cores -1"),
        (["--results", "{uploads}/results"], "overlap"),
    ],
)
def test_a_bad_flag_stops_the_job_before_the_first_read(place, flags, says, capsys):
    assert place.screen(*(flag.replace("{uploads}", place.uploads) for flag in flags)) == 2
    assert says.lower() in capsys.readouterr().err.lower()
    assert not Path(place.results).exists()


@pytest.mark.parametrize(
    ("given", "beam_flags", "cores"),
    [
        (0, [], 0),
        (3, [], 3),
        (0, ["--direct_num_workers=2", "--direct_running_mode=multi_processing"], 4),
        (0, ["--direct_num_workers=0", "--direct_running_mode=multi_processing"], 1),
        (0, ["--direct_num_workers=99", "--direct_running_mode=multi_processing"], 1),
        (0, ["--direct_num_workers=2"], 0),
        (0, ["--runner=DataflowRunner", "--direct_num_workers=2"], 0),
    ],
)
def test_local_processes_share_the_cores(given, beam_flags, cores, monkeypatch):
    # A test cannot choose the machine that it runs on.
    monkeypatch.setattr(options, "cores_here", lambda: 8)
    found = options.beam_options(beam_flags, options.parser("x", ""))
    assert options.cores(given, found) == cores
    assert found.view_as(DirectOptions).direct_num_workers != 0  # Beam would start as many as the host has cores


def test_a_missing_input_is_said_in_one_line(place, capsys):
    place.uploads += "-gone"
    assert place.screen() == 2
    assert "uploads-gone" in capsys.readouterr().err


def test_a_run_that_loses_an_upload_does_not_commit(place, monkeypatch):
    """Promise 2, broken on purpose: a screener that drops one upload must leave no verdict behind."""
    from screening.screener import Screener

    whole = Screener.screen

    def lossy(self, uploads):
        verdicts = whole(self, uploads)
        next(verdicts)
        yield from verdicts

    # No input makes our code lose an upload: this stands for a fault that we do not know.
    monkeypatch.setattr(Screener, "screen", lossy)
    assert place.screen("--run-id", "one") != 0
    assert ResultTables(place.results).run("one") is None
    assert place.release() != 0
    assert not Path(place.live).exists()


@pytest.mark.parametrize("lost", ["Split", "CutUp"])
def test_a_run_that_loses_a_piece_of_its_input_does_not_commit(place, monkeypatch, lost):
    """Promise 2, between steps: what one worker hands on and no other gets is owed to the commit."""
    from apache_beam.pvalue import TaggedOutput

    import pipelines.pieces

    step = getattr(pipelines.pieces, lost)
    whole = step.process

    def lossy(self, element):
        made = list(whole(self, element))
        pieces = [each for each in made if not isinstance(each, TaggedOutput)]
        yield from (each for each in made if each is not (pieces[-1] if pieces else None))

    # No input makes our code lose a piece: this stands for a fault that we do not know.
    monkeypatch.setattr(step, "process", lossy)
    assert place.screen("--run-id", "one") != 0
    assert ResultTables(place.results).run("one") is None


def test_elements_between_steps_are_small(place):
    """Promise 8: what travels is where a piece begins and ends, however many and large its uploads."""
    import pickle

    (Path(place.uploads) / "large.txt").write_text("A sentence about the sea and its many moods. " * 40_000)
    pieces = [cut.piece for shard in Range(place.uploads).split() for cut in shard.cut()]
    assert sum(len(list(piece.uploads())) for piece in pieces) == 16
    assert max(len(pickle.dumps(piece)) for piece in pieces) < 2_000
    digests = [hashlib.sha256(bytes([i % 251])).digest()[:16] for i in range(PIECE)]
    assert max(len(pickle.dumps(entries)) for entries in by_range(digests)) < 100 * PIECE
