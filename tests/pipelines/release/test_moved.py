"""An input or a live that was moved, swapped, or is away for a while: nothing is lost or taken for done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from screening.records import Release, Review
from tests.pipelines.release.conftest import FIRST, SECOND, accept, accepted, overturn, write
from tests.screening.tables.conftest import START, a_run


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
