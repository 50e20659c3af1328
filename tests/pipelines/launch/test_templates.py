"""Flex templates: the metadata is that of the flags, and what a launcher passes becomes the job."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from google.auth.credentials import AnonymousCredentials

from pipelines import release, screen, templates
from pipelines.launch import options as flags
from pipelines.launch.dataflow import EXAMPLE
from pipelines.templates import launch
from screening.storage import open_store
from tests.pipelines.launch.conftest import CPU, GPU, IMAGE, NEEDED

JOBS = {"screen": screen, "release": release}
EACH = pytest.mark.parametrize("job", JOBS)
VALUES = {
    "reuse_scores": "true",
    "mode": "label",
    "engine": "cuda",
    "precision": "fp16",
    "sandbox": "require",
    "cores": "4",
    "accelerator": EXAMPLE,
}
# What the launcher of a flex template adds by itself, as its logs show; the last is of no flag that we know.
LAUNCHER = [
    "--runner=DataflowRunner",
    "--project=home-123",
    "--region=europe-west4",
    "--job_name=screen-1",
    "--temp_location=gs://staging-home/temp",
    "--staging_location=gs://staging-home/staging",
    "--service_account_email=screen@home-123.iam.gserviceaccount.com",
    "--subnetwork=regions/europe-west4/subnetworks/screening",
    '--labels={"goog-dataflow-provided-template-type":"flex"}',
    "--use_public_ips=false",
    "--max_num_workers=10",
    "--some_new_flag_of_the_launcher=1",
]


@EACH
def test_the_files_are_what_the_flags_give(job):
    stands = (templates.FOLDER / f"{job}.json").read_text()
    assert stands == templates.text(job), "run python -m pipelines.templates"


@EACH
def test_every_flag_is_a_parameter_or_left_out_with_a_reason(job):
    own = {action.dest for action in JOBS[job].arguments()._actions}
    parameters = {each["name"] for each in templates.metadata(job)["parameters"]}
    assert own - parameters <= set(templates.LEFT_OUT)
    assert parameters - own == set(templates.BEAM)
    assert all(templates.LEFT_OUT.values())


@EACH
def test_every_parameter_is_parsed_as_the_launcher_passes_it(job):
    """As `--name=value`, each with a value that its own regex lets through."""
    given = []
    for each in templates.metadata(job)["parameters"]:
        value = VALUES.get(each["name"], f"gs://bucket/{each['name']}")
        for regex in each.get("regexes", []):
            assert re.fullmatch(regex, value), each
        given.append(f"--{each['name']}={value}")
    own, rest, parser = JOBS[job].parse(given)
    beam = flags.beam_options(rest, parser).get_all_options()
    for each in templates.metadata(job)["parameters"]:
        found = getattr(own, each["name"], beam.get(each["name"]))
        assert found not in (None, ""), each["name"]


@EACH
def test_a_regex_refuses_what_the_job_would(job):
    regexes = {each["name"]: each["regexes"][0] for each in templates.metadata(job)["parameters"] if "regexes" in each}
    for name, value in (("results", "/tmp/x"), ("engine", "auto"), ("precision", "auto"), ("reuse_scores", "yes")):
        assert name not in regexes or not re.fullmatch(regexes[name], value)
    assert "results" in regexes


@EACH
def test_what_a_launch_can_not_do_without_is_no_option(job):
    needed = {each["name"] for each in templates.metadata(job)["parameters"] if not each["isOptional"]}
    ours = {"screen": {"input", "engine", "precision"}, "release": set()}[job]
    assert needed == {"results", "sdk_container_image", *ours}


@pytest.mark.parametrize("hardware", [CPU, GPU], ids=["cpu", "gpu"])
def test_a_launch_of_screen_becomes_its_job(hardware, buckets, sent):
    parameters = [f"--input={buckets.uploads}", f"--results={buckets.results}", f"--sdk_container_image={IMAGE}"]
    assert launch.main([*LAUNCHER, *parameters, *hardware, "--run_id=", "--dry_run=True"]) == 0
    (job,) = sent
    assert job.environment.service_account_email.startswith("screen@")
    assert job.environment.worker_pools[0].ip_configuration.name == "WORKER_IP_PRIVATE"


@pytest.mark.slow
def test_a_launch_of_release_becomes_its_job(buckets, sent, light):
    assert buckets.screen("--run-id", "r", *light.flags) == 0
    parameters = [flag.replace(" ", "=") for flag in (f"--results {buckets.results}", f"--live {buckets.live}")]
    parameters += [f"--quarantine={buckets.quarantine}", f"--sdk_container_image={IMAGE}"]
    assert launch.main([*LAUNCHER, *parameters, "--dry_run=True"]) == 0
    assert any("Act and record" in name for name in sent[0].pardos)


def test_a_launch_that_lacks_something_is_refused(capsys):
    assert launch.main([*LAUNCHER, "--input=gs://up", "--results=gs://results", *CPU]) == 2
    assert "--sdk_container_image is missing" in capsys.readouterr().err
    assert "--no_use_public_ips" in NEEDED, "which the launcher adds"


@pytest.mark.slow
@pytest.mark.parametrize("job", ["screen", "release"])
def test_a_launch_leaves_the_job_where_the_service_looks_for_it(job, buckets, gcs_server, light, monkeypatch):
    """All the way to what `--template_location` gets, on the tests' own storage server."""
    # Google's library finds no anonymous credentials by itself.
    monkeypatch.setattr("google.auth.default", lambda **_: (AnonymousCredentials(), None))
    staging = f"gs://{gcs_server.create_bucket(f'staging-{uuid.uuid4().hex[:8]}')}"
    left = f"{staging}/staging/template_launches/1/job_object"
    parameters = [f"--results={buckets.results}", f"--sdk_container_image={IMAGE}", f"--template_location={left}"]
    if job == "screen":
        parameters += [f"--input={buckets.uploads}", *GPU[:2], f"--accelerator={EXAMPLE}"]
        monkeypatch.setattr("pipelines.launch.dataflow.is_installed", lambda: True)  # as in the GPU image
    else:
        assert buckets.screen("--run-id", "r", *light.flags) == 0
        parameters += [f"--live={buckets.live}", f"--quarantine={buckets.quarantine}"]
    assert launch.main([each.replace("gs://staging-home", staging) for each in (*LAUNCHER, *parameters)]) == 0
    described = json.loads(open_store(left).get(left))
    assert described["environment"]["serviceAccountEmail"] == "screen@home-123.iam.gserviceaccount.com"
    (pool,) = described["environment"]["workerPools"]
    assert {each["containerImage"] for each in pool["sdkHarnessContainerImages"]} == {IMAGE}
    staged = {upload.name.rpartition("/")[2] for upload in open_store(left).list(f"{staging}/staging")}
    assert staged == {"job_object", "pipeline.pb", "submission_environment_dependencies.txt"}
