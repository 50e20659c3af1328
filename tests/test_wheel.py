"""The product as people install it: what a wheel holds, and what it does in an environment with nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGES = ("screening", "pipelines", "models")
# READMEs and docs/ are pages of the repository, whose links lead to other folders of it; .gitattributes is git's own.
NOT_SHIPPED = {"README.md", "docs", ".gitattributes"}
COMMANDS = ("train", "prepare", "finetune", "export", "evaluate", "publish", "adopt", "registry", "first_stage")

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(900)]


def run(command: Sequence[str | Path], folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """A command, run in `folder` without a path to the checkout; it must end with `code`."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout[-2000:] + done.stderr[-4000:]
    return done


def product(names: Iterable[str]) -> set[str]:
    """Those of the paths that people install."""
    return {name for name in names if NOT_SHIPPED.isdisjoint(Path(name).parts)}


def tracked() -> set[str]:
    """What git knows below the three packages and ships, by its path."""
    listed = subprocess.run(["git", "ls-files", "-z", *PACKAGES], cwd=ROOT, capture_output=True, check=True).stdout
    return product(name for name in listed.decode().split("\0") if name and (ROOT / name).is_file())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A source distribution made of what git knows, and the wheel that pip makes of that."""
    folder = tmp_path_factory.mktemp("built")
    for name in (*tracked(), "pyproject.toml", "README.md", "LICENSE"):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    run([sys.executable, "-c", "from setuptools import build_meta as b; b.build_sdist('..')"], folder / "source")
    [sdist] = folder.glob("*.tar.gz")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    run([*pip, "-w", folder, sdist], folder)
    [wheel] = folder.glob("*.whl")
    return sdist, wheel


def test_a_wheel_and_a_source_distribution_hold_every_file(built):
    sdist, wheel = built
    with ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if not name.partition("/")[0].endswith(".dist-info")}
    assert product(shipped) == tracked()
    with tarfile.open(sdist) as source:
        names = {member.name.partition("/")[2] for member in source if member.isfile()}
    assert tracked() | {"pyproject.toml", "LICENSE", "README.md"} <= names


def declared(wheel: Path) -> dict[str, Distribution]:
    """The distributions that the wheel asks for, and those that these ask for, as this environment has them.

    An extra is followed only where it is spelled as its distribution spells it: no pip before 23.3 does more.
    """
    with ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        head = archive.read(metadata).decode().partition("\n\n")[0].splitlines()
    prefix = "Requires-Dist: "
    found: dict[str, Distribution] = {}
    todo = [(line.removeprefix(prefix), "") for line in head if line.startswith(prefix)]
    seen = set(todo)
    while todo:
        line, extra = todo.pop()
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate({"extra": extra}):
            continue
        there = found.setdefault(wanted.name, distribution(wanted.name))
        extras = wanted.extras & set(there.metadata.get_all("Provides-Extra") or ())
        new = {(each, name) for each in there.requires or () for name in ("", *extras)} - seen
        seen |= new
        todo += new
    return found


def lend(one: Distribution, site: Path) -> None:
    """Put a distribution of this environment into another, by links, which takes no time and no network."""
    for file in one.files or ():
        source, target = Path(str(file.locate())), site / file
        if ".." not in file.parts and source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.hardlink_to(source)
            except OSError:  # on another disk
                shutil.copy2(source, target)


@pytest.fixture(scope="module")
def bin_folder(built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment that has what the wheel declares, the wheel itself, and nothing more."""
    wheel = built[1]
    folder = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], folder)
    python = folder / "venv" / "bin" / "python"
    site = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).stdout.strip())
    for one in {each.metadata["Name"].lower(): each for each in declared(wheel).values()}.values():
        lend(one, site)
    pip = [sys.executable, "-m", "pip", "--python", python]
    run([*pip, "install", "--no-index", wheel], folder)  # fails where anything that the wheel asks for is not there
    run([*pip, "check"], folder)
    return python.parent


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


@pytest.fixture(scope="module")
def home(bin_folder: Path) -> Path:
    """The installed package."""
    say = "import screening; print(screening.__path__[0])"
    path = Path(run([bin_folder / "python", "-c", say], bin_folder).stdout.strip())
    assert path.is_relative_to(bin_folder.parent)
    return path


def test_every_sample_gets_its_verdict(bin_folder, home, empty):
    samples = home / "samples"
    said = run([bin_folder / "screening", "file", "--format", "json", samples / "uploads"], empty).stdout
    found = {row["name"]: row for row in map(json.loads, said.splitlines())}
    expected = {row["name"]: row for row in map(json.loads, (samples / "expected.jsonl").open())}
    assert (samples / "expected.jsonl").read_bytes() == (ROOT / "screening/samples/expected.jsonl").read_bytes()
    outcome = {name: (row["decision"], row["reasons"]) for name, row in found.items()}
    golden = {name: row.get("today", row) for name, row in expected.items()}
    assert outcome == {name: (row["decision"], row["reasons"]) for name, row in golden.items()}
    assert list(empty.iterdir()) == []


def test_a_job_screens_and_releases(bin_folder, home, empty):
    screening = bin_folder / "screening"
    listed = run([screening, "--help"], empty).stdout
    assert "screen uploads and commit their verdicts" in listed
    shutil.copytree(home / "samples" / "uploads" / "twins", empty / "in")
    shutil.copy(home / "samples" / "uploads" / "shop" / "prize.txt", empty / "in")
    run([screening, "screen", "--input", "in", "--results", "results"], empty)
    run([screening, "release", "--results", "results", "--live", "live", "--quarantine", "held"], empty)
    assert sorted(path.name for path in (empty / "live").iterdir()) == ["first.txt", "second.txt"]
    assert [path.name for path in (empty / "held").iterdir()] == ["prize.txt"]
    refused = run([screening, "release", "--results", "results"], empty, code=2)
    assert refused.stderr.startswith("screening release: --live and --quarantine are needed")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_of_models_helps_without_the_training_stack(name, bin_folder, empty):
    helped = run([bin_folder / "python", "-m", f"models.{name}", "--help"], empty)
    assert helped.stdout.startswith(f"usage: python -m models.{name} ")
    assert list(empty.iterdir()) == []


def test_training_says_what_it_needs(bin_folder, home, empty):
    recipe = home.parent / "models" / "recipes" / "text-screen.yaml"
    said = run([bin_folder / "python", "-m", "models.train", recipe, "--data=data", "--out=out"], empty, code=2)
    assert said.stderr == "this command needs the training stack: pip install 'content-screening[train]'\n"
    assert list(empty.iterdir()) == []


def test_the_types_come_with_the_library(bin_folder, home, empty):
    assert (home / "py.typed").is_file()
    (empty / "user.py").write_text(
        "import screening\n\n"
        "with screening.open(engine='auto') as screener:\n"
        "    reveal_type(screener.file('a'))\n"
        "    screener.data('text', 'name')\n"
    )
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir=/dev/null", "--follow-imports=silent"]
    said = run([*mypy, "--python-executable", bin_folder / "python", "user.py"], empty, code=1).stdout
    assert 'Revealed type is "screening.records.Verdict"' in said
    assert 'Argument 1 to "data" of "Session" has incompatible type "str"; expected "bytes"' in said
    assert "Found 1 error in 1 file" in said
