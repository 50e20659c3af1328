"""What sharing costs and saves: three heads on one encoder against one head and three models; Beam against a loop."""

from __future__ import annotations

import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx.utils import Extractor

from screening.classifiers import Bundle, Classifier, load_bundle
from screening.settings import Settings
from tests.benchmarks.end_to_end import job_once, loop_once
from tests.benchmarks.engines.contest import spread
from tests.benchmarks.engines.ours import engine, scores
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
    """Seconds of three heads over one head, and of three models over three heads, on one engine and precision."""
    names = [head.name for head in bundle.manifest.heads[:HEADS]]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        together = Classifier(with_heads(bundle, names, folder / "together"), engine(*choice))
        alone = [Classifier(with_heads(bundle, [name], folder / name), engine(*choice)) for name in names]

    def seconds(classifiers: Sequence[Classifier]) -> float:
        return _seconds(lambda: [scores(classifier, work.texts) for classifier in classifiers])

    seconds([together, *alone])  # warm
    turns = [(seconds(alone[:1]), seconds([together]), seconds(alone)) for _ in range(rounds)]
    return {
        "engine": " ".join(choice),
        "three_heads_over_one": spread([three / one for one, three, _ in turns], 3),
        "three_models_over_three_heads": spread([models / three for _, three, models in turns], 3),
    }


def beam_over_loop(settings: Settings, one: Work, work: Work, rounds: int) -> dict[str, Any]:
    """Seconds of the job over those of a plain loop with the same work, start-up (a single article) taken off both."""

    def seconds(run: Callable[[Settings, Path, Path], Any], given: Work) -> float:
        with tempfile.TemporaryDirectory() as folder:
            return _seconds(lambda: run(settings, given.folder, Path(folder) / "results"))

    runs = (job_once, loop_once)
    walls = [[seconds(run, given) for run in runs for given in (one, work)] for _ in range(rounds)]
    job_start, _, loop_start, _ = (statistics.median(column) for column in zip(*walls, strict=True))
    return {
        "articles": len(work.texts),
        "start_up_seconds": {"job": round(job_start, 2), "loop": round(loop_start, 2)},
        "seconds": {"job": spread([wall[1] for wall in walls]), "loop": spread([wall[3] for wall in walls])},
        "job_over_loop": spread([(wall[1] - job_start) / (wall[3] - loop_start) for wall in walls], 3),
        "job_over_loop_with_start_up": spread([wall[1] / wall[3] for wall in walls], 3),
    }


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
