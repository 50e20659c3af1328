"""What Dataflow would be sent, built offline by `--dry_run`."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.portability.common_urns import resource_hints
from google.cloud.dataflow_v1beta3 import WorkerIPAddressConfiguration

from pipelines import screen
from pipelines.job import PIECES, REPEATS, TALLIES, Job
from pipelines.launch.dataflow import EXAMPLE
from pipelines.launch.options import LOCAL_RUNNER
from pipelines.launch.progress import Progress
from pipelines.listing.source import Range
from pipelines.steps import ScreenUploads
from screening.settings import load_settings
from screening.storage import open_store
from tests.pipelines.launch.conftest import (
    ACCOUNT,
    ACT,
    CLASSIFY,
    CPU,
    GPU,
    IMAGE,
    NEEDED,
    UPLOAD,
    Sent,
    make_buckets,
    named,
    sending,
)


@pytest.fixture(scope="module", params=["screen on CPUs", "screen on GPUs", "release"])
def any_job(request, gcs_server, light) -> Sent:
    place = make_buckets(gcs_server)
    if request.param == "release":
        assert place.screen("--run-id", "r", *light.flags) == 0
    with sending() as found:
        if request.param == "release":
            assert place.release(*NEEDED) == 0
        else:
            assert place.screen(*NEEDED, *(GPU if "GPU" in request.param else CPU)) == 0
    (only,) = found
    return only


@pytest.mark.slow
def test_every_job_runs_in_the_image_as_its_account_without_public_addresses(any_job):
    (pool,) = any_job.environment.worker_pools
    assert pool.worker_harness_container_image in (IMAGE, "")  # empty where several environments name it
    images = {image.container_image for image in pool.sdk_harness_container_images}
    assert images == {IMAGE}
    for environment in any_job.graph.components.environments.values():
        payload = api.DockerPayload.FromString(environment.payload)
        assert environment.urn == common_urns.environments.DOCKER.urn
        assert payload.container_image == IMAGE
    assert any_job.environment.service_account_email == ACCOUNT
    assert pool.ip_configuration == WorkerIPAddressConfiguration.WORKER_IP_PRIVATE


def test_no_worker_installs_anything_at_its_start(any_job):
    staged = [
        api.ArtifactStagingToRolePayload.FromString(each.role_payload).staged_name
        for environment in any_job.graph.components.environments.values()
        for each in environment.dependencies
    ]
    assert set(staged) <= {"submission_environment_dependencies.txt"}  # a list for the log, which nobody installs


def test_only_small_records_of_ours_cross_a_shuffle(any_job):
    """Contents are read, and used up, in one step after the last shuffle.

    What crosses is a piece of the listing, digests or a chunk of acts: `test_elements_between_steps_are_small`.
    """
    shuffles = any_job.steps(common_urns.primitives.GROUP_BY_KEY.urn)
    (reads,) = (step for name, step in any_job.pardos.items() if name.startswith((CLASSIFY, ACT)))
    for step in shuffles.values():
        assert step.unique_name.startswith("Spread over workers")
        assert not any_job.feeds(reads, step), "contents would be shuffled"
        assert any_job.feeds(step, reads)
    assert shuffles


@pytest.mark.slow
def test_what_the_classifying_step_emits_holds_no_content(place):
    path = Path(place.uploads) / "large.txt"
    path.write_text("A sentence about the sea and its many moods. " * 40_000)
    settings = load_settings(engine="onnxruntime", precision="fp32")
    step = ScreenUploads(Job("r", place.uploads, place.results, datetime.now(UTC), settings, Progress(), cores=1))
    step.setup()
    step.start_bundle()
    (cut,) = Range(place.uploads).cut()
    assert all(each.tag == TALLIES for each in step.process((cut.piece.id, {PIECES: [cut.piece], REPEATS: []})))
    (part,) = step.finish_bundle()
    step.teardown()
    assert part.value.rows == 16
    assert len(pickle.dumps(part.value)) < 2_000


def test_a_gpu_is_asked_for_where_models_run_and_nowhere_else(buckets, sent):
    assert buckets.screen(*NEEDED, *GPU) == 0
    (job,) = sent
    with_gpu = {name for name, step in job.pardos.items() if resource_hints.ACCELERATOR.urn in job.hints(step)}
    assert with_gpu == {named(job.pardos, CLASSIFY).unique_name}
    assert job.hints(named(job.pardos, CLASSIFY)) == {resource_hints.ACCELERATOR.urn: EXAMPLE.encode()}
    assert not [option for option in job.environment.service_options if "accelerator" in option]


def test_no_gpu_is_asked_for_on_cpus(buckets, sent):
    assert buckets.screen(*NEEDED, *CPU) == 0
    (job,) = sent
    assert not any(job.hints(step) for step in job.pardos.values())


def test_the_commit_alone_has_side_inputs_and_they_are_files_and_tallies(buckets, sent):
    assert buckets.screen(*NEEDED, *CPU) == 0
    (job,) = sent
    sides = {
        name: api.ParDoPayload.FromString(step.spec.payload).side_inputs
        for name, step in job.pardos.items()
        if api.ParDoPayload.FromString(step.spec.payload).side_inputs
    }
    commit = named(job.pardos, "Commit")
    assert list(sides) == [commit.unique_name]
    patterns = {side.access_pattern.urn for side in sides[commit.unique_name].values()}
    assert patterns == {common_urns.side_inputs.ITERABLE.urn}
    fed = {commit.inputs[tag] for tag in sides[commit.unique_name]}
    made = {step.unique_name for step in job.graph.components.transforms.values() if fed & set(step.outputs.values())}
    assert {name.split("/")[0] for name in made} == {CLASSIFY, "Tallies"}


def test_what_the_graph_carries_does_not_grow_with_the_input(buckets, sent):
    assert buckets.screen(*NEEDED, *CPU, "--run-id=r") == 0
    for i in range(20):
        open_store(buckets.uploads).put(f"{buckets.uploads}/more/{i}.txt", UPLOAD * 50)
    assert buckets.screen(*NEEDED, *CPU, "--run-id=r") == 0
    one, many = (job.graph.ByteSize() for job in sent)
    assert abs(one - many) < 1000


def test_one_process_a_worker_with_few_bundles_unless_others_are_asked_for(buckets, sent):
    assert buckets.screen(*NEEDED, *CPU) == 0
    asked = ("--experiments=use_multiple_sdk_containers", "--number_of_worker_harness_threads=5")
    assert buckets.screen(*NEEDED, *CPU, *asked) == 0
    one, many = (set(job.environment.experiments) for job in sent)
    assert "no_use_multiple_sdk_containers" in one
    assert "no_use_multiple_sdk_containers" not in many
    assert [job.environment.worker_pools[0].num_threads_per_worker for job in sent] == [2, 5]


def test_a_dry_run_writes_nothing_and_says_so(buckets, capsys):
    assert buckets.screen(*NEEDED, *CPU, "--run-id=r") == 0
    assert "run r is handed over to Dataflow" in capsys.readouterr().out
    assert list(open_store(buckets.results).list(buckets.results)) == []


@pytest.mark.slow
def test_a_release_with_nothing_to_do_still_leaves_a_job(buckets, sent, capsys, light):
    """A flex template's launch fails where its launcher leaves no job; a quiet night is no failure."""
    assert buckets.screen("--run-id", "r", *light.flags) == 0  # its one upload goes to review, so nothing is pending
    assert buckets.release("--plan") == 0
    assert "nothing was done" in capsys.readouterr().out
    assert buckets.release(*NEEDED) == 0
    assert len(sent) == 1


def test_a_job_that_nobody_waits_for_writes_its_report(place):
    settings = load_settings(engine="onnxruntime", precision="fp32")
    job = Job("r", place.uploads, place.results, datetime.now(UTC), settings, Progress(), cores=1, unattended=True)
    with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
        screen.build(pipeline, job)
    assert "15 listed" in (Path(place.results) / "reports" / "r.html").read_text()
