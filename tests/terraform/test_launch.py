"""What the schedules launch, on Dataflow and on Flink, are the jobs with flags that they have."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import hcl2
import pytest
import yaml

from pipelines import release, screen
from pipelines.launch import options as flags
from tests.terraform.bindings import MEMBERS, TERRAFORM, sources

JOBS = {"screen": screen, "release": release}
METADATA = Path(__file__).resolve().parents[2] / "pipelines" / "templates"


def parameters(job: str) -> dict[str, str]:
    """The parameters of a launch with every default: those of the variable, and those made in schedule.tf."""
    texts = sources()
    [defaults] = [
        block[f'"{job}_parameters"'].get("default", "{}")
        for block in hcl2.loads(texts["variables.tf"])["variable"]
        if f'"{job}_parameters"' in block
    ]
    [local] = [block["jobs"] for block in hcl2.loads(texts["schedule.tf"])["locals"]]
    merged = local[job]["parameters"]
    assert merged.startswith(f"${{merge(var.{job}_parameters, {{")
    made = re.findall(r'(\w+)\s*=\s*("gs://\$\{local\.bucket\["(\w+)"\]\}"|local\.image)', merged)
    assert len(made) == merged.count("=")
    given = {name.strip('"'): str(value).strip('"') for name, value in dict(defaults).items() if name != "__is_block__"}
    return given | {name: f"gs://{bucket}" if bucket else "image:1" for name, _, bucket in made}


@pytest.mark.parametrize("job", JOBS)
def test_the_parameters_of_a_launch_are_flags_of_the_job(job: str) -> None:
    given = parameters(job)
    own, rest, parser = JOBS[job].parse([f"--{name}={value}" for name, value in given.items()])
    flags.beam_options(rest, parser)
    assert own.results == "gs://results"
    assert not given.get("run_id"), "each launch is a run of its own"


@pytest.mark.parametrize("job", JOBS)
def test_a_launch_meets_the_template_s_metadata(job: str) -> None:
    given = parameters(job)
    known = {each["name"]: each for each in json.loads((METADATA / f"{job}.json").read_text())["parameters"]}
    assert set(given) <= set(known)
    assert {name for name, each in known.items() if not each["isOptional"]} <= set(given)
    for name, value in given.items():
        assert all(re.fullmatch(pattern, value) for pattern in known[name].get("regexes", [])), name


def manifest(job: str) -> list[dict]:
    """The job's manifests on Flink, rendered as Terraform renders them."""
    text = (TERRAFORM / "flink" / "job.yaml.tftpl").read_text()
    given = [f"--{name}={value}" for name, value in parameters(job).items() if name != "sdk_container_image"]
    loop = re.search(r"%\{ for flag in flags ~\}\n(.*?)%\{ endfor ~\}\n", text, re.S)
    assert loop is not None
    text = text.replace(loop[0], "".join(loop[1].replace("${jsonencode(flag)}", json.dumps(flag)) for flag in given))
    values = {
        "name": "screening",
        "job": job,
        "namespace": "jobs",
        "account": "a@b",
        "image": "image:1",
        "task_managers": "2",
        "cores": "4",
        "memory_gb": "12",
        "time_zone": "Etc/UTC",
        "paused": "true",
        "jsonencode(schedule)": '"0 * * * *"',
    }
    return list(yaml.safe_load_all(re.sub(r"\$\{(.*?)\}", lambda match: values[match[1]], text)))


@pytest.fixture(params=JOBS)
def flink(request) -> dict[str, dict]:
    return {"job": request.param, **{each["kind"]: each for each in manifest(request.param)}}


def test_on_flink_each_task_manager_has_a_pool_of_its_own(flink) -> None:
    spec = flink["FlinkDeployment"]["spec"]
    pool, launch = (
        spec["taskManager"]["podTemplate"]["spec"]["containers"][0],
        flink["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0],
    )
    assert "containers" not in spec["podTemplate"].get("spec", {})  # so JobManagers have none
    [port] = [each.rpartition("=")[2] for each in pool["command"] if each.startswith("--service_port")]
    assert f"--environment_config=localhost:{port}" in launch["args"]
    assert pool["image"] == launch["image"] == "image:1"
    assert f"--parallelism={spec['taskManager']['replicas']}" in launch["args"]


def test_on_flink_the_launch_is_the_job_with_flags_that_it_has(flink) -> None:
    pod = flink["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    launch = pod["containers"][0]
    assert launch["command"] == ["python", "-m", f"pipelines.{flink['job']}"]
    _, rest, parser = JOBS[flink["job"]].parse(launch["args"])
    options = flags.beam_options(rest, parser)
    server = pod["initContainers"][0]
    assert options.get_all_options()["job_endpoint"] == "localhost:8099"
    assert "--job-port=8099" in server["args"]
    assert server["image"].endswith(f":{importlib.metadata.version('apache-beam')}")
    assert flink["FlinkDeployment"]["spec"]["flinkVersion"] == "v1_19"
    assert "flink1.19" in server["image"]


def test_on_flink_a_job_is_the_identity_that_terraform_trusts_and_nobody_else_reaches_it(flink) -> None:
    account = flink["ServiceAccount"]["metadata"]
    text = sources()["identities.tf"]
    assert f"[${{var.flink.namespace}}/${{var.name}}-{flink['job']}]" in text
    assert any("flink" in pattern for pattern in MEMBERS)
    pod = flink["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]
    spec = flink["FlinkDeployment"]["spec"]
    assert {account["name"]} == {spec["serviceAccount"], pod["spec"]["serviceAccountName"]}
    labels = flink["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    for metadata in (
        pod["metadata"],
        spec["podTemplate"]["metadata"],
        spec["taskManager"]["podTemplate"]["metadata"],
    ):
        assert labels.items() <= metadata["labels"].items()
