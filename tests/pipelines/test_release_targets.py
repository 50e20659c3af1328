"""What an uploader, or a slip of the hand, can do to a release: nothing is lost, overwritten or taken for done."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import release, screen
from screening.records import Release, Review
from screening.storage import open_store
from tests.pipelines.conftest import place_at, start
from tests.pipelines.test_release import overturn
from tests.screening.tables.conftest import START, a_run, a_verdict

FIRST, SECOND = b"The ferry sails at nine.", b"The ferry sails again on Sunday."


@pytest.fixture
def small(tmp_path):
    """Two uploads; that they are accepted is said to the tables by `accept`, as release asks nobody else."""
    place = place_at(tmp_path)
    for name in ("news/1.txt", "news/2.txt"):
        write(Path(place.uploads, name), FIRST)
    accept(place)
    return place


@pytest.fixture
def two_inputs(tmp_path):
    """Uploads of one name in two inputs."""
    write(tmp_path / "a/x.txt", FIRST)
    write(tmp_path / "b/x.txt", SECOND)
    return place_at(tmp_path)


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(data)
    time.sleep(0.02)  # the clock of a file system may tick only every 10 ms: what follows is another generation


def accept(place, source: str = "", named: str = "") -> None:
    """Commit a run that accepted everything in a folder that had no verdict; `named` is its input, if it is another."""
    source, run_id = source or place.uploads, f"run-{time.time_ns()}"
    known = (
        {(verdict.uri, verdict.generation) for verdict, _ in place.tables.newest_verdicts()} if runs(place) else set()
    )
    rows = [
        a_verdict(
            run_id,
            upload.uri,
            name=upload.name,
            generation=upload.generation,
            sha256=hashlib.sha256(Path(upload.uri).read_bytes()).hexdigest(),
        )
        for upload in open_store(source).list(source)
        if (upload.uri, upload.generation) not in known
    ]
    part = place.tables.write_part(run_id, rows)
    place.tables.commit_run(replace(a_run(run_id, **part.counts), input=named or source), [part])


def accepted(place) -> list[str]:
    return sorted(name for name, decision in place.decisions().items() if decision == "accept")


def runs(place) -> list:
    return place.tables.runs()


def actions(place) -> list[tuple]:
    return place.rows("SELECT uri, action FROM releases ORDER BY released_at, uri")


def test_two_uploads_of_one_name_are_never_one_copy(two_inputs, tmp_path, capsys):
    for folder in ("b", "a"):
        accept(two_inputs, f"{tmp_path}/{folder}")
    assert two_inputs.release() == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}/b/x.txt" in said
    assert f"is the place of {tmp_path}/a/x.txt" in said
    assert Path(two_inputs.live, "x.txt").read_bytes() == (tmp_path / "a/x.txt").read_bytes()
    assert sorted(actions(two_inputs)) == [(f"{tmp_path}/a/x.txt", "live"), (f"{tmp_path}/b/x.txt", "failed")]


def test_who_came_first_keeps_the_place(two_inputs, tmp_path):
    accept(two_inputs, f"{tmp_path}/b")
    assert two_inputs.release() == 0
    before = Path(two_inputs.live, "x.txt").read_bytes()
    accept(two_inputs, f"{tmp_path}/a")
    for _ in range(2):
        assert two_inputs.release() == 2
    assert Path(two_inputs.live, "x.txt").read_bytes() == before == (tmp_path / "b/x.txt").read_bytes()


def test_the_same_bytes_do_not_make_the_place_theirs(two_inputs, tmp_path):
    """Else the first could be replaced by way of an upload that begins as its copy."""
    write(tmp_path / "b/x.txt", FIRST)
    accept(two_inputs, f"{tmp_path}/a")
    assert two_inputs.release() == 0
    accept(two_inputs, f"{tmp_path}/b")
    assert two_inputs.release() == 2
    write(tmp_path / "b/x.txt", SECOND)
    accept(two_inputs, f"{tmp_path}/b")
    assert two_inputs.release() == 2
    assert Path(two_inputs.live, "x.txt").read_bytes() == (tmp_path / "a/x.txt").read_bytes()


def test_the_place_is_free_again_when_the_first_was_withdrawn(two_inputs, tmp_path):
    accept(two_inputs, f"{tmp_path}/a")
    two_inputs.release()
    overturn(two_inputs, "x.txt")
    assert two_inputs.release("--mode", "withdraw") == 0
    accept(two_inputs, f"{tmp_path}/b")
    assert two_inputs.release() == 0
    assert Path(two_inputs.live, "x.txt").read_bytes() == (tmp_path / "b/x.txt").read_bytes()


def test_a_newer_generation_takes_the_place_of_the_older_also_after_a_kill(small):
    """The older one's copy was made, and its release died before it could say so."""
    name = accepted(small)[0]
    Path(small.live, name).parent.mkdir(parents=True)
    Path(small.live, name).write_bytes(Path(small.uploads, name).read_bytes())
    write(Path(small.uploads, name), SECOND)
    accept(small)
    assert small.release() == 0
    assert Path(small.live, name).read_bytes() == Path(small.uploads, name).read_bytes()


def test_a_file_where_a_folder_is_needed_blocks_nobody_silently(small, capsys):
    names = accepted(small)
    folder = Path(names[0]).parts[0]
    Path(small.live).mkdir()
    Path(small.live, folder).write_text("an upload named like a folder")
    assert small.release() == 2
    said = capsys.readouterr().err
    assert "a file stands where a folder is needed" in said
    assert names[0] in said
    assert {action for _, action in actions(small)} == {"failed"}
    Path(small.live, folder).unlink()
    assert small.release() == 0
    assert small.released() == set(names)


def test_a_mistyped_live_loses_nothing(small, capsys):
    Path(small.live).write_text("a file")
    assert small.release() == 2
    assert small.live in capsys.readouterr().err
    Path(small.live).unlink()
    assert small.release() == 0
    assert small.released() == set(accepted(small))


def test_a_name_like_a_copy_in_the_making_changes_nothing(small):
    """An uploader names a file as earlier versions named a copy in the making, and both are released at once."""
    name = accepted(small)[0]
    evil = Path(name).with_name(f".{hashlib.sha256(Path(name).name.encode()).hexdigest()[:32]}.partial")
    write(Path(small.uploads, evil), SECOND)
    accept(small)
    assert small.release() == 0
    for released in small.released():
        assert Path(small.live, released).read_bytes() == Path(small.uploads, released).read_bytes()
    assert str(evil) in small.released()


@pytest.mark.parametrize("flag", ["--results", "--live", "--quarantine"])
@pytest.mark.parametrize("uri", ["s3://bucket/x", "http://host/x", "gcs://bucket/x"])
def test_another_scheme_is_refused_before_anything(small, flag, uri, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    places = {"--results": small.results, "--live": small.live, "--quarantine": small.quarantine, flag: uri}
    assert release.main([word for pair in places.items() for word in pair]) == 2
    assert "is not supported" in capsys.readouterr().err
    if flag == "--results":
        assert screen.main(["--input", small.uploads, "--results", uri]) == 2
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("flag", ["--live", "--quarantine"])
@pytest.mark.parametrize("where", ["uploads", "uploads/inside", "", "results", "results/x", "alias", "alias/new"])
def test_places_that_overlap_are_refused(small, flag, where, capsys, tmp_path):
    (tmp_path / "alias").symlink_to(small.uploads)
    assert small.release(flag, str(tmp_path / where)) == 2
    said = capsys.readouterr().err
    assert "overlap" in said
    assert actions(small) == []


def test_an_upload_of_a_manifest_is_not_in_live(two_inputs, capsys, tmp_path):
    """A manifest is no folder: its uploads are looked at one by one."""
    accept(two_inputs, f"{tmp_path}/a", named=str(tmp_path / "manifest.jsonl"))
    assert two_inputs.release("--live", f"{tmp_path}/a") == 2
    assert "apart from the uploads" in capsys.readouterr().err


def test_live_is_in_the_store_of_the_uploads(small, capsys):
    assert small.release("--live", "gs://bucket/live", "--plan") == 2
    assert "same store" in capsys.readouterr().err


def test_a_file_uri_is_a_folder(small):
    small.results, small.live = f"file://{small.results}", f"file://{small.live}"
    assert small.release() == 0
    small.live = small.live.removeprefix("file://")
    assert small.released() == set(accepted(small))


@pytest.fixture
def many(tmp_path):
    place = place_at(tmp_path)
    for i in range(200):
        Path(place.uploads, f"{i % 7}").mkdir(parents=True, exist_ok=True)
        Path(place.uploads, f"{i % 7}/{i}.txt").write_text(f"The ferry sails at {i}.")
    accept(place)
    return place


def test_two_releases_at_once_record_each_act_once(many):
    both = [start("pipelines.release", many.release_flags()) for _ in range(2)]
    for process in both:
        assert process.wait(120) == 0, process.stdout.read()
    wanted = accepted(many)
    assert many.released() == set(wanted)
    assert many.rows("SELECT count(*) FROM releases WHERE action = 'live'") == [(len(wanted),)]
    assert many.rows("SELECT count(*) FROM releases") == [(len(wanted),)]


def test_a_killed_release_leaves_nothing_that_the_next_does_not_clear(many):
    for delay in (0.0, 0.02, 0.05):
        process = start("pipelines.release", many.release_flags())
        end = time.monotonic() + 60
        while process.poll() is None and not Path(many.live).exists() and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(delay)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert many.release() == 0
    assert many.released() == set(accepted(many))
    assert many.rows("SELECT count(*) FROM releases WHERE action = 'live'") == [(len(accepted(many)),)]


def test_an_input_folder_swapped_for_a_link_releases_nothing_from_elsewhere(small, tmp_path):
    """Verdicts were made on the uploads; then their folder leads elsewhere, where files have the same names."""
    names = accepted(small)
    folder = Path(small.uploads, names[0]).parent
    secret = tmp_path / "secret"
    folder.rename(secret)
    folder.symlink_to(secret)
    assert small.release() == 2
    assert small.released() == set()
    folder.unlink()
    secret.rename(folder)
    accept(small)
    assert small.release() == 0
    assert small.released() == set(names)


def test_a_file_in_the_place_of_our_folder_is_no_fault_of_the_uploads(small, capsys):
    """An uploader's file called `.screening` would have made every upload beside it `replaced`."""
    write(Path(small.uploads, "news/.screening"), b"x")
    assert small.release("--mode", "label") == 2
    assert "failed" in capsys.readouterr().err
    assert small.release() == 0
    assert small.released() == set(accepted(small))


def test_an_input_that_is_away_loses_nothing(small, capsys):
    away = Path(small.uploads).rename(f"{small.uploads}-away")
    for empty in (False, True):
        if empty:
            Path(small.uploads).mkdir()  # where its disk was mounted
        assert small.release() == 2
        assert "is its disk mounted?" in capsys.readouterr().err
    Path(small.uploads).rmdir()
    away.rename(small.uploads)
    assert small.release() == 0
    assert small.released() == set(accepted(small))


def test_a_live_that_is_away_is_not_taken_for_withdrawn(small, capsys):
    small.release()
    overturn(small, "news/1.txt")
    away = Path(small.live).rename(f"{small.live}-away")
    assert small.release("--mode", "withdraw") == 2
    assert "is its disk mounted?" in capsys.readouterr().err
    away.rename(small.live)
    assert small.release("--mode", "withdraw") == 0
    assert small.released() == {"news/2.txt"}


def test_a_fault_of_live_is_not_taken_for_withdrawn(small, capsys):
    small.release()
    overturn(small, "news/1.txt")
    Path(small.live, "news").rename(f"{small.live}/news-before")
    Path(small.live, "news").write_text("a file in the place of its folder")
    assert small.release("--mode", "withdraw") == 2
    assert "a file stands where a folder is needed" in capsys.readouterr().err
    assert small.release() == 0
    assert {path.name for path in Path(small.quarantine).rglob("*") if path.is_file()} == {"1.txt"}


def overturn_newest(place, uri: str) -> None:
    [(run_id, generation)] = place.rows(f"SELECT run_id, generation FROM effective_verdicts WHERE uri = '{uri}'")
    place.tables.append_reviews([Review(uri, run_id, uri, generation, "overturn", "looked", "ann", START)])


def test_an_input_that_was_moved_keeps_its_places(small, capsys):
    small.release()
    before, small.uploads = small.uploads, f"{small.uploads}-moved"
    Path(before).rename(small.uploads)
    write(Path(small.uploads, "news/1.txt"), SECOND)
    accept(small)
    assert small.release() == 2
    assert "which has the same name" in capsys.readouterr().err
    assert small.release("--moved", "nonsense") == 2
    assert small.release("--moved", f"{before}={small.uploads}") == 0
    assert Path(small.live, "news/1.txt").read_bytes() == SECOND
    assert Path(small.live, "news/2.txt").read_bytes() == FIRST
    assert small.release("--moved", f"{before}={small.uploads}") == 0
    overturn_newest(small, f"{small.uploads}/news/1.txt")
    assert small.release("--mode", "withdraw") == 0
    assert small.released() == {"news/2.txt"}


def test_an_input_that_was_named_through_a_link_keeps_its_places(small, tmp_path):
    """As earlier versions stored it: in verdicts and in what was released, also a live behind a link."""
    (tmp_path / "home").symlink_to(tmp_path)
    real, linked = small.uploads, f"{tmp_path}/home/uploads"
    rows = [
        replace(verdict, run_id="old", uri=verdict.uri.replace(real, linked))
        for verdict, _ in list(small.tables.newest_verdicts())
    ]
    small.results = str(tmp_path / "old-results")
    part = small.tables.write_part("old", rows)
    small.tables.commit_run(replace(a_run("old", **part.counts), input=linked), [part])
    done = {row.name: row for row in rows}["news/1.txt"]
    Path(small.live, "news").mkdir(parents=True)
    Path(small.live, "news/1.txt").write_bytes(FIRST)
    target = f"{tmp_path}/home/live/news/1.txt"
    release_row = Release("r", "old", done.uri, done.generation, done.sha256, "accept", "live", target, "", START)
    small.tables.append_releases([release_row])
    accept(small)
    assert small.release() == 0
    assert small.released() == {"news/1.txt", "news/2.txt"}
    write(Path(real, "news/1.txt"), SECOND)
    accept(small)
    assert small.release() == 0
    assert Path(small.live, "news/1.txt").read_bytes() == SECOND


def test_a_place_is_shown_as_it_is_written(small, capsys):
    assert small.release("--live", f"{small.live}[/x]", "--plan") == 0
    assert "[/x]" in capsys.readouterr().out
