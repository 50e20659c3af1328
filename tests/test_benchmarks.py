"""The logic of the benchmarks that no figure would show to be wrong: who is compared with what, and in which order."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from screening.classifiers import load_bundle
from screening.classifiers.manifest import Head
from screening.settings import SHIPPED_BUNDLES
from tests.benchmarks import neighbours
from tests.benchmarks.engines import onnx_peers, sharing
from tests.benchmarks.engines.ceilings import Sizes
from tests.benchmarks.engines.clock import Cost
from tests.benchmarks.engines.contest import Contestant, Timed, agreement, play, ratio
from tests.benchmarks.engines.work import Work, make_work

pytestmark = pytest.mark.train
BUNDLE = load_bundle(str(next(Path(SHIPPED_BUNDLES).glob("text-screen/*"))))
HEADS = [
    Head(name="kind", kind="multiclass", labels=("a", "b"), output="x"),
    Head(name="spam", kind="multilabel", labels=("spam",), output="y"),
]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    return make_work(tmp_path_factory.mktemp("work"), 3, BUNDLE)


def entry(answer: list[list[float]], precision: str, answers: str = "scores") -> Timed:
    contestant = Contestant("any", precision, lambda: lambda _: None, answers=answers)  # type: ignore[arg-type]
    return Timed(contestant, None, answer=np.array(answer))  # type: ignore[arg-type]


def test_a_smaller_work_is_the_beginning_of_a_larger_one(work: Work, tmp_path: Path) -> None:
    fewer = make_work(tmp_path, 2, BUNDLE)
    assert fewer.texts == work.texts[:2]
    assert fewer.lengths == work.lengths[: len(fewer.lengths)]


def test_the_text_of_a_window_has_its_tokens(work: Work) -> None:
    for piece, length in zip(work.pieces, work.lengths, strict=True):
        assert abs(len(work.tokenizer.encode(piece)) - length) <= 2  # a window may begin inside a word


def test_peers_answer_in_the_order_of_the_windows(work: Work) -> None:
    naive, ordered = onnx_peers.naive(BUNDLE)(work), onnx_peers.sorted_onnxruntime(BUNDLE)(work)
    assert naive is not None
    assert ordered is not None
    assert naive.shape == (len(work.lengths), len(BUNDLE.labels))
    np.testing.assert_allclose(naive, ordered, atol=1e-3)


def test_agreement_is_of_decisions_and_with_the_first_fp32_of_the_same_kind() -> None:
    first = entry([[0.9, 0.1, 0.4], [0.2, 0.8, 0.6]], "fp32")
    drifted = entry([[0.6, 0.4, 0.45], [0.4, 0.6, 0.45]], "bf16")  # one of four decisions differs
    other = entry([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]], "fp32", "logits")
    entries = [other, first, drifted]
    assert agreement(HEADS, drifted, entries) == 0.75
    assert agreement(HEADS, first, entries) == 1.0


def test_start_up_is_taken_off_and_ratios_are_within_a_round(work: Work) -> None:
    contestant = Contestant("any", "fp32", lambda: lambda _: None, way="job")
    job = Timed(contestant, work, runs=[Cost(3, 3), Cost(5, 5)], start_ups=[Cost(1, 1), Cost(1, 1)])
    peer = Timed(contestant, work, runs=[Cost(4, 2), Cost(8, 8)])
    assert job.speeds() == [work.tokens / 2, work.tokens / 4]
    assert ratio(job, peer) == {"median": 2.0, "low": 2.0, "high": 2.0}
    assert ratio(job, peer, "cpu") == {"median": 1.5, "low": 1.0, "high": 2.0}
    assert ratio(job, None) is None


def test_everyone_takes_a_turn_in_every_round(work: Work) -> None:
    turns: list[str] = []

    def contestant(name: str) -> Contestant:
        return Contestant(name, "fp32", lambda: lambda _: turns.append(name))  # type: ignore[arg-type,return-value]

    played = play([contestant("a"), contestant("b")], work, work, work, rounds=2)
    assert turns == ["a", "b", "a", "b", "b", "a"]  # warm, then forward and backward
    assert [len(each.runs) for each in played] == [2, 2]


def test_the_work_of_a_token_is_that_of_the_published_sizes() -> None:
    minilm = Sizes(hidden=384, intermediate=1536, layers=6)
    assert minilm.flops([1]) == pytest.approx(6 * (2 * 12 * 384**2), rel=1e-3)  # 12 h² weights a layer
    assert 23e6 < minilm.flops([256]) / 256 < 25e6


def test_a_bundle_with_one_head_scores_as_that_head_did(work: Work, tmp_path: Path) -> None:
    name = BUNDLE.manifest.heads[1].name
    cut = sharing.with_heads(BUNDLE, [name], tmp_path / "one")
    assert [head.name for head in cut.manifest.heads] == [name]
    at = BUNDLE.labels.index(cut.labels[0])
    np.testing.assert_allclose(
        onnx_peers.naive(cut)(work)[:, 0],
        onnx_peers.naive(BUNDLE)(work)[:, at],
        atol=1e-4,  # type: ignore[index]
    )


def test_shuffled_calls_hold_every_document_once() -> None:
    calls = list(neighbours.shuffled(1000, seed=1))
    assert sorted(i for call in calls for i in call) == list(range(1000))
    assert len(calls) > 1
    assert calls != list(neighbours.shuffled(1000, seed=2))


def test_documents_differ_and_half_hold_a_case() -> None:
    texts = [document.text for document in neighbours.documents(10, 20)]
    assert len(set(texts)) == 10
    assert not any(re.match("(The town|A local|The harbour|Our reporter)", text) for text in texts[1::2])
