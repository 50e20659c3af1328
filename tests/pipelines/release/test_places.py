"""Where an upload goes live: no two share a place, places never overlap, and a kill or a slip loses nothing."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path

import pytest

from pipelines import release, screen
from tests.pipelines.conftest import start
from tests.pipelines.release.conftest import FIRST, SECOND, accept, accepted, actions, overturn, write


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


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert "outside the input" in capsys.readouterr().err


def test_live_is_in_the_store_of_the_uploads(small, capsys):
    assert small.release("--live", "gs://bucket/live", "--plan") == 2
    assert "same kind of store" in capsys.readouterr().err


def test_a_file_uri_is_a_folder(small):
    small.results, small.live = f"file://{small.results}", f"file://{small.live}"
    assert small.release() == 0
    small.live = small.live.removeprefix("file://")
    assert small.released() == set(accepted(small))


@pytest.mark.slow
def test_two_releases_at_once_record_each_act_once(many):
    both = [start("pipelines.release", many.release_flags()) for _ in range(2)]
    for process in both:
        assert process.wait(120) == 0, process.stdout.read()
    wanted = accepted(many)
    assert many.released() == set(wanted)
    assert many.rows("SELECT count(*) FROM releases WHERE action = 'live'") == [(len(wanted),)]
    assert many.rows("SELECT count(*) FROM releases") == [(len(wanted),)]


@pytest.mark.slow
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


def test_a_place_is_shown_as_it_is_written(small, capsys):
    assert small.release("--live", f"{small.live}[/x]", "--plan") == 0
    assert "[/x]" in capsys.readouterr().out
