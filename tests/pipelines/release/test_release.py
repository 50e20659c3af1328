"""Release acts only on committed verdicts, on the generation that was screened, under the quota, once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from pipelines import acts
from screening.records import Review
from tests.pipelines.conftest import Place
from tests.pipelines.release.conftest import overturn


def test_accepted_goes_live_rejected_to_quarantine_the_rest_stays(screened):
    assert screened.release() == 0
    found = screened.decisions()
    assert screened.released() == {name for name, decision in found.items() if decision == "accept"}
    quarantined = {path.name for path in Path(screened.quarantine).rglob("*") if path.is_file()}
    assert quarantined == {Path(name).name for name, decision in found.items() if decision == "reject"}
    for name in found:
        assert (Path(screened.uploads) / name).exists()


def test_running_again_does_nothing_twice(screened):
    screened.release()
    rows = screened.rows("SELECT * FROM releases ORDER BY ALL")
    stamps = {path: path.stat().st_mtime_ns for path in Path(screened.live).rglob("*")}
    assert screened.release() == 0
    assert screened.rows("SELECT * FROM releases ORDER BY ALL") == rows
    assert {path: path.stat().st_mtime_ns for path in Path(screened.live).rglob("*")} == stamps


def test_the_plan_alone_does_nothing(screened, capsys):
    assert screened.release("--plan") == 0
    assert "accept" in capsys.readouterr().out
    assert not Path(screened.live).exists()


def test_a_replaced_upload_is_not_released_and_is_reported(screened, capsys):
    swapped = Path(screened.uploads) / "news/000/000002.txt"
    swapped.write_text("Something that nobody has screened.")
    assert screened.release() == 0
    assert "news/000/000002.txt" not in screened.released()
    assert "1 replaced" in capsys.readouterr().out
    assert screened.rows("SELECT count(*) FROM releases WHERE action = 'replaced'") == [(1,)]


def test_a_swap_that_keeps_size_and_mtime_is_still_seen(screened):
    import os

    target = Path(screened.uploads) / "news/000/000002.txt"
    before = target.stat()
    target.write_bytes(b"x" * before.st_size)
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    screened.release()
    assert "news/000/000002.txt" not in screened.released()


def test_an_upload_swapped_during_the_release_is_not_released(screened, monkeypatch):
    """The swap happens after the plan and before its act."""
    whole = acts.do

    def swap_then_do(job, act):
        path = Path(act.uri)
        if path.name == "000003.txt":
            path.write_text("swapped in while the release ran")
        return whole(job, act)

    # The job opens the folder itself, so nothing of ours can wait for the moment; at a bucket the server does.
    monkeypatch.setattr(acts, "do", swap_then_do)
    assert screened.release() == 0
    assert "news/000/000003.txt" not in screened.released()
    assert all("swapped in" not in path.read_text(errors="replace") for path in Path(screened.live).rglob("*.txt"))


def test_a_person_stands_above_the_machine(screened):
    [(uri, generation)] = screened.rows("SELECT uri, generation FROM verdicts WHERE name = 'spam.txt'")
    review = Review("r1", "one", uri, generation, "overturn", "a joke", "ann", datetime.now(UTC))
    screened.tables.append_reviews([review])
    screened.release()
    assert "spam.txt" in screened.released()


def test_a_new_verdict_needs_a_new_release(screened):
    screened.release()
    path = Path(screened.uploads) / "news/000/000002.txt"
    path.write_text(path.read_text() + "\nA last paragraph about the ferry and the morning fog over the bay.\n")
    screened.screen("--run-id", "two")
    screened.release()
    assert (Path(screened.live) / "news/000/000002.txt").read_text() == path.read_text()


def _policy(place: Place, file: Path, **quota: float) -> str:
    """The place's policy with another quota."""
    policy = yaml.safe_load(Path(place.light.policy).read_text())
    policy["quota"] |= quota
    file.write_text(yaml.safe_dump(policy))
    return str(file)


def test_over_the_quota_nothing_is_released(screened, tmp_path, capsys):
    policy = _policy(screened, tmp_path / "policy.yaml", max_reject_share=1.0, max_error_share=0.01, min_uploads=1)
    assert screened.release("--policy", policy) == 2
    said = capsys.readouterr().err
    assert "quota" in said
    assert '"event": "refused"' in said  # what an alarm looks for
    assert not Path(screened.live).exists()


def test_an_unreconciled_run_is_not_released(screened, capsys):
    import pyarrow.compute as pc
    from deltalake import DeltaTable, write_deltalake

    uri = screened.tables.table_uri("verdicts")
    rows = DeltaTable(uri).to_pyarrow_table().filter(pc.field("decision") == "accept")
    write_deltalake(uri, rows.slice(0, 1), mode="append")
    assert screened.release() == 2
    assert "ledger" in capsys.readouterr().err
    assert not Path(screened.live).exists()


def test_labels_stamp_every_object_and_move_none(screened):
    from screening.storage import open_store

    assert screened.release("--mode", "label") == 0
    listed = open_store(screened.uploads).list(screened.uploads)
    assert {u.name: u.metadata["screening-decision"] for u in listed} == screened.decisions()
    assert not Path(screened.live).exists()
    assert screened.screen("--run-id", "two") == 0
    assert screened.tables.run("two").skipped == 15, "a label doesn't make an object new"


@pytest.mark.parametrize(("flags", "says"), [([], "--live"), (["--live", "x", "--quarantine", "x"], "overlap")])
def test_bad_flags_stop_before_anything(screened, flags, says, capsys):
    from pipelines import release

    assert release.main(["--results", screened.results, *flags]) == 2
    assert says in capsys.readouterr().err


def test_without_tables_there_is_nothing_to_release(place, capsys):
    assert place.release() == 2
    assert "no result tables" in capsys.readouterr().err


@pytest.mark.slow
def test_what_is_not_accepted_any_more_is_taken_from_live(screened, capsys):
    screened.release()
    before, name = screened.released(), "news/000/000002.txt"
    assert name in before
    overturn(screened, name)
    assert screened.release("--mode", "withdraw", "--plan") == 0
    assert "taken from live" in capsys.readouterr().out
    assert screened.released() == before
    assert screened.release("--mode", "withdraw") == 0
    assert "1 withdrawn" in capsys.readouterr().out
    assert screened.released() == before - {name}
    rows = screened.rows("SELECT name, r.decision, target FROM releases AS r JOIN verdicts USING (uri) "
                         "WHERE action = 'withdrawn'")  # fmt: skip
    assert rows == [(name, "reject", f"{screened.live}/{name}")]
    assert screened.release("--mode", "withdraw") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert screened.release() == 0
    assert (Path(screened.quarantine) / name).exists()
    assert screened.released() == before - {name}


@pytest.mark.slow
def test_what_was_withdrawn_by_mistake_goes_live_again(screened):
    screened.release()
    before, name = screened.released(), "news/000/000002.txt"
    overturn(screened, name)
    screened.release("--mode", "withdraw")
    screened.release()
    assert screened.released() == before - {name}
    overturn(screened, name, "uphold")
    screened.release("--mode", "withdraw")
    screened.release()
    assert screened.released() == before
    overturn(screened, name)
    screened.release("--mode", "withdraw")
    assert screened.released() == before - {name}


def test_another_object_in_live_is_left_and_named(screened, capsys):
    screened.release()
    name = "news/000/000002.txt"
    (Path(screened.live) / name).write_text("somebody's own")
    overturn(screened, name)
    assert screened.release("--mode", "withdraw") == 2
    assert "1 acts failed" in capsys.readouterr().err
    assert (Path(screened.live) / name).read_text() == "somebody's own"
    assert screened.rows("SELECT action, detail FROM releases WHERE detail <> ''") == [
        ("failed", "another file stands there")
    ]


@pytest.mark.slow
def test_a_newer_version_that_went_live_is_not_withdrawn_for_the_older_one(screened):
    screened.release()
    name = "news/000/000002.txt"
    overturn(screened, name)
    (Path(screened.uploads) / name).write_text((Path(screened.uploads) / "news/000/000003.txt").read_text())
    screened.screen("--run-id", "two")
    screened.release()
    assert screened.decisions()[name] == "accept"
    assert screened.release("--mode", "withdraw") == 0
    assert name in screened.released()


@pytest.mark.slow
def test_a_policy_that_would_withdraw_everything_is_refused(screened, tmp_path, capsys):
    """The same quota as for a release."""
    screened.release()
    before = screened.released()
    for name in sorted(before):
        overturn(screened, name)
    policy = _policy(screened, tmp_path / "policy.yaml", min_uploads=1)
    assert screened.release("--mode", "withdraw", "--policy", policy) == 2
    assert "refused" in capsys.readouterr().err
    assert screened.released() == before
