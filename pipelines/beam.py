"""The parts of Apache Beam that the jobs use, with types. Beam's unannotated calls are made only here.

Capitalised names are Beam's own and behave as its documentation says; the functions in lower case are ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import apache_beam
from apache_beam import Pipeline
from apache_beam.metrics.metric import Metrics
from apache_beam.options.pipeline_options import (
    DebugOptions,
    DirectOptions,
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    TestOptions,
    WorkerOptions,
)
from apache_beam.pvalue import AsList, TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.shared import Shared as _Shared
from apache_beam.utils.windowed_value import WindowedValue

__all__ = [
    "AsList",
    "CoGroupByKey",
    "Create",
    "DebugOptions",
    "DirectOptions",
    "DoFn",
    "Flatten",
    "FlinkRunnerOptions",
    "GoogleCloudOptions",
    "GroupByKey",
    "Pipeline",
    "PipelineOptions",
    "Reshuffle",
    "SetupOptions",
    "Shared",
    "StandardOptions",
    "TaggedOutput",
    "TestOptions",
    "WindowedValue",
    "WorkerOptions",
    "at_the_end",
    "count",
    "experiment",
    "flags",
    "par_do",
    "par_do_tagged",
]

Transform: TypeAlias = apache_beam.PTransform[Any, Any]

Create: Callable[[Iterable[object]], Transform] = apache_beam.Create
Flatten: Callable[[], Transform] = apache_beam.Flatten
GroupByKey: Callable[[], Transform] = apache_beam.GroupByKey
CoGroupByKey: Callable[[], Transform] = apache_beam.CoGroupByKey
Reshuffle: Callable[[], Transform] = apache_beam.Reshuffle
Shared: Callable[[], _Shared] = _Shared


class DoFn(apache_beam.DoFn):
    """Beam's DoFn with a typed constructor, which takes no arguments."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Beam's constructor has no annotations


def par_do(do: apache_beam.DoFn, *sides: AsList) -> Transform:
    """Return a step that applies `do` to each element; it also gets `sides`, each as a whole collection."""
    step: Transform = apache_beam.ParDo(do, *sides)  # type: ignore[no-untyped-call]  # as Beam's constructors are
    return step


def par_do_tagged(do: apache_beam.DoFn, *tags: str, main: str, accelerator: str = "") -> Transform:
    """Return a step with several outputs, named `main` and `tags`; it can ask for workers with an `accelerator`."""
    step: Any = par_do(do)
    if accelerator:
        step = step.with_resource_hints(accelerator=accelerator)
    tagged: Transform = step.with_outputs(*tags, main=main)
    return tagged


def at_the_end(value: object) -> WindowedValue:
    """Return `value` as `finish_bundle` may emit it: in the global window, since no element gives it a time."""
    return WindowedValue(value, GlobalWindow().max_timestamp(), (GlobalWindow(),))


def count(namespace: str, name: str, number: int) -> None:
    """Add `number` to a counter that the engine shows."""
    counter: Any = Metrics.counter(namespace, name)
    counter.inc(number)


def experiment(options: PipelineOptions, name: str) -> None:
    """Enable an experiment of Beam or of its engine."""
    debug: Any = options.view_as(DebugOptions)
    debug.add_experiment(name)


def flags(*kinds: type[PipelineOptions]) -> argparse.ArgumentParser:
    """Return a parser with the flags of these of Beam's options, or of all of them if none are given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for kind in kinds or PipelineOptions.__subclasses__():
        kind._add_argparse_args(parser)  # type: ignore[arg-type]  # any parser will do, and Beam's own is not public
    return parser
