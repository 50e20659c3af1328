"""Sentences in scripts are found, and code is none."""

from __future__ import annotations

import pytest

from screening.decode.texts.scripts import script_texts


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ('x = "We are all here today, friends."', ["We are all here today, friends."]),
        ("x = 'it\\'s all \\u0068ere \\x66or you'", ["it's all here for you"]),
        ("x = `we are <b>all</b> here ${when} today`", ["we are all here   today"]),
        ("document.write('<p>we are all here today</p><p>short</p>')", ["we are all here today"]),
        ("x = 'we are ' + \"all here \" +\n'today'", ["we are all here today"]),
        ('{"a": [{"b": "we are all here today", "c": 1}]}', ["we are all here today"]),
        ('x = "\\ud83d\\ude00 we are all here today"', ["😀 we are all here today"]),
        ("x = '図書館は八か月の改修を終えて再開します'", ["図書館は八か月の改修を終えて再開します"]),
        ("x = /'/; y = 'we are all here today'", ["we are all here today'"]),
        ("x = `a ${`we are all here today`}`", ["we are all here today"]),
        ("eval(\"y = 'we are all here today'\")", ["we are all here today"]),
        ("we are all here today", ["we are all here today"]),  # a script can read what stands in another one
        ("// don't say\nx = 'we are all here today'", ["we are all here today"]),
    ],
)
def test_sentences(code, texts):
    assert script_texts(code) == texts


@pytest.mark.parametrize(
    "code",
    [
        "x = 'few words only'",
        "x = 'https://example.org/some/words/that/are/a/path'",
        """x = '<p class="a b c d e f g">few words</p>'""",
        "x = 'flex items-center justify-between rounded-md text-sm'",
        "x = 'if (a) { return b; } else { c = d; }'",
        "x = 'margin: 0; padding: 0; color: red; border: none; top: 0;'",
        "x = 'iVBORw0KGgo AAAANSUhEUg AAA1 BBB2 CCC3 DDD4'",
        "// We are all here today\n/* and tomorrow and the day after */",
    ],
)
def test_code_is_no_text(code):
    assert script_texts(code) == []
