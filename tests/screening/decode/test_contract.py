"""What every decoder keeps, whatever the bytes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from screening.content import Content, Document, Picture, Text
from screening.decode import DECODERS, MAX_SIDE, REASONS, Limits, decode, sniff
from screening.errors import UploadError
from tests.pace import times

LIMITS = Limits(max_bytes=1 << 20, max_pixels=1_000_000, max_frames=20, max_text_chars=20_000, max_nesting=16)
FUZZ = settings(
    max_examples=times(60, 12),
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")  # Pillow, of damage


def outcome(data: bytes) -> Document | UploadError:
    try:
        return decode(data, LIMITS)
    except UploadError as error:
        return error


def keeps_the_contract(data: bytes) -> None:
    """Content that can be stored and classified, or a reason that people can look up."""
    document = outcome(data)
    if isinstance(document, UploadError):
        assert document.reason in REASONS
        assert len(document.detail) < 200
        return
    assert document.media_type == sniff(data)
    assert document.parts[0].role == "main"
    assert len({part.place for part in document.parts}) == len(document.parts)
    for part in document.parts:
        holds_the_contract(part.content)


def holds_the_contract(content: Content) -> None:
    if isinstance(content, Text):
        assert 0 < len(content.text) <= LIMITS.max_text_chars
        for fact in (content.text, content.title):
            fact.encode()
            assert "\0" not in fact
            assert "\r" not in fact
    else:
        assert isinstance(content, Picture)
        assert content.pixels.dtype == np.uint8
        assert content.pixels.ndim == content.pixels.shape[2] == 3
        assert 0 < max(content.pixels.shape[:2]) <= MAX_SIDE
        assert content.width * content.height <= LIMITS.max_pixels


@FUZZ
@given(st.binary(max_size=400))
def test_any_bytes(data):
    keeps_the_contract(data)


@FUZZ
@given(st.text(max_size=400), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "shift_jis"]))
def test_any_text(text, charset):
    keeps_the_contract(text.encode(charset, "ignore"))


SPICE = [
    "#",
    "\n",
    " ",
    "*",
    "_",
    "`",
    "```",
    "[",
    "](",
    ")",
    "!",
    ">",
    "- ",
    "1. ",
    "|",
    "---",
    "<",
    "/>",
    "<p>",
    "</p>",
]
SPICE += [
    "<div",
    "<!--",
    "-->",
    "<table>",
    "<td>",
    "<html",
    "<body>",
    "<script>",
    "&amp;",
    "&#0;",
    "&#xD800;",
    "a",
    "é",
    "\t",
]


@FUZZ
@given(
    st.lists(st.sampled_from(SPICE), max_size=60), st.sampled_from(["# t\n\n", "<html><body>", "---\na: b\n---\n", ""])
)
def test_any_markup(pieces, start):
    keeps_the_contract((start + "".join(pieces)).encode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("<p>a&#0;</p>"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["text", "name", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@FUZZ
@given(st.dictionaries(st.sampled_from(["text", "body", "title", "author", "date", "lang", "x.y"]), VALUES))
def test_any_json(document):
    keeps_the_contract(json.dumps(document).encode())


@pytest.mark.parametrize("media_type", DECODERS)
@FUZZ
@given(data=st.data())
def test_valid_uploads_cut_off_anywhere(media_type, valid, data):
    whole = valid[media_type]
    keeps_the_contract(whole[: data.draw(st.integers(0, len(whole)))])


@pytest.mark.parametrize("media_type", DECODERS)
@FUZZ
@given(data=st.data())
def test_valid_uploads_with_bytes_changed(media_type, valid, data):
    damaged = bytearray(valid[media_type])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    keeps_the_contract(bytes(damaged))


@pytest.mark.parametrize("media_type", DECODERS)
@FUZZ
@given(middle=st.binary(max_size=60), share=st.floats(0, 1))
def test_valid_uploads_with_bytes_put_in(media_type, valid, middle, share):
    whole = valid[media_type]
    place = int(len(whole) * share)
    keeps_the_contract(whole[:place] + middle + whole[place:])


@pytest.mark.parametrize("media_type", DECODERS)
def test_every_decoder_says_what_it_does(media_type):
    from screening.decode.dispatch import decoder_for

    described = decoder_for(media_type).__doc__ or ""
    assert "UploadError" in described
