"""The Dockerfile, the locks it installs, the script it starts. No image is built: that needs a Docker engine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENTRYPOINT = ROOT / "pipelines/templates/entrypoint.sh"
LINES = [
    line
    for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]
# What one image has and the other has not; everything else is the same in both.
OWN = re.compile(r"onnxruntime(-gpu)?|openvino(-telemetry)?|nvidia-.+")


def stages() -> dict[str, tuple[str, list[str]]]:
    """Each stage's base and its own lines."""
    found: dict[str, tuple[str, list[str]]] = {}
    name = ""
    for line in LINES:
        if match := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            name = match[2]
            found[name] = (match[1], [])
        elif name:
            found[name][1].append(line)
    return found


def whole(target: str) -> list[str]:
    """The lines of a stage after those of the stages that it is made from."""
    base, lines = stages()[target]
    return [*(whole(base) if base in stages() else []), *lines]


def versions(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text()
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", text, re.MULTILINE))


TARGETS = pytest.mark.parametrize("target", ["cpu", "gpu"])


@TARGETS
def test_beam_and_python_are_those_of_the_lock(target):
    beam = next(line for line in LINES if line.startswith("ARG BEAM="))
    python = re.search(r"--python-version (\S+)", (ROOT / "Makefile").read_text())[1]
    assert beam == f"ARG BEAM=apache/beam_python{python}_sdk:{versions(f'requirements-{target}.lock')['apache-beam']}"
    assert stages()["base"][0].startswith(f"python:{python}-slim")
    assert f"python{python.replace('.', '')}-template-launcher-base" in "\n".join(LINES)


@TARGETS
def test_only_locked_and_hashed_versions_are_installed(target):
    installs = [line for line in whole(target) if "pip install" in line]
    locked, product = installs
    assert "--require-hashes" in locked
    assert "--no-deps" in locked
    assert "--only-binary :all:" in locked
    assert locked.endswith(f"-r requirements-{target}.lock")
    assert "--no-deps --no-build-isolation ." in product, "nothing beside the lock, not even to build"


@TARGETS
def test_every_version_of_its_lock_has_hashes(target):
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / f"requirements-{target}.lock").read_text(), flags=re.MULTILINE)[1:]
    assert len(entries) > 50
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@TARGETS
def test_no_training_stack(target):
    assert {"torch", "transformers", "datasets", "accelerate"} & set(versions(f"requirements-{target}.lock")) == set()


def test_both_images_decode_alike_and_as_everywhere_else():
    common = {
        lock: {name: version for name, version in versions(lock).items() if not OWN.fullmatch(name)}
        for lock in ("requirements-cpu.lock", "requirements-gpu.lock")
    }
    assert common["requirements-cpu.lock"] == common["requirements-gpu.lock"]
    everywhere = (ROOT / "requirements.lock").read_text()  # for many Pythons, so a name may stand twice
    assert [pin for pin in common["requirements-cpu.lock"].items() if "==".join(pin) not in everywhere] == []


def test_cuda_13_is_in_the_gpu_image_and_one_onnxruntime_in_each():
    cpu, gpu = versions("requirements-cpu.lock"), versions("requirements-gpu.lock")
    assert {"onnxruntime-gpu", "nvidia-cudnn-cu13", "nvidia-cublas"} <= set(gpu)
    assert gpu["nvidia-cublas"].startswith("13.")
    assert "onnxruntime" not in gpu, "the same module twice: the later would overwrite the other"
    assert "onnxruntime" in cpu
    assert "onnxruntime-gpu" not in cpu


@TARGETS
def test_it_runs_as_nobody_special(target):
    lines = whole(target)
    assert lines[-1] == "USER ${RUN_AS}"
    default = next(line for line in lines if line.startswith("ARG RUN_AS="))
    assert default == "ARG RUN_AS=10001"
    assert any("useradd --uid 10001" in line for line in lines)


@TARGETS
def test_launcher_and_workers_start_from_it(target):
    lines = whole(target)
    assert 'ENTRYPOINT ["/opt/screening/entrypoint.sh"]' in lines
    assert "ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1" in lines, "or each start makes an environment"
    assert "ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/screening/launch.py" in lines
    assert "COPY pipelines/templates/launch.py pipelines/templates/entrypoint.sh /opt/screening/" in lines
    assert "REQUIREMENTS_FILE" not in "\n".join(lines), "the launcher would install it, and pass it on to workers"


def test_the_builder_is_sent_what_is_copied_and_no_more():
    copied = {
        source for line in LINES if line.startswith("COPY ") and "--from=" not in line for source in line.split()[1:-1]
    }
    sent = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert {source.split("/")[0] for source in copied} == sent
    assert [source for source in copied if not (ROOT / source).exists()] == []


def start(tmp_path: Path, *flags: str, **process: int) -> list[str]:
    """What the entrypoint starts says of itself: its user, its groups, and the flags it got."""
    boot = tmp_path / "boot"
    boot.write_text('#!/bin/sh\nid -u\nid -G\necho "$@"\n')
    boot.chmod(0o755)
    return subprocess.run(
        [ENTRYPOINT, *flags],
        env={"PATH": os.environ["PATH"], "BEAM_BOOT": str(boot)},
        capture_output=True,
        text=True,
        check=True,
        **process,
    ).stdout.splitlines()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to drop it")
def test_root_hands_the_staging_folder_over_and_ends(tmp_path):
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        folder.chmod(0o755)
    staging = tmp_path / "google"
    flags = ("--id=1", f"--semi_persist_dir={staging}")
    assert start(tmp_path, *flags) == ["10001", "10001", " ".join(flags)]
    assert {path.stat().st_uid for path in (staging, staging / "staged")} == {10001}


def test_another_user_starts_the_worker_as_it_is(tmp_path):
    user = {"user": 10001, "group": 10001, "extra_groups": []} if os.getuid() == 0 else {}
    if user:
        for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
            folder.chmod(0o755)
    uid, _, flags = start(tmp_path, "--id=a b", **user)
    assert uid == str(user.get("user", os.getuid()))
    assert flags == "--id=a b"
