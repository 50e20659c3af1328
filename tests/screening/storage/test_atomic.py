"""A copy in the making: where it lies, what appears, and what a killed process leaves."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from screening.errors import TargetError, UploadError
from screening.storage import LocalStore, atomic, join
from screening.storage.names import SIDECAR, name_problem
from tests.pace import times


@pytest.fixture(params=["without a name", "with a name", "without /proc"])
def kind(request, monkeypatch):
    """With a name of its own is how a partial file lies on file systems without O_TMPFILE, and on other systems."""
    if request.param != "without a name":
        monkeypatch.setattr(atomic, "_NAMELESS", 0)
    if request.param == "without /proc":
        monkeypatch.setattr(atomic, "_BY_FD", False)
    return request.param


def below(folder: str) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def names_once_used(target: str) -> list[str]:
    """What earlier versions called a copy in the making."""
    return [f".{hashlib.sha256(os.fsencode(target)).hexdigest()[:32]}{suffix}" for suffix in (".partial", ".deleted")]


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("earlier", [b"", b"the generation before"])
def test_no_upload_can_bear_the_name_of_a_copy_in_the_making(on_disk, earlier):
    """Another upload is released under every name that stands in live while this one is copied."""
    if earlier:
        on_disk.copy(on_disk.upload("x", earlier), earlier)
    seen = []

    def look(moment, _path):
        if moment == "placing":
            seen.extend(str(path.relative_to(on_disk.live)) for path in Path(on_disk.live).rglob("*"))

    on_disk.store = LocalStore(look)
    assert on_disk.copy(on_disk.upload("x"), earlier=earlier) is True
    for name in [*set(seen) - {"cleared.txt"}, *names_once_used("cleared.txt")]:
        if not name_problem(name, bucket=False):
            on_disk.copy(on_disk.upload(name, b"evil"), b"evil", to=name)
    assert on_disk.cleared() == b"as uploaded"


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("earlier", [b"", b"the generation before"])
def test_what_appears_are_the_bytes_that_were_hashed(on_disk, earlier):
    """Somebody who writes into live swaps every file of ours there, just before the copy gets its name."""
    if earlier:
        on_disk.copy(on_disk.upload("x", earlier), earlier)

    def swap(moment, _path):
        if moment == "placing":
            for path in Path(on_disk.live).rglob(f"{SIDECAR}/*"):
                path.unlink()
                path.write_bytes(b"evil")

    on_disk.store = LocalStore(swap)
    try:
        on_disk.copy(on_disk.upload("x"), earlier=earlier)
    except TargetError:
        assert not on_disk.is_cleared()
    else:
        assert on_disk.cleared() == b"as uploaded"


@pytest.mark.usefixtures("kind")
def test_a_copy_that_fails_leaves_nothing(on_disk):
    def swap(moment, path):
        if moment == "copying":
            Path(path).write_bytes(b"swapped")

    upload = on_disk.upload("x")
    on_disk.store = LocalStore(swap)
    with pytest.raises(UploadError):
        on_disk.copy(upload)
    assert below(on_disk.live) == []


DIES = """
import os, signal, sys
from screening.storage import LocalStore, atomic
target, uri, generation, sha256, kind, replaces = sys.argv[1:]
if kind != "without a name":
    atomic._NAMELESS = 0
atomic._BY_FD = kind != "without /proc"
LocalStore(lambda moment, _: moment == "placing" and os.kill(os.getpid(), signal.SIGKILL)).copy(
    uri, int(generation), target, sha256=sha256, replaces=[replaces])
"""


@pytest.mark.parametrize("earlier", [b"", b"the generation before"])
def test_what_a_killed_copy_leaves_is_never_the_target_and_is_removed_by_the_next(on_disk, kind, earlier):
    target = join(on_disk.live, "cleared.txt")
    if earlier:
        on_disk.copy(on_disk.upload("x", earlier), earlier)
    upload = on_disk.upload("x")
    sha256, before = (hashlib.sha256(data).hexdigest() for data in (b"as uploaded", earlier))
    facts = [target, upload.uri, str(upload.generation), sha256, kind, before]
    killed = subprocess.run([sys.executable, "-c", DIES, *facts], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = [name for name in below(on_disk.live) if name != "cleared.txt"]
    assert on_disk.is_cleared() == bool(earlier)
    assert all(name.startswith(f"{SIDECAR}/") for name in left)
    assert bool(left) == (kind != "without a name")
    on_disk.copy(on_disk.upload("y", b"another"), b"another", to="another.txt")
    assert below(on_disk.live) == sorted(["another.txt", *(["cleared.txt"] if earlier else [])])


def test_what_is_in_use_is_not_removed(tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY)
    with atomic.locked(fd, "x"), atomic.partial(fd):
        assert below(tmp_path)
    assert below(tmp_path) == []
    os.close(fd)


@pytest.mark.parametrize(
    "name",
    [
        f"{SIDECAR}/x",
        f"a/{SIDECAR}/x",
        ".Screening/x",
        "．screening/x",
        ".scree\u200dning/x",
        ".ſcreening/x",
        ".screening\ufe0f/x",
    ],
)
def test_a_name_that_may_be_taken_for_our_folder_is_refused(name):
    assert name_problem(name, bucket=False)
    assert not name_problem(name, bucket=True)


def test_an_upload_is_not_removed_by_the_withdrawal_of_another(on_disk):
    """Earlier versions moved what they deleted to a name that an upload may bear."""
    target = join(on_disk.live, "cleared.txt")
    upload = on_disk.upload("x")
    on_disk.copy(upload)
    for name in names_once_used(target):
        on_disk.copy(on_disk.upload(name, b"another's"), b"another's", to=name)
    on_disk.withdraw(upload)
    assert below(on_disk.live) == sorted(names_once_used(target))


SECONDS = times(9, 3)
EVIL = """
import hashlib, os, sys, time
from screening.errors import ScreeningError
from screening.storage import LocalStore, join
uploads, live, seconds = sys.argv[1:]
store, seen, end = LocalStore(), set(), time.monotonic() + float(seconds)
while time.monotonic() < end:
    # os.walk goes on when a folder disappears
    walk = ((folder, name) for folder, folders, files in os.walk(live) for name in (*folders, *files))
    there = {os.path.relpath(os.path.join(*each), live) for each in walk}
    old = {f".{hashlib.sha256(b'%d.txt' % i).hexdigest()[:32]}.partial" for i in range(50)}
    for name in sorted((there | old) - seen):
        if name.endswith(".txt"):
            continue
        seen.add(name)
        try:
            store.put(join(uploads, name), b"evil")
            upload = store.stat(join(uploads, name), name)
            store.copy(upload.uri, upload.generation, join(live, name), sha256=hashlib.sha256(b"evil").hexdigest())
        except (ScreeningError, OSError):
            pass
print(len(seen))
"""


@pytest.mark.slow
def test_for_seconds_against_an_uploader_of_every_name_that_is_seen(on_disk):
    """Another process uploads and releases whatever it sees in live, while copies are made and replaced there."""
    before = [on_disk.upload(f"{i}.txt", b"before") for i in range(50)]
    other = subprocess.Popen(
        [sys.executable, "-c", EVIL, f"{on_disk.uploads}/evil", on_disk.live, str(SECONDS + 1)],
        stdout=subprocess.PIPE,
        text=True,
    )
    rounds = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for upload in before:
            on_disk.copy(upload, b"before", to=f"{rounds}/{upload.name}")
        rounds += 1
    for upload in before:
        after = on_disk.upload(upload.name, b"after")
        on_disk.copy(after, b"after", to=f"0/{upload.name}", earlier=b"before")
    assert int(other.communicate(timeout=60)[0]) >= 50
    copies = {path: path.read_bytes() for path in Path(on_disk.live).rglob("*.txt")}
    assert len(copies) == 50 * rounds
    assert {data for path, data in copies.items() if path.parent.name != "0"} <= {b"before"}
    assert {data for path, data in copies.items() if path.parent.name == "0"} == {b"after"}
