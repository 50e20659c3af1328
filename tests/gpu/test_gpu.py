"""What only a GPU can show; `make test-gpu` runs it, and so does `pytest -m gpu` in an environment with the gpu extra.

Never run on one yet: no machine with a GPU was at hand. The kit's rehearsal runs it with the CPU in CUDA's place.
"""

from __future__ import annotations

import random

import numpy as np
import onnxruntime as ort
import pytest

from screening.classifiers import Classifier, find_bundles, load_bundle, make_engine
from screening.classifiers.engines import cuda
from screening.classifiers.engines.contract import Pool
from screening.classifiers.engines.device import Limit, bound, halving
from screening.content import Picture, Text
from screening.settings import SHIPPED_BUNDLES
from tests.generate import article
from tests.screening.classifiers.encoder import LABELS, batch, encoder, logits, rewritten
from tests.screening.classifiers.tiny import image_bundle, text_bundle

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not cuda.is_there("cuda"), reason="no GPU")]
hardware = pytest.mark.skipif(cuda.is_rehearsed(), reason="the CPU provider has no limit to its memory")

TEXTS = [Text("good bad the river " * n + "win") for n in range(40)]
PICTURES = [Picture(8, 8, np.full((8, 8, 3), shade, np.uint8)) for shade in range(0, 200, 10)]


@pytest.fixture(params=cuda.PRECISIONS)
def engine(request) -> cuda.Cuda:
    made = make_engine("cuda", request.param)
    assert isinstance(made, cuda.Cuda)
    return made


def opened(engine: cuda.Cuda, **options: str) -> ort.InferenceSession:
    """The encoder's graph by the engine's provider."""
    ort.preload_dlls(directory="")
    (provider, said), *_ = engine.providers
    found = ort.InferenceSession(
        rewritten(encoder(), engine.precision == "fp16"), providers=[(provider, {**said, **options})]
    )
    assert found.get_providers()[0] == provider
    return found


def test_it_computes_what_the_cpu_does(engine):
    session = opened(engine)
    pool = Pool(lambda: bound(session, {"logits": LABELS}, engine.device, 4096), cuda.AT_ONCE)
    feeds = [batch(rows, length) for rows in (1, 5, 13, 64) for length in (16, 20, 64)] * 5
    for feed, (got,) in zip(feeds, pool.run(feeds), strict=True):
        assert got == pytest.approx(logits(encoder(), feed), abs=3e-2 if engine.precision == "fp16" else 1e-3)


@pytest.mark.parametrize("kind", ["text", "image"])
def test_a_classifier_scores_as_on_the_cpu(engine, kind, tmp_path):
    made, contents = {"text": (text_bundle, TEXTS), "image": (image_bundle, PICTURES)}[kind]
    bundle = load_bundle(str(made(tmp_path / kind)))
    exact = Classifier(bundle, make_engine("onnxruntime")).score(contents)
    for one, other in zip(Classifier(bundle, engine).score(contents), exact, strict=True):
        assert [s.score for s in one] == pytest.approx([s.score for s in other], abs=engine.tolerance)


def test_neighbours_and_order_move_no_score_of_the_bundle_that_ships(engine):
    (bundle,) = find_bundles(SHIPPED_BUNDLES)
    classifier, rng = Classifier(bundle, engine), random.Random(0)
    texts = [Text(article(rng, words)[: 7 * words]) for words in (3, 20, 60, 150, 400) * 2]

    def scores(given: list[Text]) -> np.ndarray:
        return np.array([[signal.score for signal in result] for result in classifier.score(given)])

    together = scores(texts)
    order = rng.sample(range(len(texts)), len(texts))
    shuffled = np.concatenate([scores([texts[i] for i in order[at : at + 5]]) for at in range(0, len(order), 5)])
    assert np.abs(shuffled - together[order]).max() <= engine.tolerance
    assert np.abs(scores(texts) - together).max() <= engine.tolerance


@hardware
def test_memory_that_runs_out_is_met_with_halves(engine):
    limit = Limit()
    run = halving(bound(opened(engine, gpu_mem_limit=str(64 << 20)), {"logits": LABELS}, engine.device, 1 << 20), limit)
    feed = batch(4096, 128)
    assert run(feed)[0] == pytest.approx(logits(encoder(), feed), abs=3e-2)
    assert limit.values < feed["input_ids"].size
