"""The schema of a policy file; what pydantic finds wrong is put into words with a line and a remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from screening.policy.problems import Path, Problems, suggest
from screening.policy.statements import STATEMENT_CATEGORIES
from screening.records import Genre, Medium, Role

# Bits of 256: the match threshold of PDQ's authors (Facebook, "The TMK+PDQF Video-Hashing Algorithm…", 2019).
PDQ_MAX_DISTANCE = 31
HELD = r"(\d{1,6}(?:\.\d{1,3})?) per ([1-9]\d{0,6})"


class Strict(BaseModel):
    """The base of all entries: unknown keys, numbers in quotes and infinities are errors; instances are frozen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _spelled(pattern: str, rule: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r}: {rule}")
        return text

    return AfterValidator(check)


def _bare_number(value: Any) -> Any:
    return {"score": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


def _known_statement(code: str) -> str:
    if code not in STATEMENT_CATEGORIES:
        near = suggest(code, STATEMENT_CATEGORIES).split("? ")
        hint = f"{near[0]}?" if len(near) > 1 else "see the transparency database's list"
        raise ValueError(f"{code!r} is not a category of the statement of reasons: {hint}")
    return code


Name = Annotated[str, _spelled(r"[a-z][a-z0-9_-]{0,63}", "use only lower-case letters, digits, - and _")]
CategoryId = Annotated[str, _spelled(r"[a-z][a-z0-9_]{0,63}", "use only lower-case letters, digits and _")]
LanguageCode = Annotated[str, _spelled(r"[a-z]{2}", "write a two-letter ISO 639-1 code, like en")]
Share = Annotated[float, Field(ge=0, le=1)]
Keys = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class Target(Strict):
    """A score in the signal's unit, or what the bundle's calibration turns into one; exactly one is given.

    `held` is how many of so many harmless uploads of a genre it may hold, like "5 per 1000".
    """

    score: float | None = None
    precision: Annotated[float, Field(gt=0, le=1)] | None = None
    recall: Annotated[float, Field(gt=0, le=1)] | None = None
    held: Annotated[str, _spelled(HELD, "write how many of how many, like 5 per 1000")] | None = None


GenreLevel = Annotated[Target, BeforeValidator(_bare_number)] | None


class Level(Target):
    """Where a category begins: one target, or one for each genre; `other` is that of the genres that are not named."""

    article: GenreLevel = None
    mail: GenreLevel = None
    message: GenreLevel = None
    comment: GenreLevel = None
    headline: GenreLevel = None
    other: GenreLevel = None


class Words(Strict):
    """How many words the texts of an upload may have, all parts of a role together, both ends included."""

    min: Annotated[int, Field(ge=0)] | None = None
    max: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _some_number_is_between(self) -> Words:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"no text has from {self.min} to {self.max} words: write the smaller number as `min`")
        return self


class When(Strict):
    """What uploads and texts a category is for."""

    words: Words = Words()
    language: Annotated[list[LanguageCode], Field(min_length=1)] | None = None
    genre: Annotated[list[Genre], Field(min_length=1)] | None = None


class Category(Strict):
    """What is looked for, by which signal, in which media, parts and kinds of uploads, and from which levels on."""

    id: CategoryId
    signal: str
    media: Annotated[list[Medium], Field(min_length=1)] | None = None
    parts: Annotated[list[Role], Field(min_length=1)] | None = None
    when: When = When()
    review: Annotated[Level, BeforeValidator(_bare_number)] | None = None
    reject: Annotated[Level, BeforeValidator(_bare_number)] | None = None
    statement: Annotated[str, AfterValidator(_known_statement)] | None = None
    misinformation_may_reject: bool = False


class BankEntry(Strict):
    """A file of known hashes and what a match means; `max_distance` is in bits of a 256-bit PDQ hash."""

    id: Name
    file: Annotated[str, _spelled(r"[^\x00-\x1f\ud800-\udfff]+", "write a path without control characters")]
    use: Literal["block", "allow"]
    max_distance: Annotated[int, Field(ge=0, le=PDQ_MAX_DISTANCE)] | None = None


class LimitsEntry(Strict):
    """Overrides of `screening.decode.Limits`; sizes may have units, like 64MiB."""

    max_bytes: Annotated[ByteSize, Field(gt=0)] | None = None
    max_pixels: Annotated[int, Field(gt=0)] | None = None
    max_frames: Annotated[int, Field(gt=0)] | None = None
    frames: Annotated[int, Field(gt=0, le=1000)] | None = None
    max_text_chars: Annotated[int, Field(gt=0)] | None = None
    max_nesting: Annotated[int, Field(gt=0)] | None = None
    max_pieces: Annotated[int, Field(gt=0)] | None = None
    max_marks: Annotated[int, Field(gt=0)] | None = None
    max_windows: Annotated[int, Field(gt=0)] | None = None
    cpu_seconds: Annotated[float, Field(gt=0, le=3600)] | None = None
    seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    memory_bytes: Annotated[ByteSize, Field(ge=256 << 20, le=1 << 50)] | None = None  # libraries alone take so much


class FieldsEntry(Strict):
    """Overrides of `screening.decode.Fields`: keys of JSON articles to look for."""

    text: Keys | None = None
    title: Keys | None = None
    language: Keys | None = None
    ignore: Keys | None = None


class QuotaEntry(Strict):
    """The shares above which a release is refused, if its plan has at least `min_uploads`."""

    max_reject_share: Share = 0.5
    max_error_share: Share = 0.5
    min_uploads: Annotated[int, Field(ge=0)] = 20


class PolicyFile(Strict):
    """The whole file; categories and banks are validated one by one, so that a fault in one hides none in another."""

    policy: Name
    version: Annotated[int, Field(ge=1)]
    languages: Annotated[list[LanguageCode], Field(min_length=1)] = ["en"]
    limits: LimitsEntry = LimitsEntry()
    article_fields: FieldsEntry = FieldsEntry()
    quota: QuotaEntry = QuotaEntry()
    banks: list[Any] = []
    categories: Annotated[list[Any], Field(min_length=1)]


Model = TypeVar("Model", bound=Strict)

_NESTED: Mapping[str, type[Strict]] = {
    "limits": LimitsEntry, "article_fields": FieldsEntry, "quota": QuotaEntry, "review": Level, "reject": Level,
    "when": When, "words": Words,
}  # fmt: skip
_WRITE = {
    "float_type": "write a number without quotes, like 0.8",
    "finite_number": "write a number",
    "int_type": "write a whole number without quotes",
    "int_from_float": "write a whole number",
    "bool_type": "write true or false",
    "list_type": "write a list, like [a, b]",
    "model_type": "write keys and values below it",
    "string_type": "write text; put words that YAML reads otherwise (no, on, 1.0) in quotes",
    "too_short": "give at least one",
    "string_too_short": "give at least one character",
    "byte_size": "write a number with a unit: 500KiB, 64MiB or 2GiB",
    "byte_size_unit": "units are B, KB, MB, GB, TB (thousands) and KiB, MiB, GiB, TiB (1024)",
}


def validate(model: type[Model], value: Any, path: Path, problems: Problems) -> Model | None:
    """Return the `value` at `path` as a `model`, or None, with all that is wrong with it added to `problems`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _note(model, detail, path, problems)
        return None


def _note(model: type[Strict], detail: Any, path: Path, problems: Problems) -> None:
    place: Path = (*path, *detail["loc"])
    within = model
    for part in detail["loc"][:-1]:
        within = _NESTED.get(str(part), within)
    name = ".".join(str(part) for part in detail["loc"])
    kind = detail["type"]
    if kind == "extra_forbidden":
        problems.add(place, f"unknown key {name!r}", suggest(str(place[-1]), within.model_fields))
    elif kind == "missing":
        problems.add(place[:-1], f"key {name!r} is missing", f"add `{place[-1]}: ...`")
    elif kind == "literal_error":
        known = re.findall(r"'([^']+)'", detail["ctx"]["expected"])
        problems.add(place, f"{name}: {detail['input']!r} is not known", suggest(str(detail["input"]), known))
    elif kind == "value_error":
        what, _, fix = str(detail["ctx"]["error"]).partition(": ")
        problems.add(place, f"{name}: {what}", fix)
    else:
        said = "should be keys and values" if kind == "model_type" else detail["msg"].removeprefix("Input ")
        what = f"{name or 'this entry'}: {said}, not {_shown(detail['input'])}"
        problems.add(place, what, _fix(kind, detail.get("ctx", {}), name))


def _fix(kind: str, context: Mapping[str, Any], name: str) -> str:
    if kind == "model_type" and name in ("review", "reject"):
        return f"write a number without quotes, or a target like `{name}: {{precision: 0.9}}`"
    for bound, word in (("ge", "at least"), ("gt", "more than"), ("le", "at most")):
        if bound in context:
            return f"write a number of {word} {context[bound]:g}"
    return _WRITE.get(kind, "see the policy reference in screening/README.md")


def _shown(value: Any) -> str:
    return {dict: "keys and values", list: "a list", type(None): "nothing"}.get(type(value), repr(value)[:60])
