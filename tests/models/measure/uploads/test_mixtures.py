"""A mixture is the ordinary text and one bad sentence, whole, at any place, in texts of each length."""

from __future__ import annotations

from models.measure.uploads.mixtures import LENGTHS, mixtures

BAD = "Those people must all go away."


def article(words: int) -> str:
    return " ".join(f"The council met on day {k} again." for k in range(words // 7 + 1))


def test_each_carrier_gives_one_mixture_of_each_length_that_it_has() -> None:
    made = mixtures([article(200), article(600)], [BAD], 1)
    assert [one.words for one in made] == [150, 0, 150, 400, 0]
    for one in made:
        assert one.mixed.count(BAD) == 1
        assert one.mixed.replace(BAD, "").split() == one.clean.split()
        assert not one.words or one.words <= len(one.clean.split()) < one.words + 7


def test_the_place_is_anywhere_and_follows_from_the_seed() -> None:
    texts = [article(170 + k) for k in range(60)]
    made = [mixtures(texts, [BAD], seed) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    places = [one.mixed.index(BAD) / len(one.mixed) for one in made[0] if one.words == LENGTHS[0]]
    assert min(places) < 0.1
    assert max(places) > 0.9
