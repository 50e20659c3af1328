"""Every way in which a copy's name can't be made at the target: it is said of the target, and nothing is harmed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from screening.errors import TargetError, UploadError


def refused(site, upload, to: str, data: bytes = b"as uploaded") -> str:
    with pytest.raises(TargetError) as caught:
        site.copy(upload, data, to=to)
    assert f"{site.live}/{to}" in str(caught.value)
    return str(caught.value)


def test_a_file_where_a_folder_is_needed(on_disk):
    on_disk.copy(on_disk.upload("a", b"first"), b"first", to="a")
    assert "a file stands where a folder is needed" in refused(on_disk, on_disk.upload("x"), "a/b")
    assert "a file stands where a folder is needed" in refused(on_disk, on_disk.upload("x"), "a/b/c")
    assert on_disk.cleared("a") == b"first"


def test_a_folder_where_the_file_is_needed(on_disk):
    on_disk.copy(on_disk.upload("a/b", b"first"), b"first", to="a/b")
    assert "a folder stands where the file is needed" in refused(on_disk, on_disk.upload("x"), "a")
    assert on_disk.cleared("a/b") == b"first"


@pytest.mark.parametrize("name", ["a" * 256, "é" * 128, "a" * 256 + "/b"])
def test_a_name_that_is_too_long(on_disk, name):
    assert "too long" in refused(on_disk, on_disk.upload("x"), name)


def test_a_path_that_is_too_long(on_disk):
    assert "too long" in refused(on_disk, on_disk.upload("x"), "/".join(["a" * 200] * 25))


@pytest.mark.parametrize(("first", "second"), [("A.txt", "a.txt"), ("\u00e9.txt", "e\u0301.txt")])
def test_a_file_system_that_folds_case_or_unicode(on_disk, first, second):
    """On such a one, the second name leads to the first's file: so a second link to it stands for the folding."""
    on_disk.copy(on_disk.upload(first, b"first"), b"first", to=first)
    os.link(Path(on_disk.live, first), Path(on_disk.live, second))
    assert "another upload's copy" in refused(on_disk, on_disk.upload(second), second)
    assert on_disk.cleared(first) == b"first"


def test_a_file_system_that_folds_a_name_that_comes_meanwhile(on_disk):
    """The other copy is made after this one's target was looked at."""
    from screening.storage import LocalStore

    on_disk.copy(on_disk.upload("A.txt", b"first"), b"first", to="A.txt")
    on_disk.store = LocalStore(
        lambda moment, path: moment == "placing" and os.link(Path(on_disk.live, "A.txt"), Path(path))
    )
    refused(on_disk, on_disk.upload("a.txt"), "a.txt")
    assert on_disk.cleared("A.txt") == b"first"


def test_a_link_or_a_pipe_on_the_way(on_disk, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    Path(on_disk.live).mkdir()
    Path(on_disk.live, "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(Path(on_disk.live, "pipe"))
    upload = on_disk.upload("x")
    assert "a link stands there" in refused(on_disk, upload, "link/x")
    assert "a link stands there" in refused(on_disk, upload, "link")
    assert "another upload's copy" in refused(on_disk, upload, "pipe")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_live_that_is_a_file(on_disk):
    Path(on_disk.live).write_text("mistyped")
    assert "a file stands where a folder is needed" in refused(on_disk, on_disk.upload("x"), "x")


def test_a_source_that_is_gone_is_said_of_the_source(on_disk):
    upload = on_disk.upload("a/x")
    Path(upload.uri).unlink()
    with pytest.raises(UploadError) as caught:
        on_disk.copy(upload)
    assert caught.value.reason == "not_found"
    Path(upload.uri).parent.rmdir()
    Path(upload.uri).parent.write_text("a file in place of its folder")
    with pytest.raises(UploadError) as caught:
        on_disk.copy(upload)
    assert caught.value.reason == "not_found"
