"""A job that Dataflow could not run is refused at its launch, and workers that are not the launcher's stop."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import release, screen
from pipelines.launch.dataflow import EXAMPLE
from screening.errors import ConfigError
from screening.screener import Screener
from screening.settings import SHIPPED_POLICY, load_settings
from tests.pipelines.launch.conftest import (
    CPU,
    GPU,
    NEEDED,
)


def without(flag: str) -> list[str]:
    return [each for each in NEEDED if not each.startswith(flag)]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([*without("--project"), *CPU], "--project is missing"),
        ([*without("--region"), *CPU], "--region is missing"),
        ([*without("--temp_location"), *CPU], "--temp_location is missing"),
        ([*without("--sdk_container_image"), *CPU], "--sdk_container_image is missing"),
        ([*without("--service_account_email"), *CPU], "--service_account_email is missing"),
        ([*without("--no_use_public_ips"), *CPU], "add --no_use_public_ips"),
        ([*NEEDED, *CPU, "--use_public_ips"], "add --no_use_public_ips"),
        ([*NEEDED, *CPU, "--staging_location=/tmp/x"], "--staging_location /tmp/x is not in a bucket"),
        ([*NEEDED, *CPU, "--requirements_file=r.txt"], "--requirements_file makes each worker install"),
        ([*NEEDED, *CPU, "--setup_file=./setup.py"], "--setup_file makes each worker install"),
        ([*NEEDED, *CPU, "--extra_package=x.whl"], "--extra_package makes each worker install"),
        ([*NEEDED, *CPU, "--bundles=/opt/bundles"], "--bundles /opt/bundles is where no worker finds it"),
        ([*NEEDED, *CPU, "--input=/tmp/in"], "--input /tmp/in is not in a bucket"),
        ([*NEEDED, *CPU, "--results=/tmp/out"], "--results /tmp/out is not in a bucket"),
        ([*NEEDED], "--engine=auto would take what the launcher has"),
        ([*NEEDED, "--engine=onnxruntime"], "--precision=auto would take what the launcher has"),
        ([*NEEDED, "--engine=openvino", "--precision=int8"], "which depends on the worker's CPU"),
        ([*NEEDED, "--engine=onnxruntime", "--precision=bf16"], "onnxruntime can't run bf16"),
        ([*NEEDED, *GPU[:2]], "--engine=cuda and no GPU"),
        ([*NEEDED, *GPU[:2], "--accelerator=nvidia-l4"], "--accelerator nvidia-l4 is malformed"),
        ([*NEEDED, *CPU, GPU[2]], "a GPU would be paid for"),
        ([*NEEDED, *GPU, "--flexrs_goal=COST_OPTIMIZED"], "--flexrs_goal don't go together"),
        ([*NEEDED, *GPU, f"--dataflow_service_options=worker_accelerator={EXAMPLE}"], "don't go together"),
        ([*NEEDED, *GPU, f"--experiments=worker_accelerator={EXAMPLE}"], "don't go together"),
        ([*NEEDED, *GPU[:2], "--experiments=worker_accelerator=type:x", "--resource_hint=min_ram=9GB"], "go together"),
        ([*without("--dry_run"), *GPU], "the launcher's onnxruntime is not the GPU workers'"),
    ],
)  # fmt: skip
def test_a_job_that_dataflow_could_not_run_is_refused_before_anything_is_read(given, says, capsys, gcs_server):
    gcs_server.clear()
    given = ["--input=gs://nowhere-up", "--results=gs://nowhere-results", *given]
    assert screen.main(given) == 2
    assert says in capsys.readouterr().err
    assert gcs_server.calls() == [], "something was read"


def test_everything_that_is_wrong_is_said_at_once(capsys):
    assert screen.main(["--input=/in", "--results=/out", "--runner=DataflowRunner"]) == 2
    said = capsys.readouterr().err
    for flag in ("--input", "--results", "--project", "--region", "--sdk_container_image", "--engine", "--precision"):
        assert flag in said


def test_release_needs_buckets_too(capsys):
    assert release.main(["--results=/r", "--live=/l", "--quarantine=/q", *NEEDED]) == 2
    said = capsys.readouterr().err
    assert [flag for flag in ("--results /r", "--live /l", "--quarantine /q") if flag not in said] == []


def test_an_accelerator_is_for_dataflow(place, capsys):
    assert place.screen(GPU[2]) == 2
    assert "--accelerator is for DataflowRunner" in capsys.readouterr().err


def test_worker_accelerator_alone_is_fine(buckets, sent):
    given = [*NEEDED, *GPU[:2], f"--dataflow_service_options=worker_accelerator={EXAMPLE}"]
    assert buckets.screen(*given) == 0
    (job,) = sent
    assert f"worker_accelerator={EXAMPLE}" in job.environment.service_options
    assert not any(job.hints(step) for step in job.pardos.values())


def test_banks_that_no_worker_sees_are_refused(buckets, tmp_path, capsys):
    shipped = Path(SHIPPED_POLICY)
    for path in shipped.parent.rglob("*.*"):
        copy = tmp_path / path.relative_to(shipped.parent)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    assert buckets.screen(*NEEDED, *CPU, f"--policy={tmp_path / shipped.name}") == 2
    assert "where no worker finds it" in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_the_launchers_fingerprint_is_the_workers(engine):
    if engine == "openvino":
        pytest.importorskip("openvino")
    launched = load_settings(engine=engine, precision="fp32", here=False)
    assert launched == load_settings(engine=engine, precision="fp32")


def test_a_launcher_takes_gpus_at_their_name():
    assert load_settings(engine="cuda", precision="fp16", here=False).fingerprint.engine.endswith("/cuda/fp16")


def test_a_worker_finds_what_ships_in_its_own_installation():
    settings = load_settings(engine="onnxruntime", precision="fp32")
    moved = {"bundles": ("/elsewhere/screening/bundles",), "package": "/elsewhere/screening"}
    banks = tuple(
        replace(bank, uri=bank.uri.replace(settings.package, "/elsewhere/screening")) for bank in settings.policy.banks
    )
    launched = pickle.loads(pickle.dumps(replace(settings, policy=replace(settings.policy, banks=banks), **moved)))
    assert [bundle.id for bundle in launched.load_bundles()] == list(settings.fingerprint.bundles)
    assert len(launched.load_banks()) == len(settings.policy.banks) > 0


@pytest.mark.parametrize("part", ["engine", "decoder"])
def test_a_worker_with_other_versions_stops(part):
    settings = load_settings(engine="onnxruntime", precision="fp32")
    other = replace(settings, fingerprint=replace(settings.fingerprint, **{part: "another-1.0"}))
    with pytest.raises(ConfigError, match=r"the job was launched for another-1\.0"):
        Screener(other, "r")
