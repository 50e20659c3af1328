"""Rows of our own that the public sets lack, generated from the templates below (no data, no downloads).

Ordinary writing that must not fire; groups named neutrally; hostility negated, reported or answered; and the plain
hostile sentences that these differ from only in meaning, so that no template is safe by its form. Templates are
split: every third one is dev only. After the idea of functional tests (Röttger et al. 2021); none is taken from there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from models import contrast_ordinary as ordinary

GROUPS = (
    "Muslims",
    "Jews",
    "Christians",
    "Hindus",
    "Sikhs",
    "immigrants",
    "refugees",
    "Black people",
    "white people",
    "Asian people",
    "Latinos",
    "Mexicans",
    "Roma",
    "Arabs",
    "Africans",
    "gay people",
    "lesbians",
    "trans people",
    "women",
    "men",
    "disabled people",
    "older people",
    "foreigners",
    "asylum seekers",
    "Indigenous people",
    "Poles",
    "Chinese people",
    "Indians",
    "Turks",
    "atheists",
)
SOME = ("women", "girls", "feminists", "female colleagues", "mothers", "wives", "women in politics", "female drivers")

HATEFUL = (
    "{g} do not belong in this country.",
    "I hate {g}.",
    "I can't stand {g}, all of them.",
    "We should get rid of all {g}.",
    "{g} are a disease.",
    "{g} are vermin.",
    "Send all {g} back where they came from.",
    "All {g} are criminals and liars.",
    "Nobody wants {g} here.",
    "{g} ruin every place they move to.",
    "{g} are less than human.",
    "Keep {g} out of our schools.",
    "This town was fine before {g} came.",
    "{g} deserve whatever happens to them.",
    "{g} should not have rights.",
    "The only good thing to do with {g} is to lock them up.",
    "Honestly {g} disgust me.",
    "I would never hire {g}, they are all lazy.",
    "You can't trust {g}, it is in their blood.",
    "{g} are destroying our culture and must be stopped.",
    "We would all be better off without {g}.",
    "Someone should teach {g} a lesson they won't forget.",
    "{g} are parasites.",
    "Why are {g} even allowed to vote?",
)
NEUTRAL = (
    "{g} do belong in this country.",
    "I don't hate {g}.",
    "I have nothing against {g}, quite the opposite.",
    "Nobody should say that we must get rid of {g}.",
    "It is wrong to call {g} a disease.",
    "{g} are not vermin, they are our neighbours.",
    "He was fired after he wrote that {g} should be sent back where they came from.",
    "Saying that all {g} are criminals is a lie.",
    "The court fined a man who had posted that nobody wants {g} here.",
    "{g} make this place better.",
    "Calling {g} less than human is how it always begins; we must speak up.",
    "{g} are welcome in our schools.",
    "This town was quieter before {g} came, and much poorer.",
    "{g} deserve the same respect as everyone else.",
    "The council discussed services for {g} on Tuesday.",
    "A new study looks at the health of {g} in rural areas.",
    "My neighbours are {g} and we share a garden.",
    "The festival was organised by {g} from three cities.",
    "People who say they hate {g} should meet a few.",
    "If you think {g} are lazy, you have never worked with them.",
    "The report counts attacks on {g}, which rose by a tenth.",
    "I am proud to be one of many {g} in this city.",
    "How can {g} register to vote before the deadline?",
    "The museum shows how {g} lived in the nineteenth century.",
    "Why do some people hate {g}? A historian answers.",
    '"Get rid of {g}" was sprayed on the wall; volunteers painted over it.',
    "I hate it when people insult {g}.",
    "The charity offers legal advice to {g}.",
    "{g} and their families can apply from Monday.",
    "I hate Mondays, but my colleagues, many of them {g}, cheer me up.",
    "Employment among {g} grew last year, the office of statistics said.",
    "The priest asked the congregation to welcome {g}.",
    "Doctors say {g} often wait longer for a diagnosis.",
    "The minister met representatives of {g} to discuss the bill.",
    "Three {g} were elected to the parents' board.",
    "Most {g} in the survey said that they feel safe in the city.",
)
SEXIST = (
    "{w} should stay in the kitchen.",
    "{w} are too emotional to lead anything.",
    "Typical of {w}, they can't think straight.",
    "{w} only get promoted because of their looks.",
    "Never trust {w} with money.",
    "{w} belong at home, not at work.",
    "{w} are simply not made for science.",
    "Nobody wants to hear what {w} have to say.",
    "{w} need a man to tell them what to do.",
    "{w} ask for it when they dress like that.",
    "{w} lie about everything to get attention.",
    "Put {w} in charge and watch it fail.",
)
NOT_SEXIST = (
    "{w} do not belong in the kitchen any more than men do.",
    "The idea that {w} are too emotional to lead is nonsense.",
    "The company published its figures on {w}.",
    "A study of {w} found no difference in results.",
    "I learnt accounting from {w} at my first job.",
    "He apologised for having said that {w} belong at home.",
    "It is sexist to say that {w} only get promoted because of their looks.",
    "The club started a morning course for {w}.",
    "{w} spoke at the conference about bridges and concrete.",
    "Two of the {w} we met run the farm together.",
    "She writes about {w} in the nineteenth century.",
    "Prizes for {w} and for men are the same this year.",
)
PROMOTION = (
    "Congratulations! You have been selected to receive a free {p}. Click the link now to claim it before midnight.",
    "MAKE MONEY FROM HOME!!! Earn ${n} a day with no experience. Reply YES to start.",
    "Dear friend, I am a banker and need your help to move ${n},000,000. You keep thirty percent. "
    "Send your account details.",
    "Lose {n} pounds in two weeks with this miracle pill, doctors hate it. Order now, limited supply!",
    "Your account has been suspended. Verify your password at http://secure-{n}.example within 24 hours.",
    "Check out my channel for free {p} giveaways, subscribe and like, link in my profile!!",
    "Cheap {p} online, no prescription, {n}% off today only. Buy now http://deal{n}.example",
    "Hey guys please visit my page, I make ${n} every week and you can too, just follow the link",
    "URGENT: your parcel is waiting. Pay the fee of {n} here to release it: http://track{n}.example",
    "Double your coins in {n} hours, guaranteed profit, message me on the app to invest",
    "Casino bonus {n} free spins no deposit, sign up today and win a {p}",
    "WINNER!! As a valued customer you won a {n} prize reward. Call this number to claim. Code {n}.",
)
PRIZES = ("phone", "gift card", "holiday", "laptop", "watch", "car", "medicine", "software", "ticket")


def contrast_rows(seed: int = 20) -> Iterator[dict[str, Any]]:
    """Rows with `text`, `label` (ordinary, neutral, hateful, sexist, promotion), `split` and `source`."""
    chance = random.Random(seed)
    for label, templates, count in (("hateful", HATEFUL, 12), ("neutral", NEUTRAL, 16)):
        for split, template in _split(templates):
            for group in chance.sample(GROUPS, count):
                yield _row(label, split, _vary(template.format(g=group), chance))
    for label, templates in (("sexist", SEXIST), ("neutral", NOT_SEXIST)):
        for split, template in _split(templates):
            for group in chance.sample(SOME, 6):
                yield _row(label, split, _vary(template.format(w=group), chance))
    for split, template in _split(PROMOTION):
        for _ in range(20):
            filled = template.format(p=chance.choice(PRIZES), n=chance.choice((5, 10, 20, 50, 100, 250, 500, 750)))
            yield _row("promotion", split, _vary(filled, chance))
    for split, text in ordinary.texts(chance):
        yield _row("ordinary", split, text)


def _split(templates: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for k, template in enumerate(templates):
        yield ("dev" if k % 3 == 2 else "train"), template


def _vary(text: str, chance: random.Random) -> str:
    """Half stay; the rest lose their marks, as posts do, or get an opening."""
    lot = chance.random()
    if lot < 0.3:
        return "".join(c for c in text.lower() if c.isalnum() or c == " ")
    if lot < 0.5:
        return (
            chance.choice(("Look, ", "Let me say it: ", "As I told you, ", "To be clear: ", "Today I read this: "))
            + text
        )
    return text


def _row(label: str, split: str, text: str) -> dict[str, Any]:
    return {"text": text[:1].upper() + text[1:], "label": label, "split": split, "source": "templates"}
