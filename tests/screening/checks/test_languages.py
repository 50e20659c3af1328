"""A paragraph that no classifier reads is found wherever it stands, and names are not taken for one."""

from __future__ import annotations

import pytest

from screening.checks.languages import said_of, unread
from screening.content import Document, Part, Text
from tests.screening.checks.conftest import NEWS

FOREIGN = {
    "de": "Der Stadtrat hat am Dienstagabend beschlossen, die alte Brücke wieder für Radfahrer zu "
    "öffnen, wie sie es seit Jahren fordern.",
    "fr": "Le conseil municipal a décidé mardi soir de rouvrir le vieux pont aux cyclistes après deux ans, "
    "comme ils le demandent depuis longtemps.",
    "es": "El ayuntamiento decidió el martes por la noche reabrir el viejo puente a los ciclistas tras dos años.",
    "ru": "Городской совет решил во вторник вечером снова открыть старый мост.",
    "ar": "قرر مجلس المدينة مساء الثلاثاء إعادة فتح الجسر القديم أمام الدراجات.",
    "hi": "नगर परिषद ने मंगलवार शाम पुराने पुल को फिर से खोलने का फैसला किया।",
    "zh": "市议会星期二晚上决定在两年之后重新向骑自行车的人开放这座古老的桥梁。",
    "ko": "시의회는 화요일 저녁에 오래된 다리를 다시 열기로 결정했습니다.",
}


def document(*texts: str) -> Document:
    return Document("text/plain", tuple(Part(f"part {i}", "main", Text(text)) for i, text in enumerate(texts)))


@pytest.mark.parametrize("language", FOREIGN)
def test_a_foreign_paragraph_in_an_english_text_is_found_with_its_place(language):
    text = f"{NEWS}\n{FOREIGN[language]}\n{NEWS}"
    [found] = unread(document("Only English here.", text), ["en"])
    assert (found.place, found.language) == ("part 1", language)
    assert FOREIGN[language] in text[found.start : found.end]


@pytest.mark.parametrize("language", FOREIGN)
def test_what_a_classifier_reads_is_not(language):
    assert list(unread(document(FOREIGN[language]), ["en", language])) == []


def test_lines_broken_within_a_paragraph_hide_nothing():
    for width in (2, 5):
        words = FOREIGN["de"].split() * 2
        broken = "\n".join(" ".join(words[i : i + width]) for i in range(0, len(words), width))
        assert list(unread(document(f"{NEWS}\n\n{broken}\n\n{NEWS}"), ["en"]))


@pytest.mark.parametrize(
    "text",
    [
        NEWS,
        "Anamaria Sanchez, Jiyeon Kim, Sebastián Bouvier, Patricia Schlachter, Jonathan McKay, Tomoko Shigeta",
        "* Mar 25. Auckland, NZ - Rust AKL Meetup (www.meetup.com).\n* Mar 25. Tokyo, JP - Tokyo Rust Meetup\n" * 3,
        "The recipe is from Lyon: quenelles de brochet with a sauce Nantua, served with pommes vapeur.",
        'He said "c\'est la vie" and left, and Москва stayed behind him.',
        "",
    ],
)
def test_names_and_quotations_are_no_foreign_paragraphs(text):
    assert list(unread(document(text), ["en"])) == []


def test_it_is_said_how_many_there_are_and_where_the_first_is():
    found = list(unread(document(FOREIGN["ru"], f"{FOREIGN['de']}\n\n{FOREIGN['de']}"), ["en"]))
    assert said_of(found).startswith("2 × de, first in part 1, characters 0-")
    assert "1 × ru, first in part 0, characters 0-" in said_of(found)
