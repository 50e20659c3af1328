"""The report tells a run truly, needs nothing else to be read, and runs nothing that an uploader wrote."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from screening.errors import ConfigError
from screening.records import BundleId, Evidence, Fingerprint, Run, ScreenedPart, Signal, Threshold, Verdict
from screening.report import render, summary_table, write_report
from screening.report.text import visible
from screening.report.work import work_of
from screening.tables import ResultTables

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOSTILE = "\"><script>alert('x')</script><img src=x onerror=alert(1)>\u202egnp.txt"
SPAM = Threshold("scams_and_fraud", "spam", "reject", "high", 0.9, "precision: 0.98")
SHORT = Threshold("quality", "too_short", "review", "low", 30, "score: 30")
PRINT = Fingerprint("f" * 64, "decode-1", "cpu", (BundleId("text-screen", "0.1.0", "ab" * 32),), "ba" * 32, "po" * 32)
BASE = Verdict(
    run_id="run-1",
    uri="/in/a.txt",
    name="a.txt",
    generation=1,
    size=2048,
    sha256="0" * 64,
    content_type="text/plain",
    metadata={},
    decision="accept",
    reasons=(),
    detail="",
    signals=(
        Signal("bundle/text-screen@0.1.0/spam", "spam", 0.95, Evidence(0, 1, 2)),
        Signal("check/too_short@1", "too_short", 120.0),
    ),
    thresholds=(SPAM, SHORT),
    fingerprint=PRINT,
    screened_at=NOW,
    seconds=0.1,
    medium="text",
)


@pytest.fixture
def tables(tmp_path: Path) -> ResultTables:
    return ResultTables(str(tmp_path))


COUNTED = {
    "uploads": 24, "ms.infer": 6000, "ms.read": 1500, "ms.decode": 500, "wall_ms.screening": 4000,
    "wall_ms.engine": 3000, "tokens": 900, "padding": 100, "retries": 2, "models_loaded": 3, "reused": 1,
}  # fmt: skip


def commit(tables: ResultTables, *verdicts: Verdict, skipped: int = 0, **metrics: int) -> Run:
    part = tables.write_part("run-1", verdicts)
    done = NOW + timedelta(seconds=12)
    run = Run("run-1", "/in", part.rows + skipped, skipped, **part.counts, fingerprint="f" * 64, policy="po" * 32,
              started_at=NOW, committed_at=done, metrics=metrics)  # fmt: skip
    return tables.commit_run(run, [part])


class Page(HTMLParser):
    """The page as a browser takes it: its elements with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_it_tells_the_run(tables) -> None:
    commit(
        tables,
        BASE,
        replace(BASE, uri="/in/b", name="b", decision="reject", reasons=("spam",)),
        replace(
            BASE, uri="/in/c", name="c", decision="error", reasons=("undecodable",), detail="no image", seconds=9.5
        ),
        skipped=4,
    )
    text = Page(render(tables, "run-1")).text
    for said in (
        "7 listed − 4 skipped = 1 accept + 0 review + 1 reject + 1 error",
        "every upload is accounted for",
        "undecodable error 1",
        "spam reject 1",
        "undecodable no image",
        "9.500",
        "reject from 0.9 (scams_and_fraud; precision: 0.98)",
        "review up to 30 (quality; score: 30)",
        "f" * 64,
        "text-screen 0.1.0",
        "decode-1",
    ):
        assert said in text, said


def test_a_reason_says_in_which_parts_it_was_found(tables) -> None:
    spam = replace(SPAM, parts=("main", "rest"))
    parts = tuple(
        ScreenedPart(place, "text", role, 9)
        for place, role in [("main", "main"), *((f"footer {i}", "rest") for i in range(4)), ("comment", "hidden")]
    )
    signals = tuple(Signal("bundle/a@1/spam", "spam", 0.95, Evidence(part=part.place)) for part in parts)
    held = replace(BASE, decision="reject", reasons=("scams_and_fraud",), thresholds=(spam,), parts=parts)
    commit(
        tables,
        replace(held, uri="/in/1.txt", signals=signals[:1]),
        replace(held, uri="/in/2.txt", signals=signals[:2]),
        replace(held, uri="/in/3.txt", signals=signals),
        replace(held, uri="/in/4.txt", signals=signals[1:2]),
    )
    text = Page(render(tables, "run-1")).text
    assert re.findall(r"txt scams_and_fraud( \([^)]*\))? text/plain", text.split("Slowest")[0]) == [
        "",
        " (footer 0, main)",
        " (footer 0, footer 1, footer 2 and 2 more)",
        " (footer 0)",
    ]
    assert "precision: 0.98; main, rest" in text


def test_what_uploaders_wrote_stays_text(tables) -> None:
    commit(
        tables,
        replace(BASE, uri=f"/in/{HOSTILE}", name=HOSTILE, decision="error", reasons=(HOSTILE,), detail=HOSTILE,
                content_type=HOSTILE, signals=(Signal(HOSTILE, HOSTILE, 0.5),)),
    )  # fmt: skip
    html = render(tables, "run-1")
    page = Page(html)
    assert not {tag for tag, _ in page.elements} & {"script", "img", "iframe", "object", "link", "form"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "<script>alert('x')</script>" in page.text
    assert "\u202e" not in html


def test_it_needs_nothing_else(tables) -> None:
    commit(tables, BASE)
    page = Page(render(tables, "run-1"))
    assert not [
        value for _, attributes in page.elements for name, value in attributes.items() if name in ("src", "href")
    ]
    style = " ".join(page.words)
    assert "url(" not in style
    assert "@import" not in style
    policies = [a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv")]
    assert policies
    assert "default-src 'none'" in str(policies[0])


def test_every_picture_has_words_for_it(tables) -> None:
    commit(tables, BASE)
    pictures = [attributes for tag, attributes in Page(render(tables, "run-1")).elements if tag == "svg"]
    assert [picture["aria-label"] for picture in pictures] == [
        "spam: 1 scores from 0 to 1; reject at 0.9",
        "too_short: 1 scores from 0 to 132; review at 30",
    ]


def test_a_run_that_decided_nothing_has_a_report_too(tables) -> None:
    commit(tables, skipped=3)
    assert "3 listed − 3 skipped = 0 accept" in Page(render(tables, "run-1")).text


def test_long_lists_are_cut_and_say_how_to_see_the_rest(tables) -> None:
    commit(tables, *(replace(BASE, uri=f"/in/{n:04}", name=f"n{n:04}", decision="reject") for n in range(150)))
    text = Page(render(tables, "run-1")).text
    assert "These are the first 100 of 150" in text
    assert "n0099" in text
    assert "n0100" not in text


def test_scores_that_are_no_numbers_do_not_break_it(tables) -> None:
    signals = tuple(Signal("check/odd@1", "odd", score) for score in (float("nan"), float("inf"), -2.0, 3.0))
    commit(tables, replace(BASE, signals=signals))
    assert "odd: 2 scores from -2 to" in render(tables, "run-1")


def test_it_is_written_beside_the_tables(tables, tmp_path) -> None:
    commit(tables, BASE)
    uri = write_report(tables, "run-1")
    assert uri == str(tmp_path / "reports" / "run-1.html")
    assert Path(uri).read_text() == render(tables, "run-1")


def test_a_run_that_is_not_committed_has_none(tables) -> None:
    commit(tables, BASE)
    with pytest.raises(ConfigError, match="run-2 is not committed"):
        render(tables, "run-2")


def test_the_summary_has_the_ledger(tables) -> None:
    run = commit(tables, BASE, replace(BASE, uri="/in/b", decision="review"), skipped=5)
    console = Console(record=True, width=120)
    console.print(summary_table(run))
    out = console.export_text()
    assert "7 listed - 5 skipped = 2 decided" in out
    assert re.search(r"accept\W+1\W+50\.0%", out)


def test_page_and_summary_say_what_held_the_decoders(tables) -> None:
    run = commit(tables, BASE)
    console = Console(record=True, width=120)
    console.print(summary_table(replace(run, sandbox="seccomp+landlock+limits")))
    console.print(summary_table(run))
    assert console.export_text().count("sandbox: ") == 1
    assert "decoder sandbox:" not in Page(render(tables, "run-1")).text


def test_work_is_rates_and_shares() -> None:
    run = Run("r", "/in", 24, 0, 24, 0, 0, 0, "f", "p", NOW, NOW + timedelta(seconds=12), COUNTED)
    work = work_of(run)
    assert work is not None
    assert (work.rate, work.worker_rate, work.padding, work.busy) == (2.0, 6.0, 0.1, 0.75)
    assert [(step.name, step.seconds, step.share) for step in work.steps] == [
        ("infer", 6.0, 0.75),
        ("read", 1.5, 0.1875),
        ("decode", 0.5, 0.0625),
    ]
    assert work_of(replace(run, metrics={})) is None


def test_work_without_a_model_has_no_shares_of_one() -> None:
    run = Run("r", "/in", 1, 0, 0, 0, 0, 1, "f", "p", NOW, NOW, {"uploads": 1})
    work = work_of(run)
    assert work is not None
    assert (work.rate, work.worker_rate, work.padding, work.busy, work.steps) == (None, None, None, None, ())
    assert dict(work.facts) == {"tokens": "0", "reused": "0", "retries": "0", "models loaded": "0"}


def test_page_and_summary_tell_the_work(tables) -> None:
    run = commit(tables, BASE, **COUNTED)
    text = Page(render(tables, "run-1")).text
    for said in ("uploads/s per worker 6", "engine busy 75.0%", "padding 10.0%", "retries 2", "models loaded 3",
                 "infer 6.00 75.0 %", "read 1.50 18.8 %"):  # fmt: skip
        assert said in text, said
    console = Console(record=True, width=160)
    console.print(summary_table(run))
    out = console.export_text()
    for said in ("engine busy 75.0%, padding 10.0%", "retries 2, models loaded 3", "infer 75%, read 19%, decode 6%"):
        assert said in out, said


def test_a_run_that_counted_nothing_says_nothing_of_work(tables) -> None:
    commit(tables, BASE)
    assert "models loaded" not in Page(render(tables, "run-1")).text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain.txt", "plain.txt"),
        ("ü ö 日本 🎉.txt", "ü ö 日本 🎉.txt"),
        ("a\x1b[31m\nb\x9b", "a\\x1b[31m\\x0ab\\x9b"),
        ("a\u202eb\u2028\ud800\U000e0001", "a\\u202eb\\u2028\\ud800\\U000e0001"),
    ],
)
def test_characters_that_steer_are_shown_as_escapes(text, shown) -> None:
    assert visible(text) == shown
