"""The product: every engine and precision that this machine has, raw and through the whole job."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from screening.classifiers import Bundle, Classifier, make_engine
from screening.content import Text
from screening.errors import ConfigError, UploadError
from screening.hardware import ENGINES, PRECISIONS
from screening.settings import Settings, load_settings
from tests.benchmarks.end_to_end import job_once
from tests.benchmarks.engines.contest import Contestant, Run
from tests.benchmarks.engines.work import Work

ON_GPU = ("cuda", "tensorrt")


def contestants(bundle: Bundle) -> Iterator[Contestant]:
    """Each engine and precision twice: the classifier alone, and `pipelines.screen` over files."""
    for name, precision in choices(bundle):
        hardware = "gpu" if name in ON_GPU else "cpu"
        load = partial(raw, bundle, name, precision)
        yield Contestant(f"ours, {name}", precision, load, answers="scores", quick=True, hardware=hardware)
        load = partial(job, bundle, name, precision)
        yield Contestant(f"ours, {name}", precision, load, way="job", quick=True, hardware=hardware)


def choices(bundle: Bundle) -> list[tuple[str, str]]:
    """Engine and precision of all that run this bundle here: what is not there says so when it is asked for."""
    found = []
    for name, precision in product(ENGINES, PRECISIONS):
        if "auto" in (name, precision):
            continue
        try:
            make_engine(name, precision).load(bundle)
        except ConfigError:
            continue
        found.append((name, precision))
    return found


def settings_of(bundle: Bundle, name: str, precision: str) -> Settings:
    """A job's settings with the shipped policy and one bundle."""
    return load_settings(bundles=(str(bundle.folder),), engine=name, precision=precision)


def raw(bundle: Bundle, name: str, precision: str) -> Run:
    """Texts to calibrated scores [articles, labels] with the classifier alone."""
    classifier = Classifier(bundle, make_engine(name, precision))

    def run(work: Work) -> npt.NDArray[np.float64]:
        return scores(classifier, work.texts)

    return run


def scores(classifier: Classifier, texts: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Scores [articles, labels of all heads]; the UploadError of a text that has none is raised."""
    results = classifier.score([Text(text) for text in texts])
    if failed := next((result for result in results if isinstance(result, UploadError)), None):
        raise failed
    return np.array([[signal.score for signal in result] for result in results if isinstance(result, list)])


def job(bundle: Bundle, name: str, precision: str) -> Run:
    """Files to a committed table of verdicts: reading, decoding, checks and the report's rows included."""
    settings = settings_of(bundle, name, precision)

    def run(work: Work) -> None:
        with tempfile.TemporaryDirectory() as folder:
            job_once(settings, work.folder, Path(folder) / "results")

    return run
