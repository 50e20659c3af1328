"""What sharing costs and saves: three heads on one encoder against one head and three models; Beam against a loop."""

from __future__ import annotations

import hashlib
import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx.utils import Extractor

from screening.classifiers import Bundle, Classifier, load_bundle, make_engine
from screening.settings import Settings
from tests.benchmarks.end_to_end import job_once, loop_once
from tests.benchmarks.engines.clock import Cost, ratios, spread, timed
from tests.benchmarks.engines.ours import scores
from tests.benchmarks.engines.work import Work

HEADS = 3


def with_heads(bundle: Bundle, names: Sequence[str], folder: Path) -> Bundle:
    """The bundle with some of its heads only: the graph ends at their outputs."""
    manifest = bundle.manifest
    heads = [head for head in manifest.heads if head.name in names]
    extractor = Extractor(onnx.load_from_string(bundle.read(manifest.model)))
    cut = extractor.extract_model(list(manifest.inputs), [head.output for head in heads])
    files = {manifest.model: cut.SerializeToString(), manifest.tokenizer: bundle.read(manifest.tokenizer or "")}
    said = manifest.model_dump(mode="json") | {
        "heads": [head.model_dump(mode="json") for head in heads],
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "calibration": None,
    }
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / str(name)).write_bytes(data)
    (folder / "bundle.json").write_text(json.dumps(said), encoding="utf-8")
    return load_bundle(str(folder))


def heads(bundle: Bundle, work: Work, choice: tuple[str, str], rounds: int) -> dict[str, Any]:
    """What three heads cost over one head, and three models over three heads, on one engine and precision."""
    names = [head.name for head in bundle.manifest.heads[:HEADS]]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        together = Classifier(with_heads(bundle, names, folder / "together"), make_engine(*choice))
        alone = [Classifier(with_heads(bundle, [name], folder / name), make_engine(*choice)) for name in names]

    def cost(*classifiers: Classifier) -> Cost:
        return timed(lambda: [scores(classifier, work.texts) for classifier in classifiers])[0]

    cost(together, *alone)  # warm
    turns = [(cost(alone[0]), cost(together), cost(*alone)) for _ in range(rounds)]
    one, three, models = zip(*turns, strict=True)
    return {
        "engine": make_engine(*choice).id,
        "three_heads_over_one": ratios(three, one),
        "three_models_over_three_heads": ratios(models, three),
    }


def beam_over_loop(settings: Settings, one: Work, work: Work, rounds: int) -> dict[str, Any]:
    """What the job costs over a plain loop with the same work, start-up (a single article) taken off both."""

    def cost(run: Callable[[Settings, Path, Path], Any], given: Work) -> Cost:
        with tempfile.TemporaryDirectory() as folder:
            return timed(lambda: run(settings, given.folder, Path(folder) / "results"))[0]

    cost(job_once, one)  # warm
    turns = [[cost(run, given) for run in (job_once, loop_once) for given in (one, work)] for _ in range(rounds)]
    job_start, job, loop_start, loop = zip(*turns, strict=True)
    return {
        "engine": settings.fingerprint.engine,
        "articles": len(work.texts),
        "seconds": {"job": spread([each.wall for each in job]), "loop": spread([each.wall for each in loop])},
        "start_up_seconds": {"job": _median(job_start).wall, "loop": _median(loop_start).wall},
        "job_over_loop": ratios(_without(job, job_start), _without(loop, loop_start)),
        "job_over_loop_with_start_up": ratios(job, loop),
    }


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(*(round(statistics.median(column), 2) for column in zip(*costs, strict=True)))


def _without(costs: Sequence[Cost], start_ups: Sequence[Cost]) -> list[Cost]:
    start = _median(start_ups)
    return [Cost(cost.wall - start.wall, cost.cpu - start.cpu) for cost in costs]
