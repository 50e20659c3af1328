"""Buckets to work on, the flags of a launch on Dataflow, and what the service would be sent."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.dataflow.internal import apiclient
from google.cloud.dataflow_v1beta3 import Environment

from pipelines.launch.dataflow import EXAMPLE
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
    "--experiments=disable_logging_submission_environment",  # Beam would ask pip for a list, which takes a second
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

    # Beam hands the job over inside of this method; only its own runner makes a job of Dataflow.
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
