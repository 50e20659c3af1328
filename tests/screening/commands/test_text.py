"""`explain --text` shows what was scored, and what the findings point at; it never shows another text as that one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from screening.decode import decoder_version
from screening.decode.limits import Fields
from screening.records import Evidence, Run, ScreenedPart, Signal
from screening.storage import open_store
from screening.tables import ResultTables
from tests.screening.commands.conftest import BASE, NOW, PRINT

PAGE = (
    "<html><body><article><h1>News</h1><p>The bridge is open again, and people walk over it all day long.</p></article>"
    "<footer>buy \x1b[31mthis now</footer></body></html>"
)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """An upload with a finding in its footer, and the tables of its run in `tmp_path`."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "page.html"
    path.write_text(PAGE)
    [upload] = open_store(str(tmp_path / "in")).list(str(tmp_path / "in"))
    verdict = replace(
        BASE,
        uri=upload.uri,
        name=upload.name,
        generation=upload.generation,
        decision="reject",
        reasons=("scams_and_fraud",),
        signals=(Signal("bundle/text-screen@0.1.0/spam", "spam", 0.95, Evidence(0, 0, 3, part="footer")),),
        parts=(ScreenedPart("main", "text", "main", 60, "en"), ScreenedPart("footer", "text", "rest", 12, "en")),
        fingerprint=replace(PRINT, decoder=decoder_version(Fields())),
    )
    tables = ResultTables(str(tmp_path / "results"))
    part = tables.write_part("run-1", [verdict])
    tables.commit_run(Run("run-1", str(tmp_path / "in"), 1, 0, 0, 0, 1, 0, PRINT.digest, "po", NOW, NOW), [part])
    return path


def test_every_part_is_shown_with_what_the_findings_point_at(screening, page):
    code, out, _ = screening("explain", str(page), "--results", str(page.parents[1] / "results"), "--text")
    assert code == 0
    assert "main (main, " in out
    assert "The bridge is open again" in out
    assert "footer (rest, " in out
    assert "\n⟦spam: buy⟧ " in out
    assert "\x1b" not in out
    assert "Mind" not in out


def test_without_the_flag_no_text_is_shown(screening, page):
    out = screening("explain", str(page), "--results", str(page.parents[1] / "results"))[1]
    assert "bridge" not in out
    assert "footer (12 characters)" in out


def test_as_json_the_spans_come_with_their_parts(screening, page):
    flags = ("--results", str(page.parents[1] / "results"), "--text", "--format", "json")
    said = json.loads(screening("explain", str(page), *flags)[1])["text"]
    [footer] = [part for part in said["parts"] if part["place"] == "footer"]
    assert footer["spans"] == [{"label": "spam", "start": 0, "end": 3}]
    assert said["doubt"] == ""


def test_another_text_than_the_screened_one_is_said_to_be_another(screening, page):
    page.write_text(PAGE.replace("bridge", "tunnel"))
    out = screening("explain", str(page), "--results", str(page.parents[1] / "results"), "--text")[1]
    assert "Mind: the object was replaced since it was screened" in out


def test_an_upload_that_is_gone_is_an_error(screening, page):
    page.unlink()
    code, _, err = screening("explain", str(page), "--results", str(page.parents[1] / "results"), "--text")
    assert code == 2
    assert "not_found" in err
