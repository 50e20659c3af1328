"""Ordinary writing from templates: products, announcements, recipes, local news, notes, how-tos; short and long."""

from __future__ import annotations

import random
from collections.abc import Iterator

WORDS = {
    "thing": (
        "backpack",
        "desk lamp",
        "kettle",
        "rain jacket",
        "office chair",
        "bicycle light",
        "notebook",
        "frying pan",
        "wireless speaker",
        "garden hose",
        "water bottle",
        "bookshelf",
        "sleeping bag",
        "coffee grinder",
        "cordless drill",
    ),
    "part": (
        "aluminium",
        "oak",
        "recycled polyester",
        "stainless steel",
        "cotton",
        "brass",
        "glass",
        "leather",
        "bamboo",
    ),
    "trait": (
        "light",
        "sturdy",
        "quiet",
        "easy to clean",
        "waterproof",
        "compact",
        "comfortable",
        "durable",
        "simple to fit",
    ),
    "company": (
        "Norden Tools",
        "Halvorsen & Co",
        "Bright Harbor",
        "Alder Systems",
        "Meridian Foods",
        "Castell Energy",
        "Riverbend Health",
        "Pinewood Logistics",
        "Larkfield Labs",
        "Osprey Rail",
    ),
    "person": (
        "Anna Weber",
        "Tomas Novak",
        "Priya Nair",
        "James Okafor",
        "Lucia Romero",
        "Wei Zhang",
        "Fatima Haddad",
        "Olav Berg",
        "Grace Kim",
        "Samuel Levi",
        "Maria Costa",
        "Peter Novotny",
    ),
    "role": (
        "head of operations",
        "chief executive",
        "project manager",
        "head teacher",
        "mayor",
        "chair of the board",
        "lead engineer",
        "librarian",
        "coach",
        "curator",
        "spokeswoman",
        "finance director",
    ),
    "place": (
        "Bristol",
        "Lyon",
        "Tampere",
        "Portland",
        "Graz",
        "Halifax",
        "Porto",
        "Leipzig",
        "Dunedin",
        "Galway",
        "Kyoto",
    ),
    "building": (
        "library",
        "swimming pool",
        "town hall",
        "railway station",
        "primary school",
        "bridge",
        "museum",
        "market hall",
    ),
    "food": (
        "carrots",
        "lentils",
        "chicken",
        "mushrooms",
        "potatoes",
        "tomatoes",
        "rice",
        "spinach",
        "salmon",
        "chickpeas",
    ),
    "spice": ("cumin", "black pepper", "paprika", "thyme", "ginger", "garlic", "rosemary", "lemon zest"),
    "sport": ("football", "handball", "rowing", "cycling", "chess", "basketball", "swimming", "volleyball"),
    "field": ("astronomy", "soil science", "battery research", "medieval history", "marine biology", "statistics"),
    "tool": ("spreadsheet", "photo editor", "calendar", "text editor", "mail client", "database", "web browser"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "month": ("January", "March", "April", "June", "July", "September", "October", "November"),
    "n": ("2", "3", "4", "5", "6", "8", "10", "12", "15", "20", "25", "30", "40", "60", "90", "120", "250"),
}

TOPICS: dict[str, tuple[str, ...]] = {
    "product": (
        "The {thing} is made of {part} and weighs {n} hundred grams.",
        "It is {trait}, {trait} and built for daily use.",
        "Available in {n} colours; the price is {n} euros including delivery.",
        "The cover is {part} and can be washed at 30 degrees.",
        "Customers like that it is {trait}; a few would have preferred a larger size.",
        "The box contains the {thing}, a manual and {n} spare screws.",
        "The warranty covers {n} years and repairs are free in that time.",
        "Batteries last about {n} hours and charge over USB.",
        "Order by {day} and it ships within {n} days; returns are free for {n} days.",
        "Our {thing} comes with a {part} handle and a matching bag.",
        "I bought this {thing} in {month} and use it every week; it is {trait} and works as described.",
        "Size: {n} by {n} by {n} centimetres.",
        "Do not put the {thing} in the dishwasher.",
        "New this season: a {trait} {thing} for home and travel, now on sale in our shops.",
        "Save {n} percent on every {thing} until {day}, in the shop and online, while stocks last.",
        "Compared with last year's model the {thing} is {trait} and a little heavier.",
    ),
    "release": (
        "{place}, {month} {n} - {company} today announced that it will open a new site in {place}.",
        "{company} expects to hire {n} people over the next {n} months.",
        '"We are pleased with the progress of our team," said {person}, {role} at {company}.',
        "The company reported revenue of {n} million euros for the quarter, up {n} percent.",
        "{company} develops {tool} software for small firms and was founded in {place}.",
        "The agreement with {company} runs for {n} years and includes maintenance.",
        "{person} joins the board as {role} on {month} {n}.",
        "Further information for the press is available from {person} in {place}.",
        "The new plant will use {n} percent less water than the old one.",
        "{company} and the University of {place} will work together on {field}.",
        "The product will be available from {month} in {n} countries.",
        "About {company}: the firm employs {n} people and makes every {thing} in {place}.",
        "{company} is recalling a {thing} sold in {month} because a {part} part may come loose; customers get a "
        "replacement free of charge.",
    ),
    "news": (
        "The {building} in {place} will reopen on {day} after {n} months of repairs.",
        "The council voted {n} to {n} in favour of the plan on {day}.",
        "{person}, {role} in {place}, said the work had cost less than expected.",
        "Police closed the road near the {building} for {n} hours after two cars collided; nobody was badly hurt.",
        "Heavy rain is expected in {place} on {day}, and the river may rise by {n} centimetres.",
        "The {sport} club of {place} won {n} to {n} against the guests on {day}.",
        "Residents can see the drawings in the {building} until the end of {month}.",
        "Unemployment in the region fell by {n} percent in {month}, the statistics office said.",
        "A fire in a {building} in {place} was put out within {n} minutes; the cause is being examined.",
        "The government plans to raise the minimum wage by {n} cents from {month}.",
        "Scientists in {place} described a new method in {field} this week.",
        "A court in {place} sentenced a man to {n} months for burglary on {day}.",
        "Opposition members criticised the budget and asked for {n} million more for schools.",
        "Women in {place} now earn {n} percent less than men on average, down from the year before.",
        "The hospital in {place} opened a ward for mothers and newborn children.",
        "Refugees who arrived in {month} are learning the language in courses at the {building}.",
        "The mosque and the church in {place} will hold an open day together on {day}.",
    ),
    "recipe": (
        "Heat two spoons of oil in a pan and fry the {food} for {n} minutes.",
        "Add the {food}, a pinch of {spice} and a cup of water.",
        "Cut the {food} into small pieces and season with {spice}.",
        "Let it simmer for {n} minutes, then stir in the {food}.",
        "Serves {n}; keeps in the fridge for {n} days.",
        "Beat the eggs, fold in the flour and bake at 180 degrees for {n} minutes.",
        "Taste, and add more {spice} if you like.",
        "My grandmother made this soup with {food} every {day}.",
        "Ingredients: {n} grams of {food}, one onion, {spice}, salt.",
        "Serve hot with bread, or cold the next day as a salad.",
        "If you have no {food}, {food} will do.",
    ),
    "howto": (
        "Open the {tool} and choose Settings, then select the language.",
        "First remove the {part} cover with a screwdriver.",
        "Save the file before you close the {tool}.",
        "If the {tool} does not start, restart the computer and try again.",
        "Measure twice and drill the hole {n} millimetres deep.",
        "Version {n} of the {tool} fixes {n} errors and loads faster.",
        "Water the plants every {n} days and keep them out of direct sun.",
        "Press the button for {n} seconds until the light turns green.",
        "You can change the password on your account page; choose at least {n} characters.",
        "The function returns a list and raises an error if the file is missing.",
        "To cancel, write to us before the {n}th of the month.",
    ),
    "note": (
        "Hi {person}, can we move the meeting to {day} at {n}?",
        "Thanks for the minutes, I have added two points on the {building}.",
        "The train to {place} was late again, so I read half of a book on {field}.",
        "Please find attached the figures for {month}.",
        "We walked around {place} all {day} and had dinner by the river.",
        "Happy birthday, and greetings to your parents!",
        "The choir meets on {day} in the {building}; bring a chair if you can.",
        "I don't agree with the review: the film was long, but the actors were good.",
        "Our daughter started {sport} in {month} and loves it.",
        "Could you send me the invoice for the {thing} again?",
        "The exhibition on {field} runs until {month}; tickets cost {n} euros.",
        "I hated the first chapters and loved the end.",
    ),
    "knowledge": (
        "In {field}, a measurement is repeated {n} times to estimate its error.",
        "The {building} in {place} was built by the architect {person} and restored in {month}.",
        "{place} lies on a river and has about {n} thousand inhabitants.",
        "The history of {sport} in {place} goes back more than {n} decades.",
        "Islam, Christianity and Judaism share many stories, and scholars compare how they are told.",
        "Women got the vote in many countries after the war.",
        "Slavery was abolished in stages, and its effects on society are still studied.",
        "A vaccine trains the immune system without causing the disease.",
        "The novel tells of a family that emigrates and of the prejudice that it meets.",
        "Bats hunt at night and find insects by echo.",
        "The treaty was signed in {place} and came into force in {month}.",
        "The war killed many civilians, and the city of {place} was largely destroyed.",
        "Interest is paid on the loan each {month}; early repayment is allowed.",
    ),
}


def texts(chance: random.Random) -> Iterator[tuple[str, str]]:
    """(split, text): single sentences and texts of up to some 250 words; the sentences of dev are not in train."""
    for sentences in TOPICS.values():
        dev = [s for k, s in enumerate(sentences) if k % 4 == 3]
        train = [s for s in sentences if s not in dev]
        for split, pool, short, long in (("train", train, 4, 90), ("dev", dev, 2, 12)):
            for sentence in pool:
                for _ in range(short):
                    yield split, _fill(sentence, chance)
            for _ in range(long):
                count = chance.randint(2, 16)
                told = [_fill(chance.choice(pool), chance) for _ in range(count)]
                breaks = [chance.choice((" ", " ", " ", "\n\n")) for _ in told]
                yield split, "".join(t + b for t, b in zip(told, breaks, strict=True)).strip()


def _fill(sentence: str, chance: random.Random) -> str:
    while "{" in sentence:
        name = sentence[sentence.index("{") + 1 : sentence.index("}")]
        sentence = sentence.replace("{" + name + "}", chance.choice(WORDS[name]), 1)
    return sentence
