"""Check a job's options for Google Cloud Dataflow. All problems are reported at once, before anything is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pipelines import beam
from pipelines.beam import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    TestOptions,
    WorkerOptions,
)
from screening.classifiers.engines.cuda import is_installed
from screening.errors import ConfigError
from screening.settings import Settings, is_shipped

GPU_ENGINES = ("cuda", "tensorrt")
ACCELERATOR = re.compile(r"type:[a-z0-9-]+;count:[1-9]\d*;install-nvidia-driver(:\w+)?")
EXAMPLE = "type:nvidia-l4;count:1;install-nvidia-driver"
ONE_PROCESS = "no_use_multiple_sdk_containers"
BUNDLES = 2  # bundles that a process works on at a time; Dataflow's own default is 12

# What is wrong, and how to fix it.
Problem = tuple[str, str]


def is_chosen(options: PipelineOptions) -> bool:
    """Return whether the job is to run on Dataflow."""
    return str(options.view_as(StandardOptions).runner).rpartition(".")[2].lower() == "dataflowrunner"


def is_handed_over(options: PipelineOptions) -> bool:
    """Return whether the launcher ends before the job: in a template, in a dry run, or if it was told not to wait."""
    return is_chosen(options) and bool(
        _in_template(options)
        or options.view_as(TestOptions).dry_run
        or options.view_as(StandardOptions).no_wait_until_finish
    )


def check(
    options: PipelineOptions,
    places: Mapping[str, str],
    *,
    bundles: str = "",
    engine: str = "",
    precision: str = "",
    accelerator: str = "",
) -> None:
    """Check that Dataflow can run a job with these options; on other runners, check only that no accelerator is given.

    `places` are by the flag that names them. `engine` is "" if the job runs no models. Raises ConfigError with every
    problem and its fix.
    """
    if not is_chosen(options):
        if accelerator:
            raise ConfigError(
                "--accelerator is for DataflowRunner",
                fix="leave it out: other runners use the GPUs of their workers' machines",
            )
        return
    found = [*_options(options), *_places(options, places, bundles)]
    if engine:
        found += [*_engine(options, engine, precision), *_gpu(options, engine, accelerator)]
    if found:
        raise ConfigError("Dataflow can't run this job", fix="\n  ".join(f"{what}: {fix}" for what, fix in found))


def check_banks(options: PipelineOptions, settings: Settings) -> None:
    """Check that workers can reach every bank of known hashes. Raises ConfigError if not."""
    banks = {f"bank {bank.id}": bank.uri for bank in settings.policy.banks}
    if is_chosen(options) and (lost := [(flag, uri) for flag, uri in banks.items() if not _reached(options, uri)]):
        flag, uri = lost[0]
        raise ConfigError(
            f"{flag} is at {uri}, where no worker finds it", fix="put the policy and its banks into a bucket"
        )


def settle(options: PipelineOptions) -> None:
    """Set the options that suit these jobs best on Dataflow, unless they were given.

    Each worker gets one process, which uses every core and loads each model once; by default Dataflow starts one per
    vCPU, each with its own models and as many threads as there are vCPUs. Each process gets few bundles at a time,
    since it screens one while the others wait with uploads that no idle worker can take over. The launcher's `__main__`
    is not pickled, since the workers' code is in their image.
    """
    debug, setup = options.view_as(DebugOptions), options.view_as(SetupOptions)
    if not is_chosen(options):
        return
    if not {ONE_PROCESS, ONE_PROCESS.removeprefix("no_")} & set(debug.experiments or []):
        beam.experiment(options, ONE_PROCESS)
    if debug.number_of_worker_harness_threads is None:
        debug.number_of_worker_harness_threads = BUNDLES
    if setup.save_main_session is None:
        setup.save_main_session = False


def _in_template(options: PipelineOptions) -> bool:
    return bool(options.view_as(GoogleCloudOptions).template_location)


def _options(options: PipelineOptions) -> Iterator[Problem]:
    cloud, worker = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    setup = options.view_as(SetupOptions)
    for flag, given, example in (
        ("--project", cloud.project, "the project that pays"),
        ("--region", cloud.region, "for example europe-west4, where the buckets are"),
        ("--temp_location", cloud.temp_location, "a gs:// prefix of the staging bucket"),
        ("--sdk_container_image", worker.sdk_container_image, "the image that the Dockerfile makes"),
        ("--service_account_email", cloud.service_account_email, "the job's own identity, not the project's default"),
    ):
        if not given:
            yield f"{flag} is missing", f"give {example}"
    for flag, given in (("--temp_location", cloud.temp_location), ("--staging_location", cloud.staging_location)):
        if given and not given.startswith("gs://"):
            yield f"{flag} {given} is not in a bucket", "give a gs:// prefix"
    if worker.use_public_ips is not False:
        yield (
            "workers would get public addresses",
            "add --no_use_public_ips, and a subnetwork with Private Google Access",
        )
    for flag, given in (
        ("--requirements_file", setup.requirements_file),
        ("--setup_file", setup.setup_file),
        ("--extra_package", setup.extra_packages),
    ):
        if given:
            yield f"{flag} makes each worker install packages when it starts", "leave it out: the image has everything"


def _places(options: PipelineOptions, places: Mapping[str, str], bundles: str) -> Iterator[Problem]:
    for flag, uri in places.items():
        if not uri.startswith("gs://"):
            yield f"{flag} {uri} is not in a bucket", "give a gs:// prefix, which every worker can reach"
    if bundles and not _reached(options, bundles):
        yield (
            f"--bundles {bundles} is where no worker finds it",
            "publish them to a gs:// prefix, or use those that ship",
        )


def _reached(options: PipelineOptions, uri: str) -> bool:
    # A template is launched from the workers' own image, so they can read the same local files as the launcher.
    return uri.startswith("gs://") or is_shipped(uri) or _in_template(options)


def _engine(options: PipelineOptions, engine: str, precision: str) -> Iterator[Problem]:
    for flag, given in (("--engine", engine), ("--precision", precision)):
        if given == "auto":
            yield (
                f"{flag}=auto would take what the launcher has",
                "name one; see Which engine, which precision in the docs",
            )
    launched = options.view_as(TestOptions).dry_run or is_installed()
    if engine in GPU_ENGINES and not launched:
        yield (
            "the launcher's onnxruntime is not the GPU workers', and verdicts depend on its version",
            "launch the template, or launch from the GPU image",
        )


def _gpu(options: PipelineOptions, engine: str, accelerator: str) -> Iterator[Problem]:
    cloud, hints = options.view_as(GoogleCloudOptions), options.view_as(StandardOptions).resource_hints
    service = [each for each in _service(options) if each.startswith("worker_accelerator")]
    if accelerator and not ACCELERATOR.fullmatch(accelerator):
        yield f"--accelerator {accelerator} is malformed", f"write it like {EXAMPLE}"
    if service and (accelerator or hints):
        yield (
            "right-fitting hints and worker_accelerator don't go together",
            "keep --accelerator, which gives a GPU to the classifying step alone, and drop worker_accelerator",
        )
    if accelerator and cloud.flexrs_goal:
        yield "right-fitting hints and --flexrs_goal don't go together", "drop --flexrs_goal"
    if engine in GPU_ENGINES and not (accelerator or service):
        yield f"--engine={engine} and no GPU", f"add --accelerator='{EXAMPLE}'"
    if engine not in (*GPU_ENGINES, "auto") and (accelerator or service):
        yield f"a GPU would be paid for but --engine={engine} would not use it", "use --engine=cuda, or no accelerator"


def _service(options: PipelineOptions) -> Sequence[str]:
    cloud, debug = options.view_as(GoogleCloudOptions), options.view_as(DebugOptions)
    return [*(cloud.dataflow_service_options or []), *(debug.experiments or [])]
