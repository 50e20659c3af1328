"""What a style puts into a page is found, however it is spelled, and nothing else of the style."""

from __future__ import annotations

import pytest

from screening.decode.texts.styles import read_style


@pytest.mark.parametrize(
    ("style", "texts"),
    [
        (".x::after{content:'some words'}", ["some words"]),
        ('.x::after{CONTENT : "it\'s; said}"; color: red}', ["it's; said}"]),
        (r".x::after{content:'\68 ate\000021 '}", ["hate!"]),
        (r".x::after{c\6fntent:'some words'}", ["some words"]),
        (".x::after{content:/* no */'some ' attr(x) \"words\"}", ["some words"]),
        ("/* content:'a comment' */ q{quotes:'one two' 'three'}", ["one two three"]),
        ("content:'of an attribute'", ["of an attribute"]),
        ("@counter-style x{symbols:'some words'}li{list-style-type:'other words'}", ["some words", "other words"]),
        (".a::after{content:'s'}.b::after{content:'o'}.c::after{content:'!'}.d::after{content:'y'}", ["soy"]),
        ("p{font-family:'Some Font'}a[href='some words']{color:red}.x::after{content:'\\f101'}", []),
        (".x::after{content:'not closed", ["not closed"]),
    ],
)
def test_texts(style, texts):
    assert [" ".join(text.split()) for text in read_style(style).texts] == texts


def test_variables_are_shown_where_a_style_asks_for_them():
    style = read_style(":root{--said:'some words'}.x::before{content:var(--said)}")
    assert (style.texts, style.variables, style.asks) == ([], ["some words"], True)
    assert not read_style(":root{--font:'Some Font'}.x{font-family:var(--font)}").asks


def test_attributes_and_files():
    style = '.x::after{content:attr( data-said )}.y{background:url("data:image/svg+xml,<svg><text>a b</text></svg>")}'
    assert read_style(style).attributes == {"data-said"}
    assert read_style(style).files == ["data:image/svg+xml,<svg><text>a b</text></svg>"]
