"""What only a folder can do to us: links, pipes, names that are no text, writers that don't wait."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.errors import ConfigError, Replaced, TargetError, UploadError
from screening.storage import LocalStore, join
from screening.storage.names import SIDECAR


def at(moment: str, act: Callable[[], object]) -> LocalStore:
    """A store in which something happens at a moment of its own, as another process would do it."""
    return LocalStore(lambda name, _: act() if name == moment else None)


def by_name(site):
    return {upload.name: upload for upload in site.store.list(site.uploads)}


@pytest.fixture
def odd(on_disk, tmp_path):
    """A link to a file, one to a folder, one to nowhere, a pipe and a socket."""
    root = Path(on_disk.uploads)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/file").write_text("not an upload")
    (root / "link").symlink_to(tmp_path / "secret/file")
    (root / "folder-link").symlink_to(tmp_path / "secret")
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        before = Path.cwd()
        os.chdir(root)  # the name of a socket is at most 108 bytes
        server.bind("socket")
        os.chdir(before)
        yield on_disk


def test_what_is_no_regular_file_is_listed_with_its_problem(odd):
    found = by_name(odd)
    assert set(found) == {"link", "folder-link", "dangling", "pipe", "socket"}
    assert {upload.problem for upload in found.values()} == {"not_a_regular_file"}


@pytest.mark.parametrize("name", ["link", "folder-link", "dangling", "pipe", "socket"])
def test_what_is_no_regular_file_is_neither_read_nor_copied(odd, name):
    upload = by_name(odd)[name]
    for act in (
        lambda: odd.store.read(upload.uri, upload.generation, 100),
        lambda: odd.copy(upload),
        lambda: odd.store.delete(upload.uri, upload.generation),
        lambda: odd.store.label(upload.uri, upload.generation, {"a": "b"}),
    ):
        with pytest.raises(UploadError) as caught:
            act()
        assert caught.value.reason == "not_a_regular_file"
    assert odd.store.stat(upload.uri).problem == "not_a_regular_file"
    assert not odd.is_cleared()


def test_a_link_put_in_the_place_of_a_file_is_not_followed(on_disk, tmp_path):
    upload = on_disk.upload("x")
    (tmp_path / "secret").write_text("not an upload")
    Path(upload.uri).unlink()
    Path(upload.uri).symlink_to(tmp_path / "secret")
    with pytest.raises(UploadError):
        on_disk.store.read(upload.uri, upload.generation, 100)


def test_a_link_at_the_target_is_left_and_not_written_through(on_disk, tmp_path):
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / "live").mkdir()
    (tmp_path / "live/cleared.txt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TargetError, match="a link stands there"):
        on_disk.copy(on_disk.upload("x"))
    assert (tmp_path / "elsewhere").read_text() == "untouched"


def test_a_name_that_is_no_text_is_listed_as_text(on_disk):
    root = os.fsencode(on_disk.uploads)
    for name in (b"/bad\xfe.txt", b"/folder\xff/inner.txt"):
        path = Path(os.fsdecode(root + name))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    found = list(on_disk.store.list(on_disk.uploads))
    assert [upload.name for upload in found] == ["bad\\xfe.txt/", "folder\\xff/inner.txt/"]
    for upload in found:
        assert upload.problem == "invalid_name"
        assert upload.generation > 0
        upload.uri.encode()


NAMES = st.lists(st.sampled_from([b"a", b"\\", b"x", b"f", b"\xff", b"\xfe", "é".encode(), b"/", b"-"]), max_size=9)


@given(st.sets(NAMES.map(b"".join), min_size=2, max_size=20))
def test_no_two_names_are_spelled_alike(names):
    with TemporaryDirectory() as folder:
        made = 0
        for name in sorted(names):
            path = Path(folder, os.fsdecode(name.strip(b"/") or b"x"))
            with suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb"):
                    made += 1
        found = list(LocalStore().list(folder))
        assert len({upload.uri for upload in found}) == len({upload.name for upload in found}) == made
        for upload in found:
            assert upload.uri.encode()
            assert bool(upload.problem) == (not Path(upload.uri).is_file()), (
                "only what is whole can be opened by its URI"
            )


def test_a_name_and_its_spelled_out_twin_are_two_uploads(on_disk):
    for name in (b"bad\xff.txt", b"bad\\xff.txt", b"bad\\\\xff.txt"):
        Path(os.fsdecode(os.fsencode(on_disk.uploads) + b"/" + name)).write_bytes(name)
    found = {upload.name: upload.problem for upload in on_disk.store.list(on_disk.uploads)}
    assert found == {"bad\\xff.txt/": "invalid_name", "bad\\xff.txt": "", "bad\\\\xff.txt": ""}


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_a_folder_that_can_not_be_read_is_listed_with_its_problem(on_disk):
    closed = Path(on_disk.uploads) / "closed"
    closed.mkdir(mode=0o000)
    assert by_name(on_disk)["closed"].problem == "unreadable"
    closed.chmod(0o700)


@pytest.fixture
def deep(on_disk):
    """Folders in folders, deeper than Python's stack; taken away here, since shutil.rmtree recurses."""
    depth = 1200
    fds = [os.open(on_disk.uploads, os.O_RDONLY)]
    for _ in range(depth):
        os.mkdir("d", dir_fd=fds[-1])
        below = os.open("d", os.O_RDONLY, dir_fd=fds[-1])
        os.close(fds.pop())
        fds.append(below)
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fds[-1]))
    os.close(fds.pop())
    yield "d/" * depth + "file"
    (Path(on_disk.uploads) / ("d/" * depth + "file")).unlink()
    for left in range(depth, 0, -1):
        Path(on_disk.uploads, "/".join("d" * left)).rmdir()


def test_folders_deeper_than_the_stack(on_disk, deep):
    [upload] = on_disk.store.list(on_disk.uploads)
    assert upload.name == deep
    try:
        target = f"{on_disk.live}/{deep}"
        on_disk.store.copy(upload.uri, upload.generation, target, sha256=hashlib.sha256(b"").hexdigest())
        assert [copy.name for copy in on_disk.store.list(on_disk.live)] == [deep]
    finally:
        subprocess.run(["rm", "-rf", on_disk.live], check=True)  # pytest's own way recurses


def test_a_file_is_no_folder(on_disk):
    upload = on_disk.upload("x")
    with pytest.raises(ConfigError):
        on_disk.store.list(upload.uri)


def test_a_swap_that_keeps_size_and_time_of_change_is_another_generation(on_disk):
    upload = on_disk.upload("x", b"screened")
    before = Path(upload.uri).stat()
    Path(upload.uri).write_bytes(b"swapped!")
    os.utime(upload.uri, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(Replaced):
        on_disk.copy(upload, b"screened")
    assert not on_disk.is_cleared()


@pytest.mark.parametrize("how", ["in place", "by name"])
def test_a_file_swapped_while_it_is_copied_never_appears(on_disk, how):
    upload = on_disk.upload("x", b"screened")

    def swap():
        if how == "in place":
            Path(upload.uri).write_bytes(b"swapped!")
        else:
            other = Path(on_disk.uploads) / "other"
            other.write_bytes(b"swapped!")
            other.replace(upload.uri)

    on_disk.store = at("copying", swap)
    with pytest.raises(Replaced):
        on_disk.copy(upload, b"screened")
    assert list(Path(on_disk.live).iterdir()) == []


def test_bytes_that_were_not_screened_never_appear(on_disk):
    """Two writes in one tick of the clock leave the same change time: the digest tells them apart."""
    upload = on_disk.upload("x", b"swapped!")
    with pytest.raises(Replaced):
        on_disk.copy(upload, b"screened")
    assert list(Path(on_disk.live).iterdir()) == []


def test_a_file_that_grows_while_it_is_copied_is_not_followed(on_disk):
    upload = on_disk.upload("x")
    written = []

    def grow(moment, path):
        if moment == "copying":
            os.truncate(path, 1 << 40)
        if moment == "placing":
            written.append(path)

    on_disk.store = LocalStore(grow)
    with pytest.raises(Replaced):
        on_disk.copy(upload)
    assert not written
    assert list(Path(on_disk.live).iterdir()) == []


@pytest.mark.parametrize("more", [b"longer than it was", b"x", b"as LISTED"])
def test_a_file_changed_while_it_is_read(on_disk, more):
    upload = on_disk.upload("x", b"as listed")
    on_disk.store = at("reading", lambda: Path(upload.uri).write_bytes(more))
    with pytest.raises(Replaced):
        on_disk.store.read(upload.uri, upload.generation, 1000)


def test_a_file_replaced_while_it_is_deleted_stays(on_disk):
    upload = on_disk.upload("x", b"old")
    other = Path(on_disk.uploads) / "other"
    other.write_bytes(b"new")
    before = Path(upload.uri).stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    on_disk.store = at("deleting", lambda: other.replace(upload.uri))
    with pytest.raises(Replaced):
        on_disk.store.delete(upload.uri, upload.generation)
    assert Path(upload.uri).read_bytes() == b"new"
    assert list(by_name(on_disk)) == ["x"]


def test_a_copy_is_not_executable(on_disk):
    upload = on_disk.upload("x")
    Path(upload.uri).chmod(0o4777)
    on_disk.copy(on_disk.store.stat(upload.uri, "x"))
    assert Path(on_disk.live, "cleared.txt").stat().st_mode & 0o7777 == 0o666


def sidecar_of(upload):
    path = Path(upload.uri)
    return path.parent / SIDECAR / f"{hashlib.sha256(path.name.encode()).hexdigest()}.json"


def test_labels_lie_beside_the_files_and_are_never_listed(on_disk):
    upload = on_disk.upload("a/x")
    on_disk.store.label(upload.uri, upload.generation, {"a": "b"})
    assert sidecar_of(upload).is_file()
    assert list(by_name(on_disk)) == ["a/x"]
    on_disk.store.delete(upload.uri, upload.generation)
    assert not sidecar_of(upload).exists()


@pytest.mark.parametrize("forged", [b"{", b"[]", b'{"generation": 1}', b"[" * 100_000, b"\xff", None])
def test_what_is_no_label_is_no_label(on_disk, forged):
    upload = on_disk.upload("x")
    sidecar_of(upload).parent.mkdir()
    if forged is None:
        os.mkfifo(sidecar_of(upload))
    else:
        sidecar_of(upload).write_bytes(forged)
    assert by_name(on_disk)["x"] == upload


def test_labels_are_not_written_through_a_link(on_disk, tmp_path):
    upload = on_disk.upload("x")
    (tmp_path / "elsewhere").mkdir()
    (Path(on_disk.uploads) / SIDECAR).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TargetError):
        on_disk.store.label(upload.uri, upload.generation, {"a": "b"})
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["a//b", f"{SIDECAR}/x", f"a/{SIDECAR}/x", "folder/"])
def test_a_folder_takes_no_empty_or_reserved_part(name):
    with pytest.raises(UploadError) as caught:
        join("/data/live", name)
    assert caught.value.reason == "invalid_name"
