"""What the jobs use of Apache Beam, with types: what Beam leaves without annotations is called here and nowhere else.

What has a capital is Beam's own, so its documentation holds; the functions are ours.
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
    """Beam's, with a constructor that is known to take nothing."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Beam's constructor has no annotations


def par_do(do: apache_beam.DoFn, *sides: AsList) -> Transform:
    """A step that does `do` to each element, with whole collections beside it."""
    step: Transform = apache_beam.ParDo(do, *sides)  # type: ignore[no-untyped-call]  # as Beam's constructors are
    return step


def par_do_tagged(do: apache_beam.DoFn, *tags: str, main: str, accelerator: str = "") -> Transform:
    """A step with several outputs, to be taken by `main` and `tags`; it may ask for workers with an accelerator."""
    step: Any = par_do(do)
    if accelerator:
        step = step.with_resource_hints(accelerator=accelerator)
    tagged: Transform = step.with_outputs(*tags, main=main)
    return tagged


def at_the_end(value: object) -> WindowedValue:
    """What `finish_bundle` may emit: there is no element any more whose time and window it could have."""
    return WindowedValue(value, GlobalWindow().max_timestamp(), (GlobalWindow(),))


def count(namespace: str, name: str, number: int) -> None:
    """Add to a counter that the engine shows."""
    counter: Any = Metrics.counter(namespace, name)
    counter.inc(number)


def experiment(options: PipelineOptions, name: str) -> None:
    """Switch on something that Beam or its engine takes as an experiment."""
    debug: Any = options.view_as(DebugOptions)
    debug.add_experiment(name)


def flags(*kinds: type[PipelineOptions]) -> argparse.ArgumentParser:
    """A parser with the flags of some of Beam's options; of all, if none are named."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for kind in kinds or PipelineOptions.__subclasses__():
        kind._add_argparse_args(parser)  # type: ignore[arg-type]  # any parser will do; Beam's own is not public
    return parser
