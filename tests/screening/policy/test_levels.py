"""A level may differ by genre, and be for some texts only; what is unknown is never waved through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from screening.policy import Facts, decide
from screening.policy.costs import costs
from screening.records import GENRES, ScreenedPart
from tests.screening.policy.conftest import HATE, HEADER, TEXT, Harmless, only_fault, signal

STATEMENT = "statement: STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
OTHER = "  - {id: always, signal: normal, review: 1}\n"  # looks at every part, and finds nothing below 1


def policy_of(load, category: str, **kwargs):
    return load(body(category), **kwargs)


def body(category: str) -> str:
    return f"{HEADER}{OTHER}  - {{id: hate, signal: hate, {category}}}\n"


def decided(policy, score: float, genre=None, language="en", words: int | None = 50, role="main") -> str:
    part = ScreenedPart("here", "text", role, 300, language, words)
    signals = [signal("hate", score, part="here"), signal("normal", 0.1, part="here")]
    return decide(policy, Facts([part], genre), signals, None).decision


@pytest.mark.parametrize(
    ("genre", "from_score"),
    [("comment", 0.9), ("message", 0.8), ("article", 0.6), ("mail", 0.6), ("headline", 0.6), (None, 0.6)],
)
def test_a_level_may_differ_by_genre_and_an_unknown_genre_gets_the_strictest(load, genre, from_score):
    policy = policy_of(load, "review: {comment: 0.9, message: {score: 0.8}, other: 0.6}")
    assert decided(policy, from_score, genre) == "review"
    assert decided(policy, from_score - 0.01, genre) == "accept"


def test_a_genre_without_a_level_has_none(load):
    policy = policy_of(load, "review: {comment: 0.9}")
    assert [decided(policy, 1.0, genre) for genre in ("comment", "article", None)] == ["review", "accept", "review"]


@pytest.mark.parametrize(
    ("when", "met", "unmet"),
    [
        ("genre: [article, mail]", [{"genre": "mail"}, {"genre": None}], [{"genre": "comment"}]),
        ("words: {min: 100}", [{"words": 100}, {"words": None}], [{"words": 99}]),
        ("words: {max: 100}", [{"words": 100}, {"words": None}], [{"words": 101}]),
        ("words: {min: 0, max: 0}", [{"words": 0}], [{"words": 5}]),
        (
            "language: [en]",
            [{"language": each} for each in ("en", "", "und")] + [{"language": "fr", "words": 19}],
            [{"language": "fr"}, {"language": "fr", "words": None}],
        ),
    ],
)
def test_a_category_is_for_what_meets_its_conditions(load, when, met, unmet):
    policy = policy_of(load, f"when: {{{when}}}, review: 0.5")
    assert {decided(policy, 0.9, **facts) for facts in met} <= {"review"}
    assert {decided(policy, 0.9, **facts) for facts in unmet} == {"accept"}


def test_a_text_that_no_category_applies_to_is_held(load):
    policy = load(f"{HEADER}  - {{id: hate, signal: hate, when: {{genre: [article]}}, review: 0.5}}\n")
    policy = replace(policy, rules=tuple(rule for rule in policy.rules if rule.category != "known_hash"))
    main, footer = ScreenedPart("main", "text", "main"), ScreenedPart("footer", "text", "rest")
    found = [signal("hate", 0.1, part="main"), signal("hate", 0.1, part="footer")]
    assert decide(policy, Facts([main, footer], "article"), found, None).decision == "accept"
    assert decide(policy, Facts([main, footer], "comment"), found, None).reasons == ("not_covered",)


def test_the_words_of_all_parts_of_a_role_count_together(load):
    policy = policy_of(load, "when: {words: {min: 100}}, review: 0.5")
    parts = [ScreenedPart(str(i), "text", "main", 300, "en", 60) for i in range(2)]
    signals = [signal("hate", 0.9, part="1"), signal("normal", 0.1, part="1")]
    assert decide(policy, Facts(parts, "article"), signals, None).decision == "review"
    assert decide(policy, Facts(parts[1:], "article"), signals, None).decision == "accept"


@pytest.mark.parametrize("levels", ["", "review: 0.5, ", "review: {comment: 0.9}, "])
@pytest.mark.parametrize("genre", ["article", None])
def test_a_machine_rejects_only_in_a_language_that_the_bundle_reads(load, levels, genre):
    policy = policy_of(load, f"{levels}reject: 0.9, {STATEMENT}")
    assert decided(policy, 0.9, genre, "en") == "reject"
    assert [decided(policy, 0.9, genre, language) for language in ("fr", "de", "und")] == ["review"] * 3
    assert decided(policy, 0.9, genre, "") == "reject", "an older verdict does not say"


COUNTED = replace(
    HATE,
    harmless={
        "article": Harmless(1000, tuple(1 - i / 100 for i in range(50))),
        "message": Harmless(2000, tuple(0.5 - i / 1000 for i in range(50))),
    },
)
BUNDLE = replace(TEXT, calibration={"hate": COUNTED})


def test_held_is_resolved_for_each_genre_on_its_own_harmless_texts(load):
    policy = policy_of(load, 'review: {held: "5 per 1000"}', bundles=[BUNDLE])
    levels = {level.genres: level.score for level in policy.thresholds if level.category == "hate"}
    assert len(levels) == len(GENRES)
    assert sum(score >= levels["article",] for score in COUNTED.harmless["article"].highest) == 5
    assert sum(score >= levels["message",] for score in COUNTED.harmless["message"].highest) == 10
    assert levels["comment",] == levels["message",], "without texts of its own a genre gets the lowest"
    assert {cost.genre: round(1000 * cost.held, 6) for cost in costs(policy, [BUNDLE])} == {"article": 5, "message": 5}


def test_what_a_level_costs_has_an_interval_and_says_what_it_finds(load):
    policy = policy_of(load, "review: {article: 0.95, other: 0.3}", bundles=[BUNDLE])
    article, message = costs(policy, [BUNDLE])
    assert (article.genre, article.rows, article.held) == ("article", 1000, 0.006)
    assert 0.002 < article.least < 0.006 < article.most < 0.014
    assert article.found is None
    assert (message.genre, message.found) == ("message", 0.95)


@pytest.mark.parametrize(
    ("category", "what", "fix"),
    [
        (
            'review: {held: "1 per 1000"}',
            "1 per 1000 of 1000 harmless texts (article) are too few",
            "the least is 3 per",
        ),
        ('review: {held: "90 per 1000"}', "90 per 1000 (article) is beyond the scores", "the most is 49 per 1000"),
        ('review: {held: "5 of 1000"}', "'5 of 1000'", "like 5 per 1000"),
        ("review: {comment: 0.5, score: 0.4}", "beside those of single ones", "`other: ...`"),
        ("when: {genre: [mail]}, review: {comment: 0.5}", "no upload of this category is of genre 'comment'", "remove"),
        (f"review: {{comment: 0.9, other: 0.5}}, reject: 0.7, {STATEMENT}", "is milder than review", "above 0.9"),
        ("when: {words: {min: 9, max: 8}}, review: 0.5", "no text has from 9 to 8 words", "smaller number"),
        ("when: {language: [gb]}, review: 0.5", "language 'gb' can't be recognised", "gd"),
        ("when: {genre: [poem]}, review: 0.5", "'poem' is not known", "article"),
        ("when: {word: {min: 1}}, review: 0.5", "unknown key 'when.word'", "words"),
        ("review: {poem: 0.5}", "unknown key 'review.poem'", ""),
    ],
)
def test_a_fault_in_a_level(load, category, what, fix):
    _, said, remedy = only_fault(load, body(category), bundles=[BUNDLE])
    assert what in said
    assert fix in remedy


def test_only_the_genres_that_are_asked_for_need_harmless_texts(load):
    few = replace(COUNTED, harmless=COUNTED.harmless | {"mail": Harmless(10, (0.1,))})
    bundles = [replace(TEXT, calibration={"hate": few})]
    policy = policy_of(load, 'review: {message: {held: "5 per 1000"}}', bundles=bundles)
    assert [each.genres for each in policy.thresholds if each.category == "hate"] == [("message",)]
    _, said, _ = only_fault(load, body('review: {comment: {held: "5 per 1000"}}'), bundles=bundles)
    assert "of 10 harmless texts (mail) are too few" in said


def test_a_level_that_nothing_reaches_is_refused(load):
    sure = replace(COUNTED, harmless={"article": Harmless(1000, (1.0,) * 20)})
    bundles = [replace(TEXT, calibration={"hate": sure})]
    _, said, _ = only_fault(load, body('review: {held: "5 per 1000"}'), bundles=bundles)
    assert "score as high as any" in said


@pytest.mark.parametrize("when", ["", "when: {language: [de]}, "])
def test_a_reject_in_a_language_that_is_not_read_is_a_review(load, when):
    english = replace(TEXT, languages=("en",))
    if when:
        policy = policy_of(load, f"{when}reject: 0.9, {STATEMENT}", bundles=[english])
        assert [decided(policy, 0.9, language=language) for language in ("en", "de")] == ["accept", "review"]
    else:
        bundles = [english, replace(TEXT, id=replace(TEXT.id, name="german"), languages=("de",), labels=("german",))]
        text = HEADER.replace("version: 1", "version: 1\nlanguages: [en]") + OTHER
        text += f"  - {{id: german, signal: german, reject: 0.9, {STATEMENT}}}\n"
        policy = load(text, bundles=bundles)
        assert {each.level for each in policy.thresholds if each.category == "german"} == {"review"}


def test_a_bank_of_hosts_looks_at_no_picture(load):
    policy = load(
        "policy: test\nversion: 1\nbanks:\n  - {id: block, file: block.jsonl, use: block}\ncategories:\n"
        f"  - {{id: known_host, signal: known_host, reject: 1, {STATEMENT}}}\n"
        "  - {id: hate, signal: hate, review: 0.5}\n"
    )
    assert decide(policy, Facts([ScreenedPart("main", "image", "main")]), [], None).reasons == ("not_covered",)


def test_a_bundle_without_harmless_texts_resolves_no_held(load):
    _, said, _ = only_fault(load, body('review: {held: "5 per 1000"}'))
    assert "no harmless texts to count" in said
