"""Untrusted bytes are decoded in a process that can die alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from screening.content import Document, Picture
from screening.decode import DECODERS, Decoder, Limits, decode
from screening.decode.sandbox import decoder as sandbox
from screening.decode.sandbox.wire import Broken, unpack
from screening.errors import UploadError
from tests.pace import times
from tests.screening.decode.conftest import told
from tests.screening.decode.hostile import TABLE, page


def children(of: int | None = None) -> list[psutil.Process]:
    """The decoder's processes that live under a process."""
    found = []
    for process in psutil.Process(of).children(recursive=True):
        try:
            if "screening.decode.sandbox.child" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=20)[1]


def reason(decoder: Decoder, data: bytes) -> str:
    with pytest.raises(UploadError) as refusal:
        decoder.decode(data)
    return refusal.value.reason


def same(one: Document, other: Document) -> bool:
    return told(one) == told(other)


@pytest.fixture(scope="module")
def decoder():
    with Decoder(processes=2) as decoder:
        yield decoder


@pytest.fixture(scope="module")
def huge(make) -> bytes:
    """A valid picture of 64 megapixels in a small file."""
    return make.encode(Image.new("RGB", (8000, 8000), (90, 120, 150)), format="PNG", compress_level=1)


@pytest.mark.parametrize("media_type", DECODERS)
def test_the_child_decodes_as_this_process_does(decoder, valid, media_type):
    assert same(decoder.decode(valid[media_type]), decode(valid[media_type]))


def test_refusals_come_through_with_reason_and_detail(decoder):
    with pytest.raises(UploadError) as refusal:
        decoder.decode(b"GIF89a and no more")
    assert refusal.value.reason == "undecodable"
    assert refusal.value.detail.startswith("image/gif")


def test_many_threads_share_few_children(decoder, valid):
    work = [*valid.values()] * 12
    before = {process.pid for process in children()}
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(decoder.decode, work))
    expected = {data: decode(data) for data in valid.values()}
    assert all(same(result, expected[data]) for result, data in zip(results, work, strict=True))
    assert sum(process.pid not in before for process in children()) <= 2


def test_one_child_starts_at_once_the_others_when_needed_and_all_end_with_the_decoder(valid):
    before = {process.pid for process in children()}
    with Decoder(processes=2) as decoder:
        for data in (valid["text/plain"], b'{"text": "plain JSON"}', valid["image/png"], valid["text/html"]):
            decoder.decode(data)
        assert sum(process.pid not in before for process in children()) == 1
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(decoder.decode, [valid["text/html"]] * 40))
        mine = [process for process in children() if process.pid not in before]
        assert len(mine) == 2
    assert gone(mine)


def test_a_closed_decoder_starts_no_child(valid):
    decoder = Decoder()
    decoder.close()
    assert reason(decoder, valid["image/png"]) == "decoder_crashed"


def test_a_decode_that_is_too_much_work_dies_alone(huge, valid):
    with Decoder(Limits(cpu_seconds=0.05)) as decoder:
        with pytest.raises(UploadError) as refusal:
            decoder.decode(huge)
        assert (refusal.value.reason, refusal.value.detail) == ("too_much_work", "0.05 s of processor time")
        assert same(decoder.decode(valid["image/png"]), decode(valid["image/png"]))


def test_every_upload_has_the_whole_processor_time():
    """What went before in the same process takes nothing of it."""
    with Decoder(Limits(cpu_seconds=0.6), decoders=TABLE) as one:
        for _ in range(4):
            assert one.decode(page("burn", 0.4)).main.text


def test_a_parent_that_ignores_the_alarms_does_not_disarm_them():
    before = signal.signal(signal.SIGPROF, signal.SIG_IGN)
    try:
        with Decoder(Limits(cpu_seconds=0.2, seconds=20), decoders=TABLE) as one:
            assert reason(one, page("burn", 5)) == "too_much_work"
    finally:
        signal.signal(signal.SIGPROF, before)


def test_a_decode_that_only_waits_is_a_time_out():
    with Decoder(Limits(cpu_seconds=0.2, seconds=0.5), decoders=TABLE) as one:
        assert reason(one, page("sleep", 60)) == "decode_timeout"


@pytest.fixture
def crowd() -> Iterator[None]:
    """Twice as many busy processes as cores, so that a decoder gets a third of one."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    yield
    for process in busy:
        process.kill()
        process.wait()


def outcomes() -> list[str]:
    """Of a moderately heavy upload, and of one that takes more processor time than there is."""
    found = []
    with Decoder(Limits(cpu_seconds=1.0), decoders=TABLE) as one:
        for data in (page("burn", 0.5), page("burn", 5)):
            try:
                found.append(one.decode(data).media_type)
            except UploadError as error:
                found.append(error.reason)
    return found


def test_alone_a_moderate_upload_passes_and_a_heavy_one_does_not():
    assert outcomes() == ["text/html", "too_much_work"]


@pytest.mark.usefixtures("crowd")
def test_beside_busy_processes_the_same_uploads_fare_the_same():
    assert outcomes() == ["text/html", "too_much_work"]


def test_a_decode_that_takes_too_much_memory_dies_alone(huge, valid):
    with Decoder(Limits(memory_bytes=400 << 20)) as decoder:
        assert reason(decoder, huge) == "decoder_crashed"
        assert same(decoder.decode(valid["image/png"]), decode(valid["image/png"]))


def test_an_answer_that_was_written_ahead_is_not_taken_for_the_next():
    with Decoder(decoders=TABLE) as one:
        assert reason(one, page("answer", "a harmless forged page")) == "decoder_crashed"
        assert "what the next one says" in one.decode(b"<!DOCTYPE html><p>what the next one says").main.text


def test_an_answer_that_was_not_read_is_not_taken_for_the_next(monkeypatch):
    """This process runs out of memory while it reads; the child has answered all the same."""
    with Decoder(decoders=TABLE) as one:
        one.check()
        # No limit on memory can be set so that it is exceeded just here.
        with monkeypatch.context() as patch:
            patch.setattr(sandbox, "receive", lambda *_: [].__getitem__(0))
            with pytest.raises(IndexError):
                one.decode(b"<!DOCTYPE html><p>first")
        for said in ("second", "third"):
            assert said in one.decode(f"<!DOCTYPE html><p>{said}".encode()).main.text


ODD = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=60), st.lists(st.integers(-5, 5000), max_size=4)
)
FACTS = {"title": st.text() | ODD, "width": ODD, "height": ODD, "shape": st.just([1, 2, 3]) | ODD}
PART = {
    "place": st.text(max_size=3) | ODD,
    "role": st.sampled_from(["main", "rest", "other"]) | ODD,
    "kind": st.sampled_from(["text", "image", "smell"]) | ODD,
    "bytes": st.integers(-9, 70) | ODD,
    "facts": st.fixed_dictionaries({}, optional=FACTS) | ODD,
}


@settings(max_examples=times(300, 60))
@given(
    st.dictionaries(
        st.sampled_from(["reason", "detail", "document", "parts"]),
        st.one_of(
            ODD,
            st.lists(st.fixed_dictionaries({}, optional=PART), max_size=3),
            st.dictionaries(st.sampled_from(["media_type", "language", "not_looked_at"]), ODD | st.just([])),
        ),
    ),
    st.binary(max_size=64),
)  # fmt: skip
def test_whatever_a_child_says_is_a_result_or_none(header, body):
    try:
        found = unpack(header, body)
    except Broken:
        return
    if isinstance(found, UploadError):
        assert len(found.reason) <= 40
        return
    assert found.parts
    for part in found.parts:
        if isinstance(part.content, Picture):
            assert 0 < part.content.width < 1 << 32
            assert 0 < part.content.pixels.size <= len(body)


def test_a_child_that_was_killed_is_replaced(valid):
    with Decoder() as decoder:
        decoder.decode(valid["image/png"])
        for process in children():
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert decoder.decode(valid["image/png"]).main.width == 96


def test_children_end_with_their_parent(valid, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(valid["image/png"])
    program = (
        "import sys, time; from pathlib import Path; from screening.decode import Decoder\n"
        "decoder = Decoder(); decoder.decode(Path(sys.argv[1]).read_bytes())\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(upload)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    orphans = children(parent.pid)
    assert len(orphans) == 1
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(orphans)


def test_the_child_is_bounded_and_knows_no_secrets(valid, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/secret")
    before = {process.pid for process in children()}
    with Decoder(Limits(memory_bytes=1 << 30)) as decoder:
        decoder.decode(valid["image/png"])
        (child,) = (process for process in children() if process.pid not in before)
        assert child.rlimit(psutil.RLIMIT_AS) == (1 << 30, 1 << 30)
        assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert "GOOGLE_APPLICATION_CREDENTIALS" not in child.environ()


@pytest.mark.slow
@pytest.mark.parametrize("act", ["burn", pytest.param("sleep", marks=pytest.mark.slow)])
def test_a_stalled_child_ends_itself_when_its_parent_is_gone(act):
    program = (
        "import sys, threading; from screening.decode import Decoder, Limits\n"
        "from tests.screening.decode.hostile import TABLE, page\n"
        "decoder = Decoder(Limits(cpu_seconds=2, seconds=2), decoders=TABLE); decoder.check()\n"
        "threading.Timer(0.2, print, ['decoding'], {'flush': True}).start()\n"
        "decoder.decode(page(sys.argv[1], 60))"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, act], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"decoding\n"
    orphans = children(parent.pid)
    assert orphans
    parent.kill()
    parent.communicate()
    assert gone(orphans)
