"""The way of an upload in-process: what fails is held alone, what is in flight is bounded, nothing is pickled."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

import screening
from screening.errors import ConfigError, TransientError, UploadError
from screening.records import Evidence, Upload
from screening.screener import Screener, stored
from screening.screener.ahead import AHEAD_BYTES
from screening.screener.screener import SCORING
from screening.settings import load_settings
from screening.storage import open_store
from tests.generate import article, picture, write_articles
from tests.screening.classifiers.tiny import VOID


@pytest.fixture(scope="module")
def screener() -> Iterator[Screener]:
    one = Screener(load_settings(), "run")
    yield one
    one.close()


def listed(folder: Path) -> list[Upload]:
    return list(open_store(str(folder)).list(str(folder)))


@pytest.fixture
def good(tmp_path) -> list[Upload]:
    write_articles(tmp_path / "uploads", 3, mean_words=120)
    return listed(tmp_path / "uploads")


def test_good_articles_are_accepted_with_every_score_stored(screener, good):
    verdicts = list(screener.screen(good))
    assert [verdict.decision for verdict in verdicts] == ["accept"] * 3
    labels = {label for classifier in screener._classifiers for label in classifier.bundle.labels}
    for verdict in verdicts:
        assert labels <= {signal.label for signal in verdict.signals}
        assert verdict.sha256
        assert verdict.thresholds


THREAT = "I will come to your house tonight and I will kill you and your whole family. I hope they all die."


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: text.translate(str.maketrans("aeoi", "аеоі")),  # Cyrillic
        lambda text: f"\u202e{text[::-1]}",
        lambda text: "The library opens at nine." + "".join(chr(0xE0000 + ord(sign)) for sign in text),
        lambda text: text.replace("kill", "k1ll").replace("die", "d1e"),
        lambda text: text.replace("kill", "k il l").replace("family", "fam ily").replace("house", "hou se"),
    ],
)
def test_a_disguised_text_is_scored_as_a_person_reads_it(screener, tmp_path, disguise):
    place = tmp_path / "threat.txt"
    place.write_text(disguise(THREAT))
    [verdict] = screener.screen(listed(tmp_path))
    assert "threat" in verdict.reasons
    [threat] = [signal for signal in verdict.signals if signal.label == "threat"]
    assert threat.evidence == Evidence(note="disguise undone", part="main") or "1" in place.read_text()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (UploadError("replaced"), "replaced"),
        (TransientError("503"), "read_failed"),
        (RuntimeError("a bug"), "internal_error"),
        (RecursionError(), "internal_error"),
    ],
)
def test_whatever_goes_wrong_with_one_upload_holds_that_one(screener, good, monkeypatch, failure, reason):
    """Promise 1: no failure is ever anything but an `error` verdict with a reason."""
    decode = screener._decoder.decode
    calls = iter([failure, None, None])

    def failing(data: bytes, shown_as: str):
        if (error := next(calls)) is not None:
            raise error
        return decode(data, shown_as)

    # No upload makes our decoder raise these: each stands for a fault that we do not know.
    monkeypatch.setattr(screener._decoder, "decode", failing)
    verdicts = list(screener.screen(good))
    assert sorted(verdict.decision for verdict in verdicts) == ["accept", "accept", "error"]
    [held] = [verdict for verdict in verdicts if verdict.decision == "error"]
    assert held.reasons[0] == reason


POLICY = """\
policy: tiny
version: 1
categories:
  - {id: hate, signal: hate, review: 0.9}
"""


def test_a_classifier_that_gives_no_score_holds_the_upload(tiny_bundle, tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "uploads").mkdir()
    for name, text in (("1.txt", f"good news of the {VOID}"), ("2.txt", "good news"), ("3.txt", "the weather")):
        (tmp_path / "uploads" / name).write_text(text)
    one = Screener(load_settings(str(tmp_path / "policy.yaml"), [str(tiny_bundle())], "onnxruntime"), "run", cores=1)
    first, *others = one.screen(listed(tmp_path / "uploads"))
    one.close()
    assert (first.decision, first.reasons) == ("error", ("classifier_failed",))
    assert {verdict.decision for verdict in others} == {"accept"}


def test_a_score_that_is_missing_is_never_a_default(screener, good, monkeypatch):
    classifier = screener._classifiers[0]
    whole = classifier.score

    def without_hate(_self, contents):
        return [[signal for signal in result if signal.label != "hate"] for result in whole(contents)]

    # No bundle that loads can leave out a label: this stands for a fault that we do not know.
    monkeypatch.setattr(type(classifier), "score", without_hate)
    verdicts = list(screener.screen(good))
    assert {verdict.decision for verdict in verdicts} == {"error"}
    assert {verdict.reasons[0] for verdict in verdicts} == {"missing_score"}


def test_an_upload_replaced_between_listing_and_reading_is_held(screener, good):
    Path(good[0].uri).write_text("Another text than the one that was listed.")
    first, *others = screener.screen(good)
    assert (first.decision, first.reasons) == ("error", ("replaced",))
    assert {verdict.decision for verdict in others} == {"accept"}


def test_what_listing_could_not_see_is_held(screener, good):
    [verdict] = screener.screen([replace(good[0], problem="not_a_regular_file")])
    assert (verdict.decision, verdict.reasons) == ("error", ("not_a_regular_file",))


def test_what_is_in_flight_does_not_grow_with_the_number_of_uploads(screener, good):
    """Promise 8: however many uploads there are, only so many have been asked for and not yet answered."""
    asked = 0

    def endless() -> Iterator[Upload]:
        nonlocal asked
        while True:
            asked += 1
            yield good[0]

    verdicts = screener.screen(endless())
    most = screener._ahead + (SCORING + 1) * screener._batch
    for answered in range(1, 2 * most):
        next(verdicts)
        assert asked - answered <= most
    verdicts.close()


def test_what_a_consumer_leaves_is_not_worked_on_beside_what_comes_next(screener, good):
    working, begun, go_on = [], count(), threading.Event()
    needed = (SCORING + 1) * screener._batch  # for the first verdict

    def slow(upload: Upload, most: int) -> bytes:
        working.append(upload)
        try:
            if next(begun) >= needed:
                go_on.wait(60)
            return stored(upload, most)
        finally:
            working.remove(upload)

    verdicts = screener.screen(good[:1] * 500, slow)
    next(verdicts)
    assert working
    threading.Timer(0.2, go_on.set).start()
    verdicts.close()
    assert not working
    assert len(list(screener.screen(good[:1]))) == 1


def test_what_is_in_flight_is_bounded_in_bytes(screener, good):
    large = replace(good[0], size=screener._policy.limits.max_bytes)  # as its listing says
    most, asked = AHEAD_BYTES // large.size, 0

    def uploads() -> Iterator[Upload]:
        nonlocal asked
        for _ in range(50):
            asked += 1
            yield large

    assert 1 < most < screener._ahead
    ahead = screener._read_ahead(uploads(), stored)
    for answered in range(1, 40):
        next(ahead)
        assert asked - answered <= most


def test_order_is_kept(screener, tmp_path):
    write_articles(tmp_path / "uploads", 40, mean_words=80)
    picture(1).save(tmp_path / "uploads" / "zz.png")
    uploads = listed(tmp_path / "uploads")[::-1]
    assert [verdict.uri for verdict in screener.screen(uploads)] == [upload.uri for upload in uploads]


def test_two_names_of_the_same_bytes_get_the_same_verdict(screener, tmp_path):
    import random

    text = article(random.Random(4), 200)
    (tmp_path / "one.txt").write_text(text)
    (tmp_path / "other.jpg.md").write_text(text)
    one, other = screener.screen(listed(tmp_path))
    assert (one.sha256, one.decision, one.reasons) == (other.sha256, other.decision, other.reasons)
    assert [signal.score for signal in one.signals] == pytest.approx([signal.score for signal in other.signals])


def test_nothing_that_a_job_reads_is_unpickled():
    """Promise 7: no module of the product imports a format that runs code when it is read."""
    unsafe = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    for package in ("screening", "pipelines"):
        for path in (Path(screening.__file__).parent.parent / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
                assert not unsafe & {name.split(".")[0] for name in names}, path
                assert not (isinstance(node, ast.keyword) and node.arg == "allow_pickle"), path


def test_a_worker_that_would_run_another_engine_stops_the_job():
    """Promise 5: what the fingerprint says is what ran."""
    settings = load_settings()
    other = replace(
        settings, fingerprint=replace(settings.fingerprint, engine="onnxruntime-0/CUDAExecutionProvider/fp16")
    )
    with pytest.raises(ConfigError, match="was launched for onnxruntime-0/CUDA"):
        Screener(other, "run")
