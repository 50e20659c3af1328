"""A graph with heads about sentences is exported, rounded and published, and every engine scores the same with it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from screening.classifiers import Bundle, Classifier, load_bundle, make_engine
from screening.classifiers.engines import cuda, openvino
from screening.classifiers.engines.contract import Engine
from screening.content import Text
from screening.hardware import sums_int8_exactly
from tests.models.conftest import make_base, make_document
from tests.models.conftest import rows as made_rows

pytestmark = pytest.mark.train
CALM, LOUD = "The river town library road. ", "Free prize click winner now! "
TEXTS = [Text(CALM * n + LOUD + CALM * (9 - n)) for n in range(10)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """An int8 bundle of a random network, whose head `tone` is about sentences."""
    from models.export.text import export
    from models.publish.bundle import head_record, publish_bundle
    from models.recipe import load_recipe
    from models.text.heads import new_network, save_network

    place = tmp_path_factory.mktemp("sentences")
    base, document = make_base(place), make_document(place)
    document["heads"][0]["unit"] = "sentence"
    (place / "tiny.yaml").write_text(yaml.safe_dump(document))
    recipe = load_recipe(place / "tiny.yaml")
    network = new_network(base, recipe.heads)
    for linear in network.linear.values():
        linear.weight.data *= 20
    save_network(network, place / "network")
    both = {"good": {"tone": [1, 0], "spam": [0]}, "bad": {"tone": [0, 1], "spam": [1]}}
    rows = [{"text": r["text"], "targets": both[r["label"]]} for r in made_rows(200)]
    export(recipe, place / "network", place / "model", rows, "int8", rows)
    record: dict[str, Any] = {
        "format": 1, "name": "tiny", "version": "0.1.0", "modality": "text", "model": "model.onnx", "int8": True,
        "tokenizer": "tokenizer.json", "inputs": ["input_ids", "attention_mask"],
        "text": {"max_tokens": 32, "overlap": 8, "sentences": 1}, "heads": [head_record(h, None) for h in recipe.heads],
    }  # fmt: skip
    files = {name: (place / "model" / name).read_bytes() for name in ("model.onnx", "tokenizer.json")}
    return load_bundle(publish_bundle(record, files, place / "bundles"))


def engines() -> list[Engine]:
    found: list[Engine] = [make_engine("onnxruntime", "fp32", 2)]
    found += [cuda.Cuda("cuda", precision, rehearsed=True) for precision in cuda.PRECISIONS]
    found += [make_engine("openvino", precision, 2) for precision in openvino.precisions() if precision != "int8"]
    if sums_int8_exactly():
        found += [make_engine(name, "int8", 2) for name in ("onnxruntime", "openvino")]
    return found


@pytest.mark.parametrize("engine", engines(), ids=lambda engine: engine.id)
def test_every_engine_scores_the_same_sentences(bundle: Bundle, engine: Engine) -> None:
    exact, near = Classifier(bundle, make_engine("onnxruntime", "fp32", 1)), 0.05 if "int8" in engine.id else 0.01
    classifier = Classifier(bundle, engine)
    together = classifier.score(TEXTS)
    for text, one, wanted in zip(TEXTS, together, exact.score(TEXTS), strict=True):
        [alone] = classifier.score([text])
        assert not isinstance(one, Exception)
        assert not isinstance(alone, Exception)
        assert not isinstance(wanted, Exception)
        assert [s.score for s in one] == pytest.approx([s.score for s in alone], abs=engine.tolerance)
        assert [s.score for s in one] == pytest.approx([s.score for s in wanted], abs=near)
        places = [text.text[s.evidence.start : s.evidence.end] for s in one if s.label in ("calm", "loud")]
        assert all(place in (CALM.strip(), LOUD.strip()) for place in places), places
