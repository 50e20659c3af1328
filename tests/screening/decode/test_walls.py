"""What code that an upload brought into a decoder may not do: each wall, tried from within."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from screening.content import Document
from screening.decode import Decoder, Limits, decode
from screening.errors import ConfigError, UploadError
from tests.screening.decode.conftest import told
from tests.screening.decode.hostile import TABLE, page

HERE = Path(__file__).parent
FULL = "seccomp+landlock+limits"
GOOD = b"<!DOCTYPE html><p>An ordinary page."

LANDLOCK = sys.platform == "linux" and ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) >= 6
walled = pytest.mark.skipif(not LANDLOCK, reason="needs a Linux kernel with Landlock of version 6 (Linux 6.12)")


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(Limits(memory_bytes=500 << 20), decoders=TABLE) as one:
        yield one


def refusal(decoder: Decoder, data: bytes) -> tuple[str, str]:
    with pytest.raises(UploadError) as caught:
        decoder.decode(data)
    return caught.value.reason, caught.value.detail


class World:
    """What lies outside the child, and whether anything reached it."""

    def __init__(self, folder: Path) -> None:
        self.secret = folder / "secret"
        self.secret.write_text("a secret")
        self.made = folder / "made"
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.name = f"decoder-test-{os.getpid()}"
        self.abstract, self.unix = (socket.socket(socket.AF_UNIX) for _ in range(2))
        self.abstract.bind(f"\0{self.name}")
        self.unix.bind(str(folder / "socket"))
        for each in (self.abstract, self.unix):
            each.listen()
        self.victim = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)

    def order(self, act: str) -> bytes:
        """The page that orders an act against this world."""
        port = {"tcp": self.tcp, "udp": self.udp}.get(act, self.tcp).getsockname()[1]
        targets: dict[str, object] = {
            "tcp": port, "udp": port, "unix": self.unix.getsockname(), "abstract": self.name,
            "kill": self.victim.pid, "ptrace": self.victim.pid, "list": str(self.secret.parent),
            **dict.fromkeys(("read", "stat", "delete"), str(self.secret)),
            **dict.fromkeys(("write", "fork", "exec"), str(self.made)),
        }  # fmt: skip
        return page(act, *([targets[act]] if act in targets else []))

    def untouched(self) -> bool:
        for each in (self.tcp, self.udp, self.unix, self.abstract):
            each.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.recv(3) if each is self.udp else each.accept()
        return self.secret.read_text() == "a secret" and not self.made.exists() and self.victim.poll() is None

    def close(self) -> None:
        for each in (self.tcp, self.udp, self.unix, self.abstract):
            each.close()
        self.victim.communicate()


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    one = World(tmp_path)
    yield one
    one.close()


KILLED = (
    "tcp", "read", "write", "fork", "exec", "kill", "code",
    *(pytest.param(act, marks=pytest.mark.slow) for act in (
        "udp", "unix", "abstract", "listen", "stat", "list", "delete", "ptrace", "unlimit", "catch",
    )),
)  # fmt: skip


@walled
@pytest.mark.parametrize("act", KILLED)
def test_what_is_tried_is_stopped_and_the_next_upload_is_decoded(decoder, world, act):
    assert refusal(decoder, world.order(act)) == (
        "decoder_crashed",
        "a system call that the sandbox does not allow (SIGSYS)",
    )
    assert world.untouched()
    assert "An ordinary page." in decoder.decode(GOOD).main.text


@pytest.mark.slow
@walled
def test_without_walls_the_same_acts_succeed(world):
    """So what stops them above is the walls, and not a mistake in trying."""
    program = (
        "import sys; from tests.screening.decode.hostile import *; html(Sniffed('', b'', sys.stdin.read()), None, None)"
    )
    for act in ("tcp", "udp", "unix", "abstract", "write"):
        subprocess.run([sys.executable, "-c", program], input=world.order(act), cwd=HERE.parents[2], check=True)
    assert world.made.read_text() == "out"
    assert world.udp.recv(3) == world.tcp.accept()[0].recv(3) == world.unix.accept()[0].recv(3) == b"out"


@walled
@pytest.mark.parametrize(
    ("missing", "stands", "stopped"),
    [
        ("landlock", "seccomp+limits", ("tcp", "read", "fork", "kill")),
        pytest.param(
            "seccomp",
            "landlock+limits",
            ("tcp", "abstract", "listen", "read", "write", "list", "delete", "exec", "kill"),
            marks=pytest.mark.slow,
        ),
        ("landlock,seccomp", "limits", ()),
    ],
)
def test_on_a_kernel_without_a_wall_the_others_stand_and_say_so(world, missing, stands, stopped):
    program = (
        "import json, sys; from screening.decode import Decoder; from screening.errors import UploadError\n"
        "from tests.screening.decode.hostile import TABLE\n"
        "def tried(decoder, page):\n"
        "    try:\n        decoder.decode(page.encode())\n        return ''\n"
        "    except UploadError as error:\n        return error.reason\n"
        "with Decoder(decoders=TABLE) as decoder:\n"
        "    print(json.dumps([decoder.check(), [tried(decoder, page) for page in json.load(sys.stdin)]]))"
    )
    pages = [GOOD.decode(), *(world.order(act).decode() for act in stopped)]
    done = subprocess.run(
        [sys.executable, HERE / "without.py", missing, "-c", program],
        input=json.dumps(pages), capture_output=True, text=True, cwd=HERE.parents[2], env=here(), check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [stands, ["", *["decoder_crashed"] * len(stopped)]]
    assert world.untouched()


def here() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(HERE.parents[2])}


@walled
def test_require_takes_nothing_less(tmp_path):
    (tmp_path / "page.html").write_bytes(GOOD)
    command = ["-m", "screening", "file", "--sandbox=require", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, HERE / "without.py", "landlock", *command], capture_output=True, text=True, env=here()
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"--sandbox=require asks for {FULL}, but decoders here have only seccomp+limits" in done.stderr


@walled
def test_all_walls_stand_on_this_kernel(decoder):
    assert decoder.check() == FULL
    with Decoder(sandbox="require", decoders=TABLE) as one:
        assert one.check() == FULL
        assert one.decode(GOOD).main.text


def test_every_sample_is_decoded_within_the_walls_as_without():
    def outcome(decoding: Callable[[bytes], Document], data: bytes) -> object:
        try:
            return told(decoding(data))
        except UploadError as error:
            return error.reason, error.detail

    samples = [
        path.read_bytes() for path in (HERE.parents[2] / "screening/samples/uploads").rglob("*") if path.is_file()
    ]
    with Decoder() as one:
        assert [outcome(one.decode, data) for data in samples] == [outcome(decode, data) for data in samples]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("act", "detail"),
    [
        ("import", "LateImport wave"),
        ("import_nothing", "ModuleNotFoundError no_such_module"),
        ("hoard", "out of memory"),
        ("abort", "signal SIGABRT"),
        ("crash", "signal SIGSEGV"),
        ("leave", "exit status 3"),
        ("garble", "what it said was no message"),
    ],
)
def test_the_detail_tells_why_a_decoder_ended(decoder, act, detail):
    assert refusal(decoder, page(act)) == ("decoder_crashed", detail)
    assert decoder.decode(GOOD).main.text


@pytest.mark.parametrize("act", ["date", "escape", "domain"])
def test_what_python_imports_late_was_imported_before_the_walls_went_up(decoder, act):
    assert decoder.decode(page(act)).main.text


def test_two_pictures_in_one_file_are_decoded_within_the_walls(make):
    """Pillow asks for its plugin of MPO only when it meets one."""
    pair = make.encode(make.scene(), format="MPO", save_all=True, append_images=[make.scene()])
    with Decoder() as one:
        assert one.decode(pair).media_type == "image/jpeg"


def test_an_installation_that_lacks_a_library_stops_the_job_and_names_it(tmp_path, monkeypatch):
    (tmp_path / "lxml_html_clean.py").write_text("raise ModuleNotFoundError(\"No module named 'lxml_html_clean'\")")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Decoder() as decoder:
        for attempt in (decoder.check, lambda: decoder.decode(GOOD)):
            with pytest.raises(ConfigError, match="lxml_html_clean") as stop:
                attempt()
            assert "can't decode text/html: " in stop.value.what
            assert "pip check" in stop.value.fix


@pytest.mark.slow
def test_a_broken_installation_ends_the_command_before_a_verdict(tmp_path):
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "note.txt").write_text("A note that would need no child.")
    (tmp_path / "trafilatura.py").write_text("raise ImportError('libxslt.so.1: cannot open shared object file')")
    command = [sys.executable, "-m", "screening", "file", str(tmp_path / "uploads")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(HERE.parents[2]), str(tmp_path)))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert "text/html" in done.stderr
    assert "libxslt.so.1" in done.stderr


def test_memory_that_is_too_little_to_start_with_stops_the_job():
    with Decoder(Limits(memory_bytes=64 << 20)) as decoder, pytest.raises(ConfigError):
        decoder.check()


def test_a_decoder_that_decodes_wrongly_is_a_broken_one():
    wrong = {"image/png": "tests.screening.decode.hostile:html"}
    with (
        Decoder(decoders=wrong) as decoder,
        pytest.raises(ConfigError, match="image/png: the test file is decoded to something else"),
    ):
        decoder.check()
