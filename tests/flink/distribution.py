"""The programs of a Flink cluster, fetched once into `.flink/` and kept there: later runs need no network.

Flink comes from PyPI (pinned by its hash in requirements.txt), Beam's job server from Maven (pom.xml).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".flink"
REQUIREMENTS = HERE / "requirements.txt"
POM = HERE / "pom.xml"
JOB_SERVER = "job-server.jar"
MAIN = "org.apache.beam.runners.flink.FlinkJobServerDriver"
FETCH_SECONDS = 900
NEEDED = {"java": "Java 11 or 17 (Debian: openjdk-17-jre-headless)", "mvn": "Maven (Debian: maven)"}


class Missing(RuntimeError):
    """Something that these tests need and that pip does not bring."""


@dataclass(frozen=True)
class Distribution:
    """Where Flink's and the job server's jars are, and the version of each."""

    flink: Path
    job_server: Path
    version: str
    runner: str

    @property
    def jars(self) -> str:
        """Flink's class path."""
        return f"{self.flink / 'lib'}/*"

    @property
    def job_server_jar(self) -> Path:
        """What `java -jar` runs, and what `--flink_job_server_jar` takes."""
        return self.job_server / JOB_SERVER


def fetch(cache: Path = CACHE) -> Distribution:
    """The programs, from `cache` if they are there; Missing when a tool is, or when a download fails."""
    for tool, what in NEEDED.items():
        if shutil.which(tool) is None:
            raise Missing(f"`{tool}` is not on PATH: make test-flink and make flink need {what}")
    version = _found(r"==([\d.]+)", REQUIREMENTS)
    runner = _found(r"beam-runners-flink-[\d.]+</artifactId>\s*<version>([\d.]+)", POM)
    flink = _once(cache, f"flink-{version}", REQUIREMENTS, _fetch_flink)
    return Distribution(flink, _once(cache, f"beam-{runner}-job-server", POM, _fetch_job_server), version, runner)


def _found(pattern: str, file: Path) -> str:
    match = re.search(pattern, file.read_text())
    assert match, f"{file} names no version"
    return match.group(1)


def _once(cache: Path, name: str, pinned_by: Path, make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills, whole or not at all; another pin is another folder."""
    folder = cache / f"{name}-{hashlib.sha256(pinned_by.read_bytes()).hexdigest()[:8]}"
    if not folder.exists():
        print(f"fetching {name} into {folder} (once)", file=sys.stderr)
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as partial:
            make(Path(partial))
            (Path(partial) / "whole").rename(folder)
    return folder


def _fetch_flink(partial: Path) -> None:
    # A source archive of jars: it is never built or installed, so nothing of it comes near the environment.
    options = ["--no-deps", "--no-build-isolation", "--require-hashes", "-r", str(REQUIREMENTS), "-d", str(partial)]
    _run([sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q", *options])
    with tarfile.open(next(partial.glob("*.tar.gz"))) as archive:
        archive.extractall(partial, filter="data")
    next(partial.glob("apache*/deps")).rename(partial / "whole")


def _fetch_job_server(partial: Path) -> None:
    jars = partial / "whole"
    _run(["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={jars}"])
    # The published job server is one large jar. This one is as good: it is empty, and names the others.
    names = " ".join(sorted(path.name for path in jars.glob("*.jar")))
    said = ("Manifest-Version: 1.0", f"Main-Class: {MAIN}", f"Class-Path: {names}")
    with zipfile.ZipFile(jars / JOB_SERVER, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "".join(f"{_wrapped(line)}\n" for line in said))


def _wrapped(line: str) -> str:
    """A manifest's line has 72 bytes at most; what follows goes on after a space (JAR File Specification)."""
    return "\n ".join([line[:70], *(line[at : at + 70] for at in range(70, len(line), 70))])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=FETCH_SECONDS)
    if done.returncode:
        raise Missing(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}")
