"""A disguised text is read as a person reads it, and nothing else is changed."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.checks.disguise import disguises, fold
from screening.checks.lookalikes import ALIKE, SMALL_CAPITALS
from screening.checks.vocabulary import HARSH, words

PLAIN = "I will come to your house tonight and I will kill you and your whole family, and I hope they all die."
COMMON = sorted(word for word in words() if len(word) > 3)
SENTENCES = st.lists(st.sampled_from(COMMON), min_size=6, max_size=30).map(lambda some: f"He said: {' '.join(some)}.")


def within(text: str, sign: str) -> str:
    return re.sub(r"(?<=[A-Za-z])(?=[A-Za-z])", sign, text)


def shifted(text: str, small: int, capital: int) -> str:
    return re.sub(r"[a-zA-Z]", lambda s: chr(ord(s[0]) + (small - 97 if s[0] >= "a" else capital - 65)), text)


def replaced(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(sign, sign) for sign in text)


CYRILLIC = dict(zip("aeopcyxi", "аеорсухі", strict=True))
GREEK = dict(zip("oAEI", "οΑΕΙ", strict=True))
CAPITALS = {chr(letter): chr(sign) for sign, letter in SMALL_CAPITALS.items() if chr(sign) != "ғ"} | {
    "s": "s",
    "x": "x",
}
DISGUISES = {
    "zero width": lambda text: within(text, "\u200b"),
    "non-joiner": lambda text: within(text, "\u200c"),
    "word joiner": lambda text: within(text, "\u2060"),
    "soft hyphen": lambda text: within(text, "\u00ad"),
    "variation selector": lambda text: within(text, "\ufe0f"),
    "grapheme joiner": lambda text: within(text, "\u034f"),
    "struck through": lambda text: within(text, "\u0336"),
    "zalgo": lambda text: within(text, "\u0310\u0346\u033c\u0316"),
    "bold": lambda text: shifted(text, 0x1D41A, 0x1D400),
    "script": lambda text: shifted(text, 0x1D4EA, 0x1D4D0),
    "full width": lambda text: shifted(text, 0xFF41, 0xFF21),
    "circled": lambda text: shifted(text, 0x24D0, 0x24B6),
    "override": lambda text: f"\u202e{text[::-1]}\u202c",
}


@pytest.mark.parametrize("disguise", DISGUISES)
@settings(max_examples=20)
@given(text=SENTENCES)
def test_each_disguise_of_any_words_is_undone(disguise, text):
    plain = fold(text)  # words that happen to stand side by side may look like one that is split
    assert fold(DISGUISES[disguise](plain)) == plain


@pytest.mark.parametrize(
    ("disguised", "count"),
    [
        (replaced(PLAIN, CYRILLIC), 12),
        (replaced(PLAIN, GREEK), 5),
        (replaced(PLAIN.lower(), CAPITALS), 15),
        ("I w1ll k1ll y0u and your wh0le f4mily, and I h0pe they all d1e.", 6),
        ("sh!t, b!tch, @ss and $ex", 4),
        ("they should h@te and k!ll", 2),
        ("I w i l l   k i l l   y o u", 2),
        ("I will k.i.l.l. you", 1),
        ("I will k-i-l-l you", 1),
        ("I hate all ha*te, ki*ll them", 2),
        ("I will k*ll you, f*lthy v*rmin", 3),
        ("I will ki-ll them", 1),
        (f"Fine words.{''.join(chr(0xE0000 + ord(sign)) for sign in 'kill them')}", 2),
    ],
)
def test_disguised_words_are_counted(disguised, count):
    assert disguises(disguised) >= count
    assert not set(fold(disguised)) - set(map(chr, range(128)))


def test_kinds_of_spelling_are_read():
    assert fold("I w1ll k1ll y0u and your wh0le f4mily!") == "I will kill you and your whole family!"
    assert fold("I w i l l   k i l l   y o u") == "I will kill you"
    assert fold("I will k.i.l.l. you") == "I will kill you"
    assert fold("Fine words.\n" + "\n".join("killthemtonight")) == "Fine words.\nkill them tonight"
    assert fold("I will k*ll you, f*lthy v*rmin") == "I will kill you, filthy vermin"
    assert fold("I will k ill your fam ily, fil thy ver min") == "I will kill your family, filthy vermin"
    assert fold("Fine.\U000e006b\U000e0069\U000e006c\U000e006c") == "Fine.\nkill"
    assert fold("k\u200b1ll th\u0435m") == "kill them"


@pytest.mark.parametrize(
    "text",
    [
        "Grades\nA\nB\nA\nC\nD\nE",
        "The U.S.A., the U.S.S.R. and N.A.T.O. met at 5 p.m., e.g. in D.C.",
        "Choose a b c d or e; a. b. c. d. are options. A B C D E F G",
        "f**k, sh** and d*mn are how papers write it, a*b = c*d and 2*pi*r",
        "4th of July, 3D, 10k, mp3s, log4j, i18n, b2b, H5N1, SW1A 1AA, COVID19, h264, 5am, R2D2, w3schools, se7en",
        "@g1rl wrote to h4te@example.org at https://example.org/k1ll #h4te user_n4me $PATH ${ex} C++ $AAPL 0xc0de",
        "deadb33f a3f5c1e2 9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "TNFα, NFκB, β-carotene, μm, Δx, 5 kΩ, sin α + cos β, ρgh",
        "𝑓(𝑥) = 𝑎𝑥² + 𝑏𝑥 + 𝑐, ∫𝑓𝑑𝑥, ℝ, ℏ, x̄ and p̂, ½ m², H₂O, 1ˢᵗ, ™, №, ①, Ⓐ",
        "IPA: /ˈkɪlɪŋ/ [ɡəʊ] ʃɪp ɪʔ",
        "👨‍👩‍👧‍👦 ❤️ 1️⃣ 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 🅰️ 🇺🇸 ☎️",
        "I don t know what we ll do, it s late; vitamin C is good, plan B failed, a T shirt, an e mail.",
        "An e-mail to co-workers: re-elect the ex-minister, well-known and up-to-date.",
        "for i in range(10): x[i] = a*b; print(f'{k1}', v1.k2, int32, utf8, x86_64, foo$bar, a|b, !done)",
        "naïve café Zoë Łódź São Paulo Dvořák Nguyễn Việt Nam ẹ̀kọ́",
        "La cotorra verde es de código abierto, y ver a los niños es de cómo.",
        "Пользователь купил iPhone и SMSки, а COP в СССР это МЫ.",
        "Η ομάδα είπε ότι το Internet είναι εδώ. Δεν ξέρω.",
        "ＮＨＫとＷＨＯのＴシャツ。ＡＢＣニュース",
        "می‌خواهم کتاب‌ها را بخوانم",
        "क्‍ष ज्ञ हिन्दी में",
        "שָׁלוֹם עולם \u200fא\u200e",
    ],
)
def test_what_is_no_disguise_stays(text):
    assert fold(text) == text
    assert disguises(text) == 0


def test_letters_that_go_from_right_to_left_anyway_are_not_turned():
    assert fold("\u202eمرحبا\u202c") == "\u202eمرحبا\u202c"


def test_where_a_line_may_break_two_words_stay_two():
    assert fold("Keys\u200bThings and/\u200bor") == "Keys\u200bThings and/\u200bor"


@settings(max_examples=200)
@given(
    st.text(
        st.sampled_from(f"{PLAIN}014@$!*+-._ \n\u200b\u00ad\u202e\u202c\u0336\U000e0041\U0001d41aаеоρɪᴋｋ世"),
        max_size=80,
    )
)
def test_to_undo_twice_is_to_undo_once(text):
    assert fold(fold(text)) == fold(text)


@settings(max_examples=100)
@given(st.lists(st.sampled_from([word for word in COMMON if word not in HARSH]), min_size=1, max_size=60))
def test_prose_stays(some):
    text = ", ".join(some).capitalize() + "."
    assert fold(text) == text


@settings(max_examples=200)
@given(st.text(st.characters(categories=["Lo", "Lm", "Mn", "Mc", "Nd", "Zs", "Po"], min_codepoint=0x370), max_size=80))
def test_other_scripts_stay(text):
    named = {unicodedata.name(sign, "").split(" ")[0] for sign in text}
    if not named & {"VARIATION", "FULLWIDTH", "MODIFIER", "LATIN", "MATHEMATICAL"}:
        assert fold(text) == text


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        "a.",
        "a ",
        "a*",
        "a1",
        "a\u200b",
        "\u202ea",
        "a\u0336",
        "\U0001d41a",
        "аa",
        "ki-",
        "\U000e0041",
        "k",
        "k*ll ",
        "k ill ",
    ],
)
def test_it_takes_linear_time(piece):
    def seconds(times: int) -> float:
        start = time.process_time()
        fold(piece * times)
        return time.process_time() - start

    seconds(100)
    long = min(seconds(40_000) for _ in range(3))  # a machine that others use stalls at times
    assert long < 40 * seconds(4_000) + 0.2


def test_no_letter_looks_like_two():
    assert len("".join(ALIKE.values())) == len(set("".join(ALIKE.values())))
