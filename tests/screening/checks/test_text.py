"""Texts that a reader would call bad score worse than news."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.checks import TEXT_CHECKS, run_checks
from screening.checks.text import NGRAM, View, _repeated_runs
from screening.classifiers.surface import surface
from screening.content import Text
from tests.pace import times
from tests.screening.decode.texts.heavy import TEXTS, Clock


def scores(text, lab, languages=("en",)):
    return {signal.label: signal.score for signal in run_checks(lab.text_alone(text), languages)}


def test_news_is_good(lab):
    news = scores(lab.news, lab)
    assert news["too_short"] == news["too_long"] == 125
    assert news["repeated_lines"] == news["boilerplate"] == 0
    assert news["symbol_noise"] < 0.04
    assert news["unknown_language"] < 0.05


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("--- !!! ...", 0),
        ("Don't count O’Brien's words twice", 5),
        ("x_y is two and e\u0301te\u0301 is one", 8),
        ("42 is 1 word", 4),
        ("市議会は火曜日", 7),
        ("नमस्ते दुनिया", 2),
        ("Привет, мир!", 2),
    ],
)
def test_words(text, words, lab):
    assert scores(text, lab)["too_short"] == words


def test_lines_said_again_count_from_the_second_time(lab):
    assert scores("one line\n" * 4, lab)["repeated_lines"] == 0.75
    assert scores("one line\ntwo line\nthree line\n", lab)["repeated_lines"] == 0


def test_runs_said_again_count_without_line_breaks(lab):
    assert scores("buy the best pills now " * 30, lab)["repeated_lines"] > 0.9
    half = lab.news + lab.news.replace("\n", " ")
    assert scores(half, lab)["repeated_lines"] == pytest.approx(0.5, abs=0.02)


def test_symbols(lab):
    assert scores("$$$ ~~~ ### !!! @@@", lab)["symbol_noise"] == 1
    assert scores("ab!!", lab)["symbol_noise"] == 0.5
    assert scores("Ünïcödé عربى हिन्दी 語", lab)["symbol_noise"] == 0
    assert scores(lab.news + "🙂🔥💰" * 200, lab)["symbol_noise"] > 0.4


def test_boilerplate_counts_by_sentence(lab):
    footer = "All rights reserved. Read our privacy policy. Click here to subscribe to our newsletter. "
    assert scores(footer, lab)["boilerplate"] == 1
    assert scores("Lorem ipsum dolor sit amet", lab)["boilerplate"] == 1
    assert 0.1 < scores(lab.news + footer, lab)["boilerplate"] < 0.2


LANGUAGES = {
    "de": """Der Stadtrat hat am Dienstagabend beschlossen, die alte Brücke für Radfahrer wieder zu öffnen, nachdem
sie zwei Jahre lang wegen Reparaturen gesperrt war. Die Händler am Nordufer begrüßten die Entscheidung, weil der Umsatz
um ein Drittel gefallen war, und der Bürgermeister sagte, dass die Arbeiten am Dach der Schule bald beginnen.""",
    "fr": """Le conseil municipal a décidé mardi soir de rouvrir le vieux pont aux cyclistes, après deux ans de travaux.
Les commerçants de la rive nord se sont réjouis de cette décision, car leur chiffre d'affaires avait baissé d'un tiers,
et le maire a dit que les travaux du toit de l'école commenceraient bientôt.""",
    "es": """El ayuntamiento decidió el martes por la noche reabrir el viejo puente a los ciclistas, tras dos años de
obras. Los comerciantes de la orilla norte celebraron la decisión, porque las ventas habían caído un tercio, y
el alcalde dijo que las obras del tejado de la escuela empezarían pronto.""",
    "ru": """Городской совет во вторник вечером решил вновь открыть старый мост для велосипедистов после двух лет
ремонта. Торговцы на северном берегу приветствовали это решение, потому что выручка упала на треть, а мэр сказал, что
работы на крыше школы начнутся ещё до праздников.""",
    "zh": "市议会周二晚上决定在关闭维修两年之后重新开放老桥。店主对这一决定表示欢迎，因为营业额下降了三分之一。",
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_languages_are_told_apart(code, lab):
    text = LANGUAGES[code]
    assert scores(text, lab, (code,))["unknown_language"] < 0.05
    assert scores(text, lab, ("en",))["unknown_language"] > 0.95
    assert scores(text, lab, ("en", code))["unknown_language"] < 0.05


def test_without_languages_every_language_is_welcome(lab):
    assert scores(LANGUAGES["ru"], lab, ())["unknown_language"] == 0


def test_no_letters_are_no_language(lab):
    assert scores("12345 67890 !!!", lab)["unknown_language"] == 1


def test_a_foreign_text_behind_an_english_beginning_is_noticed(lab):
    text = "The council met. " * 70 + LANGUAGES["de"] * 10
    assert scores(text, lab)["unknown_language"] > 0.5


def test_long_monotonous_texts_end(lab):
    """No text makes a check quadratic: 400,000 characters would then take hours, and this test its time-out."""
    for text in (lab.news, "a", "!", "a'", "word ", "\n", "é\u0301", "lorem ipsum", "语", "the the\n"):
        view = View(Text((text * (1 + 400_000 // len(text)))[:400_000]))
        assert all(isfinite(check.function(view)) for check in TEXT_CHECKS)


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_language_is_noted_whatever_the_policy_names(code, lab):
    for languages in ((), ("en",)):
        [signal] = [s for s in run_checks(lab.text_alone(LANGUAGES[code]), languages) if s.label == "unknown_language"]
        assert signal.evidence.note == code


def test_no_letters_have_the_code_for_none(lab):
    assert run_checks(lab.text_alone("12345 !!!"))[-1].evidence.note == "und"


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_the_longest_texts_of_bad_shapes_end_in_seconds(name, lab):
    """The form that heads see too; dots once took the square of their number."""
    text, clock = TEXTS[name](), Clock()
    scores(text, lab)
    surface(text)
    assert clock.seconds < 6


def said_again(words: list[str]) -> float:
    """The share of characters in runs that stood there before, run by run."""
    seen: set[tuple[str, ...]] = set()
    again: set[int] = set()
    for place in range(len(words) - NGRAM + 1):
        run = tuple(words[place : place + NGRAM])
        again |= set(range(place, place + NGRAM)) if run in seen else set()
        seen.add(run)
    return sum(len(words[i]) for i in again) / max(1, sum(map(len, words)))


@settings(max_examples=times(200, 40))
@given(st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=60), st.integers(0, 60))
def test_runs_are_found_wherever_they_lie(words, start):
    words = [*words, "between", *words[start:]]
    assert _repeated_runs(View(Text(" ".join(words)))) == pytest.approx(said_again(words))
