"""A link that leads to another host than it reads like is found, by all tricks; ordinary links are not."""

from __future__ import annotations

import pytest

from screening.checks.document import about
from screening.checks.links.deceptive import deceptive
from screening.checks.links.domains import is_suffix, looks_like, registered
from screening.content import Document, Link, Part, Text
from screening.records import Upload


def with_link(host: str, says: str) -> Document:
    return Document("text/html", (Part("main", "main", Text("Words.")),), links=(Link("main", host, says),))


def with_text(text: str) -> Document:
    return Document("text/plain", (Part("main", "main", Text(text)),))


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("evil.example", "www.bank.example"),
        ("bank.example.evil.test", "bank.example"),
        ("bank-example.com", "bank.com"),
        ("evil.co.uk", "bank.co.uk"),
        ("evil.github.io", "bank.github.io"),
        ("203.0.113.9", "bank.com"),
    ],
)
def test_another_owner_is_deception(host, says):
    assert deceptive(with_link(host, says)) == [Link("main", host, says)]


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("login.bank.co.uk", "www.bank.co.uk"),
        ("bank.com", "www.bank.com"),
        ("evil.example", ""),
        ("evil.example", "node.js"),  # no end of a host that anybody could have
        ("evil.example", "3.5"),
        ("project.readthedocs.io", "readthedocs.io"),
        ("xn--mnchen-3ya.de", ""),
        ("xn--80a1acny.xn--p1ai", ""),  # an ordinary word of Russian, with a Russian end
    ],
)
def test_ordinary_links_are_not(host, says):
    assert deceptive(with_link(host, says)) == []


def test_names_before_an_at_are_found_in_texts():
    found = deceptive(with_text("Sign in at https://www.bank.com@evil.example/x today, or write to jane@bank.com."))
    assert found == [Link("main", "evil.example", "www.bank.com")]


def test_letters_that_look_like_others_are_found_in_texts():
    [mixed] = deceptive(with_text("Sign in at https://pаypal.com/ today"))  # the first `а` is Cyrillic
    assert mixed.says == "paypal.com"
    [whole] = deceptive(with_text("Sign in at www.аррӏе.com today"))  # all of it is
    assert (whole.host, whole.says) == ("www.xn--80ak6aa92e.com", "www.apple.com")
    assert deceptive(with_text("Visit https://münchen.de or https://пример.рф")) == []


def test_evidence_names_the_part_and_both_hosts_and_nothing_else():
    document = with_link("evil.example", "bank.example")
    [signal] = [each for each in about(document, Upload("", "page.html", 0, 1)) if each.label == "deceptive_link"]
    assert (signal.source, signal.score) == ("document/deceptive_link@1", 1.0)
    assert signal.evidence.note == "in main a link reads bank.example and leads to evil.example"


def test_what_an_owner_registered():
    assert registered("a.b.bank.co.uk") == "bank.co.uk"
    assert registered("a.bank.example") == "bank.example"
    assert registered("192.0.2.1") == registered("node.js") == ""
    assert is_suffix("co.uk")
    assert is_suffix("com")
    assert not is_suffix("bank.co.uk")


def test_what_cannot_be_decoded_looks_like_nothing():
    assert looks_like("xn--\u00e9.com") == looks_like("xn--99999999999.com") == ""
