"""Untrusted bytes are decoded in a process that can die alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from PIL import Image

from screening.decode import DECODERS, Decoder, Limits, decode
from screening.decode import sandbox as sandbox_module
from screening.errors import UploadError
from screening.records import Picture


def children(of: int | None = None) -> list[psutil.Process]:
    """The decoder's processes that live under a process."""
    found = []
    for process in psutil.Process(of).children(recursive=True):
        try:
            if "screening.decode.child" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
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


def same(one: object, other: object) -> bool:
    if isinstance(one, Picture) and isinstance(other, Picture):
        facts = [(p.media_type, p.width, p.height, p.frames, p.pixels.shape) for p in (one, other)]
        return facts[0] == facts[1] and bool((one.pixels == other.pixels).all())
    return one == other


@pytest.fixture(scope="module")
def decoder():
    with Decoder(processes=2) as decoder:
        yield decoder


@pytest.fixture(scope="module")
def huge(make) -> bytes:
    """A valid picture of 64 megapixels in a small file."""
    return make.encode(Image.new("RGB", (8000, 8000), (90, 120, 150)), format="PNG", compress_level=1)


@pytest.fixture(scope="module")
def stalling() -> bytes:
    """Markdown of 250 kB whose tables have 4 million cells, since a row may leave cells out."""
    table = "|" + "a|" * 200 + "\n|" + "-|" * 200 + "\n" + "x\n" * 2000
    return ("# t\n\n" + "\n\n".join([table] * 50)).encode()


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


def test_children_start_when_needed_and_end_with_the_decoder(valid):
    before = {process.pid for process in children()}
    with Decoder() as decoder:
        decoder.decode(valid["text/plain"])
        decoder.decode(b'{"text": "plain JSON"}')
        assert {process.pid for process in children()} == before
        decoder.decode(valid["image/png"])
        mine = [process for process in children() if process.pid not in before]
        assert len(mine) == 1
    assert gone(mine)


def test_a_closed_decoder_starts_no_child(valid):
    decoder = Decoder()
    decoder.close()
    assert reason(decoder, valid["image/png"]) == "decoder_crashed"


def test_a_decode_that_takes_too_long_dies_alone(huge, valid):
    with Decoder(Limits(seconds=0.05)) as decoder:
        assert reason(decoder, huge) == "decode_timeout"
        assert same(decoder.decode(valid["image/png"]), decode(valid["image/png"]))


def test_a_stalling_document_dies_alone(stalling):
    with Decoder(Limits(seconds=0.5, max_marks=1 << 30)) as decoder:
        assert reason(decoder, stalling) == "decode_timeout"
        assert decoder.decode(b"# fine\n\nwords").text == "fine\n\nwords"


def test_a_decode_that_takes_too_much_memory_dies_alone(huge, valid):
    with Decoder(Limits(memory_bytes=400 << 20)) as decoder:
        assert reason(decoder, huge) == "decoder_crashed"
        assert same(decoder.decode(valid["image/png"]), decode(valid["image/png"]))


def test_a_child_that_was_killed_is_replaced(valid):
    with Decoder() as decoder:
        decoder.decode(valid["image/png"])
        for process in children():
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert decoder.decode(valid["image/png"]).width == 96


@pytest.mark.parametrize(
    "program",
    ["import os; os.abort()", "print('not the protocol' * 9999)", "import sys; sys.stdin.buffer.read(1)", "open('/')"],
)
def test_a_child_that_breaks_the_protocol_costs_its_upload_only(program, valid, monkeypatch):
    def start(_: str) -> subprocess.Popen[bytes]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([sys.executable, "-c", program], **pipes)

    with Decoder() as decoder:
        with monkeypatch.context() as patch:
            patch.setattr(sandbox_module, "_start", start)
            assert reason(decoder, valid["image/png"]) == "decoder_crashed"
        assert decoder.decode(valid["image/png"]).width == 96


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


def test_a_child_for_pictures_imports_no_html_parser():
    program = (
        "import io, json, os, sys\n"
        "from dataclasses import asdict\n"
        "from screening.decode import Fields, Limits, child, table, wire\n"
        "table.decoder_for('image/png')\n"
        "print([name for name in ('trafilatura', 'lxml', 'pycld2', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_stalled_child_ends_itself_when_its_parent_is_gone(stalling, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(stalling)
    program = (
        "import sys; from pathlib import Path; from screening.decode import Decoder, Limits\n"
        "Decoder(Limits(seconds=3, max_marks=1 << 30)).decode(Path(sys.argv[1]).read_bytes())"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(upload)], stderr=subprocess.DEVNULL)
    while not (orphans := [child for child in children(parent.pid) if child.cpu_times().user > 0.6]):
        assert parent.poll() is None
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    assert gone(orphans)
