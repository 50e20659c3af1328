"""The documents are true: links and paths lead somewhere, commands and their flags exist, and `sh` blocks run.

What runs is on a machine without a cloud, in a folder with a few of the sample uploads; `NOT_RUN` says why of the rest.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from screening import cli
from tests.documents.commands import WORDS, fault, jobs
from tests.documents.page import ROOT, Document, joined, read, split

LISTED = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md")
NOT_READ = {
    "CHANGELOG.md": "it tells of commands as they were then",
    "screening/bundles/text-screen/2.1.0/MODEL_CARD.md": "models.publish wrote it",
}
SAMPLES = "screening/samples/uploads/"
UPLOADS = (SAMPLES, "tests/screening/cases/")
RUN_ELSEWHERE = {"pipelines/docs/operations.md": "tests/pipelines/test_runbook.py runs its blocks"}
NOT_RUN = {  # the `bash` blocks, by document and heading
    ("README.md", "Your own folder"): "needs a bucket",
    ("pipelines/README.md", "First run"): "the README's commands, on other places",
    ("CONTRIBUTING.md", "Set up"): "installs an environment and runs this very suite",
    ("CONTRIBUTING.md", "Generated files"): "needs Chromium",
    ("models/README.md", "Make the shipped bundle again"): "trains for hours, on data sets that are elsewhere",
    ("models/README.md", "Use a checkpoint that you already have"): "needs the training stack and a checkpoint",
    ("pipelines/docs/engines.md", "Try it here"): "needs Flink; tests/flink runs the same",
    ("pipelines/docs/engines.md", "On your cluster"): "needs a Flink cluster",
    ("pipelines/docs/engines.md", "Build the image, once"): "needs Docker and Google Cloud",
    ("pipelines/docs/engines.md", "Run the jobs"): "needs Google Cloud",
    ("pipelines/docs/operations.md", "First look"): "needs Google Cloud",
    ("pipelines/docs/operations.md", "Quarantine was emptied"): "needs Google Cloud",
    ("terraform/README.md", "Apply"): "needs Google Cloud",
    ("tests/gpu/README.md", "What to bring"): "needs a GPU, and a package index",
    ("tests/gpu/README.md", "Rehearsal"): "tests/gpu/test_kit.py runs a smaller one",
}
# What looks like a path and is none of this repository's.
ELSEWHERE = {
    r"demo/.+": "made by make demo",
    r"(results|staging)/\w+|uploads|live/?|quarantine/?|alive/|verdicts/|reports/\w+\.html": "in people's buckets",
    r"(leakage|history|export|evaluation|calibration|bundle|index|tokenizer)\.json|plots/|curves\.svg|final/": "made",
    r"(labels|policy)\.yaml|rows\.jsonl|held\.csv|terraform\.tfvars|SET\.jsonl(\.gz)?": "written by people",
    r"a/\.\./b": "a spelling",
    r"text-screen/hate|check/blurred|screening/(older|reused)": "names of signals and counters",
    r"roles/.+|[\w./]*\.(com|dev|io)/.+": "names in Google Cloud",
    r"memory\.svg|out/.+|MODEL_CARD\.md|_manifest\.json": "made by commands",
}
PATHLIKE = re.compile(r"[\w.*-]*/[\w./*-]*|[\w-]+\.(md|py|tf|ya?ml|toml|svg|png|jsonl?|html|lock)")
PLACEHOLDER = re.compile(r"[A-Z]{3,}(/|$)|…|\$|://|^/|^\.\w+$")


def names() -> list[str]:
    listed = subprocess.run(LISTED, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in listed if name not in NOT_READ and not name.startswith(UPLOADS) and (ROOT / name).exists()]


DOCUMENTS = {name: read(name) for name in names()}
each = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)


def leads_nowhere(document: Document, word: str) -> bool:
    path = word.partition("::")[0].rstrip("/")
    bases = (ROOT, document.folder, ROOT / document.name.partition("/")[0], ROOT / SAMPLES)
    return not any(any(base.glob(path)) for base in bases if base.is_dir())


def claims(document: Document) -> Iterator[str]:
    """The paths of this repository that a document names."""
    words = [
        word
        for command in document.commands()
        for word in command
        if "/" in word and (ROOT / word.split("/")[0]).is_dir()
    ]
    for word in (*document.spans, *words):
        if PATHLIKE.fullmatch(word.partition("::")[0]) and not PLACEHOLDER.search(word):
            yield word


@each
def test_links_lead_somewhere(document):
    for link in document.links:
        path, _, anchor = link.partition("#")
        if re.match(r"https?://", link):
            continue
        target = (document.folder / path).resolve() if path else ROOT / document.name
        assert target.exists(), link
        if anchor:
            assert anchor in DOCUMENTS[str(target.relative_to(ROOT))].anchors, link


@each
def test_paths_exist(document):
    own = [path for path in claims(document) if not any(re.fullmatch(made, path) for made in ELSEWHERE)]
    assert [path for path in own if leads_nowhere(document, path)] == []


@each
def test_commands_and_their_flags_exist(document):
    told = {shlex.join(words): fault(words) for words in document.commands() if words}
    assert {command: what for command, what in told.items() if what} == {}


def test_what_is_not_run_is_listed_with_its_reason():
    there = {
        (name, block.heading)
        for name, document in DOCUMENTS.items()
        for block in document.blocks
        if block.language == "bash"
    }
    assert there == NOT_RUN.keys()
    languages = {block.language for document in DOCUMENTS.values() for block in document.blocks}
    assert languages <= {"sh", "bash", "python", "yaml", "sql", "text", ""}
    untold = [block.text for document in DOCUMENTS.values() for block in document.blocks if not block.language]
    assert [text.splitlines()[0] for text in untold] == ["content-screening/"], "only the tree has no language"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with eight sample uploads, whose commands run by this interpreter, from this source."""
    desk = tmp_path_factory.mktemp("desk")
    shutil.copy(ROOT / "Makefile", desk)
    for name in ("requirements-uv.lock", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, desk)
    for name in (
        "shop/prize.txt",
        "shop/kettle.md",
        "opinion/hate.txt",
        "opinion/letter.txt",
        "photos/fruit.jpg",
        "canary.txt",
        "broken/empty.txt",
    ):
        (desk / SAMPLES / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / SAMPLES / name, desk / SAMPLES / name)
    shutil.copytree(desk / SAMPLES / "opinion", desk / "my-uploads")
    for name in ("default.yaml", "banks"):
        (desk / "policy.yaml" if name == "default.yaml" else desk / name).symlink_to(
            ROOT / "screening" / "policies" / name
        )
    programs = desk / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\n')
    (programs / "python").chmod(0o755)
    for made in ("uv", "core"):
        (desk / ".venv" / made).touch()
    return desk


def run(commands: str) -> None:
    """Run a block: `screening` in this process, since it takes seconds to start one, and the rest by its name."""
    for words in (words for line in joined(commands) for words in split(line) if words):
        if words[0] in WORDS:
            assert cli.main(words[1:], jobs()) == 0, words
        else:
            done = subprocess.run(words, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            print(done.stdout)


def scripts(name: str, language: str) -> str:
    return "\n".join(block.text for block in DOCUMENTS[name].blocks if block.language == language)


@pytest.mark.slow
def test_the_readme_does_what_it_says(desk, monkeypatch, capsys):
    monkeypatch.chdir(desk)
    run(scripts("README.md", "sh"))
    said = capsys.readouterr().out
    assert said.count("3 live, 2 quarantine") == 1
    assert re.search(r"^ ?spam +0\.99.* reject ", said, re.MULTILINE)
    assert Path("demo/results/reports/demo.html").exists()
    assert Path("my-live/letter.txt").exists()
    exec(scripts("README.md", "python"), {})
    assert capsys.readouterr().out.split()[:2] == ["review", "hate"]
    shutil.copytree("demo/results", "results")
    run(scripts("screening/README.md", "sh"))
    assert "0 of 7 verdicts would change" in capsys.readouterr().out


def test_every_other_block_is_run_too():
    run_here = {"README.md", "screening/README.md"}
    assert {
        n for n, d in DOCUMENTS.items() if any(b.language == "sh" for b in d.blocks)
    } == run_here | RUN_ELSEWHERE.keys()
