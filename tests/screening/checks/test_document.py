"""What is odd about a document as a whole is said, and nothing is said of one that is not odd."""

from __future__ import annotations

from dataclasses import replace

from screening.checks import ALL_CHECKS, DOCUMENT_CHECKS, about
from screening.checks.document import MAX_NOTE
from screening.content import Part, Text
from screening.records import Evidence, NotLookedAt, Signal, Upload

UPLOAD = Upload("/in/a", "a", 1, 5)


def test_a_document_that_was_looked_at_whole_is_not_odd(lab):
    assert list(about(lab.text_alone("words"), UPLOAD)) == []


def test_what_was_not_looked_at_is_counted_and_said_with_its_reason(lab):
    missed = (NotLookedAt("frame", 12, "more than 8"), NotLookedAt("embedded file", 1, "there is no reader for it"))
    note = "12 × frame: more than 8; 1 × embedded file: there is no reader for it"
    assert list(about(replace(lab.text_alone("words"), not_looked_at=missed), UPLOAD)) == [
        Signal("document/not_looked_at@1", "not_looked_at", 13.0, Evidence(note=note))
    ]


def test_of_many_reasons_the_first_are_said_and_all_are_counted(lab):
    missed = tuple(NotLookedAt(f"embedded {number}", 2, "undecodable") for number in range(1000))
    [signal] = about(replace(lab.text_alone("words"), not_looked_at=missed), UPLOAD)
    assert signal.score == 2000
    assert signal.evidence.note.startswith("2 × embedded 0: undecodable; 2 × embedded 1: ")
    assert len(signal.evidence.note) <= MAX_NOTE


def test_disguised_words_are_counted_in_all_parts_with_their_places(lab):
    document = lab.text_alone("I will k1ll them th0se f1lthy people")
    title = Part("title", "title", Text("Sh!t"))
    assert list(about(replace(document, parts=(*document.parts, title)), UPLOAD)) == [
        Signal("document/disguised@2", "disguised", 4.0, Evidence(note=f"in {document.parts[0].place}, title"))
    ]


def test_no_two_checks_have_one_name():
    names = [check.name for check in (*ALL_CHECKS, *DOCUMENT_CHECKS)]
    assert len(set(names)) == len(names)


def test_a_claim_that_does_not_fit_is_said(lab):
    page = replace(lab.text_alone("words"), media_type="text/html")
    [signal] = about(page, Upload("/in/a.png", "a.png", 1, 5, "image/png"))
    assert (signal.label, signal.score) == ("type_mismatch", 2)
    assert "the bytes are text/html, but the content type says image/png" in signal.evidence.note


def test_what_stands_behind_a_picture_is_said_with_its_size(lab):
    [signal] = about(replace(lab.text_alone("words"), trailing="text/html", trailing_bytes=321), UPLOAD)
    assert (signal.label, signal.score, signal.evidence.note) == ("trailing_data", 321, "behind the picture: text/html")
