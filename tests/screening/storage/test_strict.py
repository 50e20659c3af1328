"""No link on the way to a file is ever followed, wherever it stands and whenever it comes."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from screening.errors import ConfigError, UploadError
from screening.storage import LocalStore, strict
from tests.pace import times


@pytest.fixture(params=["by the kernel", "by walking"])
def way(request, monkeypatch):
    """Kernels before 5.6, and other systems, have no openat2."""
    if request.param == "by walking":
        monkeypatch.setattr(strict, "_open", strict.by_walking)


@pytest.fixture
def secret(tmp_path):
    """A folder outside the uploads, with the names that an upload may have."""
    folder = tmp_path / "secret"
    (folder / "deep").mkdir(parents=True)
    for name in ("x.txt", "deep/y.txt"):
        (folder / name).write_text("a secret")
    return folder


def swap(folder: Path, target: Path) -> None:
    """The folder becomes a link to the target."""
    folder.rename(folder.with_name(f"{folder.name}-before"))
    folder.symlink_to(target)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("swapped", ["a", "a/deep"])
def test_a_folder_swapped_for_a_link_during_the_listing(on_disk, secret, swapped):
    for name in ("a/x.txt", "a/deep/y.txt", "b/z.txt"):
        on_disk.upload(name)
    folder = Path(on_disk.uploads, swapped)
    store = LocalStore(
        lambda moment, path: moment == "listing" and path == str(folder) and swap(folder, secret / swapped[2:])
    )
    for upload in store.list(on_disk.uploads):
        if not upload.problem:
            assert store.read(upload.uri, upload.generation, 100) == b"as uploaded"


@pytest.mark.usefixtures("way")
def test_a_folder_swapped_after_its_names_were_read(on_disk, secret):
    for name in ("a/x.txt", "a/y.txt"):
        on_disk.upload(name)
    found = iter(on_disk.store.list(on_disk.uploads))
    first = next(found)
    swap(Path(on_disk.uploads, "a"), secret)
    later = list(found)
    for upload in (first, *later):
        with pytest.raises(UploadError) as caught:
            on_disk.store.read(upload.uri, upload.generation, 100)
        assert caught.value.reason in {"not_a_regular_file", "replaced"}


@pytest.mark.usefixtures("way")
def test_nothing_is_done_through_a_link_in_the_middle(on_disk, secret):
    upload = on_disk.upload("a/x.txt", b"a secret")
    swap(Path(on_disk.uploads, "a"), secret)
    there = (secret / "x.txt").stat().st_ctime_ns
    for act in (
        lambda: on_disk.store.stat(upload.uri),
        lambda: on_disk.store.read(upload.uri, there, 100),
        lambda: on_disk.store.copy(upload.uri, there, f"{on_disk.live}/x.txt", sha256="0" * 64),
        lambda: on_disk.store.label(upload.uri, there, {"a": "b"}),
        lambda: on_disk.store.delete(upload.uri, there),
        lambda: on_disk.store.put(upload.uri, b"overwritten"),
        lambda: on_disk.store.update(upload.uri, lambda _: b"overwritten"),
    ):
        with pytest.raises(UploadError) as caught:
            act()
        assert caught.value.reason == "not_a_regular_file"
    assert sorted(path.name for path in secret.rglob("*")) == ["deep", "x.txt", "y.txt"]
    assert (secret / "x.txt").read_text() == "a secret"


@pytest.mark.usefixtures("way")
def test_a_folder_swapped_between_the_listing_and_the_copy(on_disk, secret):
    import hashlib

    upload = on_disk.upload("a/x.txt")
    store = LocalStore(lambda moment, _: moment == "copying" and swap(Path(on_disk.uploads, "a"), secret))
    sha256 = hashlib.sha256(b"as uploaded").hexdigest()
    assert store.copy(upload.uri, upload.generation, f"{on_disk.live}/x.txt", sha256=sha256) is True
    assert Path(on_disk.live, "x.txt").read_bytes() == b"as uploaded"  # it was open already
    with pytest.raises(UploadError):
        store.copy(upload.uri, upload.generation, f"{on_disk.live}/y.txt", sha256=sha256)
    assert not Path(on_disk.live, "y.txt").exists()


@pytest.mark.usefixtures("way")
def test_a_root_is_named_without_links(on_disk, tmp_path):
    (tmp_path / "alias").symlink_to(on_disk.uploads)
    with pytest.raises(ConfigError, match="link"):
        list(on_disk.store.list(str(tmp_path / "alias")))


@pytest.mark.usefixtures("way")
def test_a_name_is_reached_whatever_its_depth_and_letters(on_disk):
    upload = on_disk.upload("a b/é/" + "d/" * 200 + "雪.txt")
    assert on_disk.store.read(upload.uri, upload.generation, 100) == b"as uploaded"


SECONDS = times(9, 3)
FLIPS = """
import os, sys, time
folder, secret, seconds = sys.argv[1:]
end = time.monotonic() + float(seconds)
while time.monotonic() < end:
    os.rename(folder, folder + "-real"); os.symlink(secret, folder)
    os.unlink(folder); os.rename(folder + "-real", folder)
"""


@pytest.mark.slow
def test_for_seconds_against_a_process_that_swaps_all_the_time(on_disk, secret):
    """Nothing outside the uploads is ever listed with its facts, read or copied."""
    (secret / "x.txt").write_text("a secret of another length")
    time.sleep(0.02)  # of a file system's clock, which may tick only every 10 ms: the uploads are of another time
    uploads = [on_disk.upload(f"a/{name}") for name in ("x.txt", "deep/y.txt")]
    facts = {path.stat().st_ctime_ns for path in secret.rglob("*.txt")}
    other = subprocess.Popen([sys.executable, "-c", FLIPS, f"{on_disk.uploads}/a", str(secret), str(SECONDS + 90)])
    seen = read = copied = 0
    start = time.monotonic()
    # For some seconds, and on until each has come through: how often the folder is in place differs by the machine.
    while (now := time.monotonic() - start) < SECONDS or (min(seen, read, copied) <= 10 and now < SECONDS + 60):
        assert other.poll() is None
        for upload in on_disk.store.list(on_disk.uploads):
            assert upload.generation not in facts
            seen += 1
        for upload in uploads:
            with suppress(UploadError):
                assert on_disk.store.read(upload.uri, upload.generation, 100) == b"as uploaded"
                read += 1
            with suppress(UploadError):
                on_disk.copy(upload, to=f"{copied}.txt")
                copied += 1
            for generation in facts:
                with pytest.raises(UploadError):
                    on_disk.store.read(upload.uri, generation, 100)
    other.kill()
    other.wait(20)
    assert min(seen, read, copied) > 10
    assert {path.read_bytes() for path in Path(on_disk.live).iterdir()} == {b"as uploaded"}
