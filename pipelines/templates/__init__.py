"""Generate the metadata of the jobs' flex templates from the jobs' flags, so that the two always agree.

`python -m pipelines.templates` writes screen.json and release.json beside this file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines import beam, release, screen
from pipelines.beam import GoogleCloudOptions, PipelineOptions, WorkerOptions
from pipelines.launch.dataflow import ACCELERATOR

FOLDER = Path(__file__).parent
JOBS = {
    "screen": (screen.arguments, "Screen uploads and commit their verdicts"),
    "release": (release.arguments, "Release what was accepted, quarantine what was rejected"),
}
# Flags that are not parameters of the templates, and why.
LEFT_OUT = {
    "help": "it ends the launcher",
    "plan": "it starts no job, and a launch must",
    "stall_timeout": "Dataflow watches its workers itself",
}
# These are optional for a job, but Dataflow needs them to be given.
NAMED = ("engine", "precision")
PLACES = ("input", "results", "live", "quarantine")
# Beam's flags that a launch can pass in no other way. Only the image is required.
BEAM: Mapping[str, type[PipelineOptions]] = {
    "sdk_container_image": WorkerOptions,
    "min_cpu_platform": WorkerOptions,
    "dataflow_service_options": GoogleCloudOptions,
}


def metadata(job: str) -> dict[str, Any]:
    """Return the metadata of a job's template, as `gcloud dataflow flex-template build --metadata-file` takes it."""
    arguments, description = JOBS[job]
    parameters = [_parameter(action) for action in arguments()._actions if action.dest not in LEFT_OUT]
    return {"name": job, "description": description, "parameters": [*parameters, *_beams()]}


def text(job: str) -> str:
    """Return the metadata as the text of its file."""
    return json.dumps(metadata(job), indent=2) + "\n"


def write() -> None:
    """Write the files of all templates."""
    for job in JOBS:
        (FOLDER / f"{job}.json").write_text(text(job))


def _parameter(action: argparse.Action) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": action.dest,
        "label": action.dest.replace("_", " ").capitalize(),
        "helpText": action.help or action.dest,
        "isOptional": not action.required and action.dest not in NAMED,
    }
    if regex := _regex(action):
        found["regexes"] = [regex]
    return found


def _regex(action: argparse.Action) -> str:
    if action.choices:
        return f"^({'|'.join(each for each in action.choices if each != 'auto' or action.dest not in NAMED)})$"
    if action.dest in PLACES:
        return "^gs://.+$"
    if action.dest == "accelerator":
        return f"^{ACCELERATOR.pattern}$"
    if action.nargs == "?":
        return "^(true|false)$"
    return r"^\d+$" if action.type is int else ""


def _beams() -> Iterator[dict[str, Any]]:
    for name, options in BEAM.items():
        action = beam.flags(options)._option_string_actions[f"--{name}"]
        first = " ".join((action.help or "").split()).partition(". ")[0]
        yield {**_parameter(action), "name": name, "helpText": first, "isOptional": name != "sdk_container_image"}
