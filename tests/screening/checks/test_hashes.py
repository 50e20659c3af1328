"""Known content is found by its bytes or by how it looks, and broken banks stop the job."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from screening.checks.hashes import load_bank, match, pdq
from screening.content import Document, Part, Text
from screening.errors import ConfigError
from screening.records import ROLES, Evidence, NotLookedAt

SHA = hashlib.sha256(b"known").hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


@pytest.fixture
def bank(tmp_path):
    def write(*rows, use="block", max_distance=31, id="test"):
        path = tmp_path / f"{id}.jsonl"
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return load_bank(str(path), id, use, max_distance)

    return write


def exact(value, entry="entry"):
    return {"type": "sha256", "hash": value, "id": entry}


def seen(pixels, entry="seen", flip=0):
    """The bank row of a picture whose hash has `flip` bits changed."""
    value = int.from_bytes(pdq(pixels)[0]) ^ ((1 << flip) - 1)
    return {"type": "pdq", "hash": value.to_bytes(32).hex(), "id": entry}


def test_the_same_bytes_match_whatever_they_are(bank, lab):
    known = bank(exact(OTHER), exact(SHA, "abc"))
    for document in (None, lab.text_alone("words"), lab.picture_alone(lab.photograph())):
        (signal,) = match(SHA, document, [known])
        assert (signal.source, signal.label, signal.score) == ("bank/test", "known_hash", 1.0)
        assert signal.evidence == Evidence(note="sha256, entry abc")
    assert match("0" * 64, None, [known]) == []


def test_hashes_may_be_written_in_capitals(bank):
    assert match(SHA, None, [bank(exact(SHA.upper()))])


def test_an_allow_bank_says_known_good(bank):
    assert match(SHA, None, [bank(exact(SHA), use="allow")])[0].label == "known_good"


@pytest.mark.parametrize("flip", [0, 1, 31, 32, 200])
def test_pictures_match_within_the_distance(flip, bank, lab):
    pixels = lab.photograph()
    signals = match("0" * 64, lab.picture_alone(pixels), [bank(seen(pixels, flip=flip))])
    if flip > 31:
        assert signals == []
    else:
        assert signals[0].score == 1 - flip / 256
        assert signals[0].evidence.note == f"pdq distance {flip}, entry seen"


def test_the_nearest_entry_is_named(bank, lab):
    pixels = lab.photograph()
    rows = [seen(pixels, "far", 20), seen(pixels, "near", 3), seen(lab.photograph(9), "other"), seen(pixels, "tie", 3)]
    assert match("0" * 64, lab.picture_alone(pixels), [bank(*rows)])[0].evidence.note == "pdq distance 3, entry near"


def test_a_bank_has_a_distance_of_its_own(bank, lab):
    pixels = lab.photograph()
    assert match("0" * 64, lab.picture_alone(pixels), [bank(seen(pixels, flip=5), max_distance=4)]) == []


def test_a_smaller_recompressed_copy_matches(bank, lab):
    pixels = lab.photograph(4)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize((400, 300)).save(stream, "JPEG", quality=30)
    copy = np.asarray(Image.open(stream))
    assert match("0" * 64, lab.picture_alone(copy), [bank(seen(pixels))])


ACTS = {
    "mirrored": lambda pixels: pixels[:, ::-1],
    "upside down and mirrored": lambda pixels: pixels[::-1],
    "turned by 180°": lambda pixels: pixels[::-1, ::-1],
    "turned by 90°": lambda pixels: np.rot90(pixels, -1),
    "turned by 270°": np.rot90,
    "turned by 90° and mirrored": lambda pixels: np.rot90(pixels, -1)[:, ::-1],
    "turned by 270° and mirrored": lambda pixels: np.rot90(pixels)[:, ::-1],
}


@pytest.mark.parametrize("how", ACTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_turned_or_mirrored_copy_matches_and_the_evidence_says_how(how, seed, bank, lab):
    original = lab.photograph(seed)
    (signal,) = match("0" * 64, lab.picture_alone(ACTS[how](original)), [bank(seen(original), seen(lab.photograph(9)))])
    assert signal.score > 1 - 16 / 256
    assert f", {how}, entry seen" in signal.evidence.note


def test_a_copy_with_a_border_matches_turned_or_not(bank, lab):
    original = lab.photograph(4)
    framed = ImageOps.expand(Image.fromarray(original), (0, 90), "black")
    (signal,) = match("0" * 64, lab.picture_alone(np.asarray(framed)), [bank(seen(original))])
    assert ", with a border, entry seen" in signal.evidence.note
    turned = np.asarray(framed.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    (signal,) = match("0" * 64, lab.picture_alone(turned), [bank(seen(original))])
    assert ", mirrored, with a border, entry seen" in signal.evidence.note


@pytest.mark.parametrize(
    "act", [ACTS["mirrored"], lambda pixels: np.asarray(ImageOps.expand(Image.fromarray(pixels), (0, 90), "black"))]
)
def test_an_allowed_picture_is_known_only_as_it_is(act, bank, lab):
    """Something could be written into its border, and a word in a mirror may be another."""
    known = bank(seen(lab.photograph()), use="allow")
    assert match("0" * 64, lab.picture_alone(lab.photograph()), [known])
    assert match("0" * 64, lab.picture_alone(act(lab.photograph())), [known]) == []


@pytest.mark.parametrize("role", ROLES)
def test_a_known_picture_is_found_in_any_part_and_the_evidence_names_it(role, bank, lab):
    pixels = lab.photograph()
    parts = (
        Part("main", "main", Text("words")),
        Part("picture 1", "main", lab.as_picture(lab.photograph(9))),
        Part("picture 2", role, lab.as_picture(pixels)),
    )
    (signal,) = match("0" * 64, Document("text/html", parts), [bank(seen(pixels))])
    assert signal.evidence == Evidence(note="pdq distance 0, entry seen", part="picture 2")


def test_a_banked_picture_is_known_whatever_else_there_is_and_an_allowed_one_only_alone(bank, lab):
    picture, other = lab.as_picture(lab.photograph()), lab.as_picture(lab.photograph(9))
    blocked, allowed = bank(seen(picture.pixels)), bank(seen(picture.pixels), use="allow", id="allow")
    alone = lab.document(picture)
    more = (
        lab.document(picture, other),
        lab.document(picture, Text("words")),
        replace(alone, not_looked_at=(NotLookedAt("frame", 3, "more than the limit"),)),
    )
    assert [signal.label for signal in match("0" * 64, alone, [blocked, allowed])] == ["known_hash", "known_good"]
    for document in more:
        assert [signal.label for signal in match("0" * 64, document, [blocked, allowed])] == ["known_hash"]
        assert match(SHA, document, [bank(exact(SHA), use="allow")]), "bytes are known with all that is in them"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_other_pictures_match_in_no_orientation(seed, bank, lab):
    rows = [seen(lab.photograph(other)) for other in range(20, 40)]
    assert match("0" * 64, lab.picture_alone(lab.photograph(seed)), [bank(*rows)]) == []


def test_pictures_without_detail_never_match_by_looks(bank, lab):
    plain = np.full((100, 100, 3), 50, np.uint8)
    assert match("0" * 64, lab.picture_alone(plain), [bank(seen(plain))]) == []


def test_every_bank_speaks_for_itself(bank, lab):
    banks = [bank(exact(SHA), id="one"), bank(exact(OTHER), id="two"), bank(exact(SHA), id="three", use="allow")]
    found = [(signal.source, signal.label) for signal in match(SHA, lab.text_alone("words"), banks)]
    assert found == [("bank/one", "known_hash"), ("bank/three", "known_good")]


def test_the_digest_is_that_of_the_file(bank, tmp_path):
    assert bank(exact(SHA)).digest == hashlib.sha256((tmp_path / "test.jsonl").read_bytes()).hexdigest()


@pytest.mark.parametrize("lines", [(), ("",), ("  ", "")])
def test_an_empty_bank_is_refused(bank, lines):
    with pytest.raises(ConfigError, match=r"test\.jsonl:1: bank test is empty"):
        bank(*lines)


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '{"type": "sha256", "hash": "ab", "id": "short"}',
        '{"type": "md5", "hash": "' + "0" * 64 + '", "id": "x"}',
        '{"type": "pdq", "hash": "' + "z" * 64 + '", "id": "x"}',
        '{"type": "pdq", "hash": 7, "id": "x"}',
        '{"type": "pdq", "id": "x"}',
    ],
)
def test_a_bad_line_stops_the_job_and_is_named(line, bank, tmp_path):
    with pytest.raises(ConfigError) as stop:
        bank(exact(SHA), "", line)
    assert (stop.value.file, stop.value.line) == (str(tmp_path / "test.jsonl"), 3)
    assert stop.value.fix


def test_a_missing_bank_stops_the_job(tmp_path):
    with pytest.raises(ConfigError) as stop:
        load_bank(str(tmp_path / "none.jsonl"), "none", "block")
    assert stop.value.file.endswith("none.jsonl")


@pytest.mark.parametrize("distance", [-1, 256])
def test_an_impossible_distance_stops_the_job(distance, bank):
    with pytest.raises(ConfigError):
        bank(exact(SHA), max_distance=distance)
