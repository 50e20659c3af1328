"""A host on a block bank is found wherever an upload leads to it or names it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from screening.checks.hashes import load_bank, match
from screening.content import Document, Link, Part, Text
from screening.errors import ConfigError
from screening.settings import SHIPPED_POLICY, load_settings


def bank(folder: Path, *hosts: str, use: str = "block"):
    file = folder / "hosts.jsonl"
    file.write_text("".join(json.dumps({"host": host, "id": f"entry-{i}"}) + "\n" for i, host in enumerate(hosts, 1)))
    return load_bank(str(file), "hosts", use)


def found(document: Document, *banks) -> list[tuple[str, str, str]]:
    signals = match("0" * 64, document, banks)
    assert all((each.label, each.score) == ("known_host", 1.0) for each in signals)
    return [(each.source, each.evidence.note, each.evidence.part) for each in signals]


def page(text: str, *links: Link) -> Document:
    return Document(
        "text/html", (Part("main", "main", Text("Words.")), Part("footer", "rest", Text(text))), links=links
    )


def test_a_link_to_a_host_or_below_it_matches(tmp_path):
    known = bank(tmp_path, "evil.example", "other.example")
    assert found(page("x", Link("footer", "www.evil.example")), known) == [
        ("bank/hosts", "www.evil.example, entry entry-1", "footer")
    ]
    assert found(page("x", Link("footer", "notevil.example")), known) == []


@pytest.mark.parametrize(
    "text", ["go to evil.example.", "https://a.EVIL.example/x", "write to a@evil.example", "ｅvil.example/?a=b"]
)
def test_a_text_that_names_it_matches(tmp_path, text):
    [(_, note, part)] = found(page(text), bank(tmp_path, "evil.example"))
    assert (note.partition(",")[2], part) == (" entry entry-1", "footer")


def test_hosts_are_told_in_the_spelling_of_people(tmp_path):
    known = bank(tmp_path, "Bücher.example")
    assert found(page("x", Link("main", "xn--bcher-kva.example")), known)


@pytest.mark.parametrize(
    ("host", "use", "said"),
    [
        ("co.uk", "block", "strangers share"),
        ("https://evil.example/", "block", "not a host"),
        ("evil", "block", "not a host"),
        ("good.example", "allow", "use: allow"),
    ],
)
def test_what_would_match_too_much_is_refused(tmp_path, host, use, said):
    with pytest.raises(ConfigError, match=said):
        bank(tmp_path, host, use=use)


def test_a_host_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "hosts.jsonl").write_text('{"host": 5, "id": "x"}\n')
    with pytest.raises(ConfigError, match="not a bank entry"):
        load_bank(str(tmp_path / "hosts.jsonl"), "hosts", "block")


def test_hosts_without_a_category_are_refused(tmp_path):
    policy = yaml.safe_load(Path(SHIPPED_POLICY).read_text())
    for each in policy["banks"]:
        each["file"] = str(Path(SHIPPED_POLICY).parent / each["file"])
    policy["categories"] = [each for each in policy["categories"] if each["signal"] != "known_host"]
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
    with pytest.raises(ConfigError, match="blocks hosts, but no category has `signal: known_host`"):
        load_settings(str(tmp_path / "policy.yaml"))
