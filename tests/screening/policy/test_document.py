"""A policy file means what it shows: no tricks of YAML, and every value knows its line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.policy import PolicyError
from screening.policy.document import MAX_BYTES, read

LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (LAUGHS, 1, "&a: anchors and aliases are not allowed"),
        ("a: 1\nb:\n  <<: {c: 1}\n", 3, "a key is not text"),
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' appears twice, first on line 1"),
        ("a:\n  - b: 1\n    b: 2\n", 3, "key 'b' appears twice, first on line 2"),
        ("a: 1\non: 2\n", 2, "a key is not text"),
        ("a: 1\n? [x]\n: 2\n", 2, "a key is not text"),
        ("a: !!python/object/apply:os.system [x]\n", 1, "tag 'tag:yaml.org,2002:python/object/apply:os.system'"),
        ("a: 1\nb: !!binary aGk=\n", 2, "tag 'tag:yaml.org,2002:binary' is not allowed"),
        ("a: 1\nb: !!int x\n", 2, "'x' can't be read as a value"),
        ("a: 1\nb: 2026-01-01\n", 2, "'2026-01-01' is read as a date"),
        ("a: 1\n---\nb: 2\n", 2, "expected a single document"),
        ("a: 1\nb: [1, 2\n", 3, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: \x07\n", 2, "character #x0007"),
        ("- a\n", 1, "a policy is a mapping"),
        ("", 1, "a policy is a mapping"),
        ("just words\n", 1, "a policy is a mapping"),
        ("a:\n  " + "[" * 5000, 2, "nested deeper than 16 levels"),
    ],
)
def test_what_is_refused(text, line, what):
    with pytest.raises(PolicyError) as caught:
        read(text.encode(), "p.yaml")
    assert caught.value.line == line
    assert what in caught.value.what
    assert caught.value.fix
    assert str(caught.value).startswith(f"p.yaml:{line}: ")


def test_bytes_that_are_no_text_are_refused_with_their_line():
    with pytest.raises(PolicyError, match=r"p\.yaml:2: not UTF-8"):
        read(b"a: 1\nb: \xff\n", "p.yaml")


def test_a_file_that_is_far_too_large_is_refused():
    with pytest.raises(PolicyError, match="too large"):
        read(b"#" * (MAX_BYTES + 1), "p.yaml")


def test_every_value_knows_its_line():
    document = read(b"\xef\xbb\xbfa: 1\nb:\n  - c: x\n    d: [1.5,\n        true]\n", "p.yaml")
    assert document.value == {"a": 1, "b": [{"c": "x", "d": [1.5, True]}]}
    assert document.lines[("b", 0, "c")] == 3
    assert document.lines[("b", 0, "d")] == 4
    assert document.lines[("b", 0, "d", 1)] == 5


@given(st.binary(max_size=60) | st.text(alphabet="a:-[]{}&*!?|>'\"#% \n\t0.", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data):
    with suppress(PolicyError):
        assert isinstance(read(data, "p.yaml").value, dict)
