"""What Dataflow would be sent, built offline by `--dry_run`, and what is refused before that."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.portability.common_urns import resource_hints
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.dataflow.internal import apiclient
from google.cloud.dataflow_v1beta3 import Environment, WorkerIPAddressConfiguration

from pipelines import release, screen
from pipelines.job import PIECES, REPEATS, TALLIES, Job
from pipelines.launch.dataflow import EXAMPLE
from pipelines.launch.options import LOCAL_RUNNER
from pipelines.launch.progress import Progress
from pipelines.listing.source import Range
from pipelines.steps import ScreenUploads
from screening.errors import ConfigError
from screening.screener import Screener
from screening.settings import SHIPPED_POLICY, prepare
from screening.storage import open_store
from tests.pipelines.conftest import Place

IMAGE = "europe-docker.pkg.dev/home/screening/worker:1"
ACCOUNT = "screen@home-123.iam.gserviceaccount.com"
NEEDED = [
    "--runner=DataflowRunner",
    "--project=home-123",
    "--region=europe-west4",
    "--temp_location=gs://staging-home/temp",
    f"--sdk_container_image={IMAGE}",
    f"--service_account_email={ACCOUNT}",
    "--no_use_public_ips",
    "--dry_run=True",
]
CPU = ["--engine=onnxruntime", "--precision=fp32"]
GPU = ["--engine=cuda", "--precision=fp16", f"--accelerator={EXAMPLE}"]
CLASSIFY = "Read, decode, match, check, classify, decide, write"
ACT = "Act and record"
UPLOAD = b"A plain article about the sea, its tides and the harbour at noon. " * 20


@dataclass
class Sent:
    """What the service would be given: the graph, and the environment it runs in."""

    graph: api.Pipeline
    environment: Environment

    def steps(self, urn: str) -> dict[str, api.PTransform]:
        found = self.graph.components.transforms.values()
        return {each.unique_name: each for each in found if each.spec.urn == urn and not each.subtransforms}

    @property
    def pardos(self) -> dict[str, api.PTransform]:
        return self.steps(common_urns.primitives.PAR_DO.urn)

    def hints(self, step: api.PTransform) -> dict[str, bytes]:
        return dict(self.graph.components.environments[step.environment_id].resource_hints)

    def feeds(self, one: api.PTransform, other: api.PTransform) -> bool:
        """Whether what the one makes reaches the other."""
        reached = set(one.outputs.values())
        for _ in self.graph.components.transforms:
            for step in self.graph.components.transforms.values():
                if reached & set(step.inputs.values()) and not step.subtransforms:
                    reached |= set(step.outputs.values())
        return bool(reached & set(other.inputs.values()))


def make_buckets(gcs_server) -> Place:
    tag = uuid.uuid4().hex[:8]
    place = Place(*(f"gs://{gcs_server.create_bucket(f'{n}-{tag}')}" for n in ("up", "results", "live", "held")))
    open_store(place.uploads).put(f"{place.uploads}/one.txt", UPLOAD)
    return place


@pytest.fixture
def buckets(gcs_server) -> Iterator[Place]:
    gcs_server.clear()
    yield make_buckets(gcs_server)
    gcs_server.clear()


@contextmanager
def sending() -> Iterator[list[Sent]]:
    """What each job that is built within hands to the service; nothing leaves this machine."""
    found: list[Sent] = []
    whole = DataflowRunner.run_pipeline

    def keep(self, pipeline, options, pipeline_proto=None):
        result = whole(self, pipeline, options, pipeline_proto)
        graph = result.job.proto_pipeline
        environment = apiclient.Environment([], options, "8", "gs://staging-home/graph.pb", proto_pipeline=graph)
        found.append(Sent(graph, environment.proto))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DataflowRunner, "run_pipeline", keep)
        yield found


@pytest.fixture
def sent() -> Iterator[list[Sent]]:
    with sending() as found:
        yield found


def named(steps: dict[str, api.PTransform], part: str) -> api.PTransform:
    (found,) = (step for name, step in steps.items() if part in name)
    return found


@pytest.fixture(scope="module", params=["screen on CPUs", "screen on GPUs", "release"])
def any_job(request, gcs_server) -> Sent:
    place = make_buckets(gcs_server)
    if request.param == "release":
        assert place.screen("--run-id", "r") == 0
    with sending() as found:
        if request.param == "release":
            assert place.release(*NEEDED) == 0
        else:
            assert place.screen(*NEEDED, *(GPU if "GPU" in request.param else CPU)) == 0
    (only,) = found
    return only


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


def test_what_the_classifying_step_emits_holds_no_content(place):
    path = Path(place.uploads) / "large.txt"
    path.write_text("A sentence about the sea and its many moods. " * 40_000)
    settings = prepare(engine="onnxruntime", precision="fp32")
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


def test_a_release_with_nothing_to_do_still_leaves_a_job(buckets, sent, capsys):
    """A flex template's launch fails where its launcher leaves no job; a quiet night is no failure."""
    assert buckets.screen("--run-id", "r") == 0  # its one upload goes to review, so nothing is pending
    assert buckets.release("--plan") == 0
    assert "nothing was done" in capsys.readouterr().out
    assert buckets.release(*NEEDED) == 0
    assert len(sent) == 1


def test_a_job_that_nobody_waits_for_writes_its_report(place):
    settings = prepare(engine="onnxruntime", precision="fp32")
    job = Job("r", place.uploads, place.results, datetime.now(UTC), settings, Progress(), cores=1, unattended=True)
    with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
        screen.build(pipeline, job)
    assert "15 listed" in (Path(place.results) / "reports" / "r.html").read_text()


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
        ([*NEEDED, *CPU, "--staging_location=/tmp/x"], "--staging_location /tmp/x is no bucket"),
        ([*NEEDED, *CPU, "--requirements_file=r.txt"], "--requirements_file makes each worker install"),
        ([*NEEDED, *CPU, "--setup_file=./setup.py"], "--setup_file makes each worker install"),
        ([*NEEDED, *CPU, "--extra_package=x.whl"], "--extra_package makes each worker install"),
        ([*NEEDED, *CPU, "--bundles=/opt/bundles"], "--bundles /opt/bundles is where no worker finds it"),
        ([*NEEDED, *CPU, "--input=/tmp/in"], "--input /tmp/in is not in a bucket"),
        ([*NEEDED, *CPU, "--results=/tmp/out"], "--results /tmp/out is not in a bucket"),
        ([*NEEDED], "--engine=auto would take what the launcher has"),
        ([*NEEDED, "--engine=onnxruntime"], "--precision=auto would take what the launcher has"),
        ([*NEEDED, "--engine=openvino", "--precision=int8"], "as the worker's CPU has it"),
        ([*NEEDED, "--engine=onnxruntime", "--precision=bf16"], "onnxruntime runs no bf16"),
        ([*NEEDED, *GPU[:2]], "--engine=cuda and no GPU"),
        ([*NEEDED, *GPU[:2], "--accelerator=nvidia-l4"], "--accelerator nvidia-l4 is none"),
        ([*NEEDED, *CPU, GPU[2]], "a GPU would be paid for"),
        ([*NEEDED, *GPU, "--flexrs_goal=COST_OPTIMIZED"], "--flexrs_goal don't go together"),
        ([*NEEDED, *GPU, f"--dataflow_service_options=worker_accelerator={EXAMPLE}"], "don't go together"),
        ([*NEEDED, *GPU, f"--experiments=worker_accelerator={EXAMPLE}"], "don't go together"),
        ([*NEEDED, *GPU[:2], "--experiments=worker_accelerator=type:x", "--resource_hint=min_ram=9GB"], "go together"),
        ([*without("--dry_run"), *GPU], "the launcher's onnxruntime is not that of GPU workers"),
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
    launched = prepare(engine=engine, precision="fp32", here=False)
    assert launched == prepare(engine=engine, precision="fp32")


def test_a_launcher_takes_gpus_at_their_name():
    assert prepare(engine="cuda", precision="fp16", here=False).fingerprint.engine.endswith("/cuda/fp16")


def test_a_worker_finds_what_ships_in_its_own_installation():
    settings = prepare(engine="onnxruntime", precision="fp32")
    moved = {"bundles": ("/elsewhere/screening/bundles",), "package": "/elsewhere/screening"}
    banks = tuple(
        replace(bank, uri=bank.uri.replace(settings.package, "/elsewhere/screening")) for bank in settings.policy.banks
    )
    launched = pickle.loads(pickle.dumps(replace(settings, policy=replace(settings.policy, banks=banks), **moved)))
    assert [bundle.id for bundle in launched.load_bundles()] == list(settings.fingerprint.bundles)
    assert len(launched.load_banks()) == len(settings.policy.banks) > 0


@pytest.mark.parametrize("part", ["engine", "decoder"])
def test_a_worker_with_other_versions_stops(part):
    settings = prepare(engine="onnxruntime", precision="fp32")
    other = replace(settings, fingerprint=replace(settings.fingerprint, **{part: "another-1.0"}))
    with pytest.raises(ConfigError, match=r"the job was launched for another-1\.0"):
        Screener(other, "r")
