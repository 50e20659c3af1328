"""Load a policy file into a `Policy`; whatever is wrong with it is found here, and reported all at once."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path as LocalPath

from screening.checks import ALL_CHECKS, DOCUMENT_CHECKS
from screening.checks.text import known_languages
from screening.decode.limits import Fields, Limits
from screening.errors import ConfigError, ScreeningError
from screening.policy.categories import Compiler
from screening.policy.document import MAX_BYTES, read
from screening.policy.problems import Problems
from screening.policy.rules import BankSpec, Policy, Quota, Rule
from screening.policy.schema import PDQ_MAX_DISTANCE, BankEntry, Category, PolicyFile, validate
from screening.policy.signals import BundleLike, CheckLike, feeds
from screening.records import MEDIA, ROLES, Threshold
from screening.storage import local_path, open_store


def load_policy(path_or_uri: str, bundles: Sequence[BundleLike], checks: Sequence[CheckLike] | None = None) -> Policy:
    """Return the policy at a local path or gs:// URI; it may use the labels of `bundles` and `checks` (default: all).

    Raises PolicyError (a ConfigError), with file, line and remedy for everything that is wrong.
    """
    document = read(_bytes(path_or_uri), path_or_uri)
    problems = Problems(path_or_uri, document.lines)
    head = validate(PolicyFile, document.value, (), problems)
    listed = {
        name: found if isinstance(found := document.value.get(name), list) else [] for name in ("banks", "categories")
    }
    banks = [validate(BankEntry, each, ("banks", i), problems) for i, each in enumerate(listed["banks"])]
    categories = [validate(Category, each, ("categories", i), problems) for i, each in enumerate(listed["categories"])]
    specs = _banks(banks, path_or_uri, problems)
    rules = Compiler(
        feeds(bundles, ALL_CHECKS if checks is None else checks), head.languages if head else (), problems
    ).compile(categories)
    if head:
        _languages(head, bundles, problems)
        _clock(head, problems)
    if None not in (*banks, *categories):
        _banks_have_a_use(specs, rules, problems)
    problems.stop_if_any()
    assert head is not None
    return _policy(head, [each for each in categories if each], specs, rules)


def _unsaid(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that hold where a policy says nothing: what is odd about a document is for a person to see."""
    said = {rule.label for rule in rules}
    odd = [each for each in DOCUMENT_CHECKS if each.name not in said]
    levels = [
        Threshold(each.name, each.name, "review", "high", float(each.unsaid), f"score: {each.unsaid:g}", ROLES)
        for each in odd
    ]
    return [
        Rule(each.name, each.name, f"document/{each.name}", MEDIA, ROLES, required=False, levels=(level,))
        for each, level in zip(odd, levels, strict=True)
    ]


def _policy(head: PolicyFile, categories: list[Category], banks: list[BankSpec], rules: list[Rule]) -> Policy:
    limits = Limits(**head.limits.model_dump(exclude_none=True))
    fields = Fields(**{key: tuple(keys) for key, keys in head.article_fields.model_dump(exclude_none=True).items()})
    decisive = {
        "policy": head.policy,
        "version": head.version,
        "languages": head.languages,
        "limits": asdict(limits),
        "article_fields": asdict(fields),
        "banks": [{"id": bank.id, "use": bank.use, "max_distance": bank.max_distance} for bank in banks],
        "categories": [
            {**category.model_dump(exclude_none=True), "media": rule.media, "parts": rule.parts}
            for category, rule in zip(categories, rules, strict=True)
        ],
    }
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"))
    return Policy(
        name=head.policy,
        version=head.version,
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
        languages=tuple(head.languages),
        limits=limits,
        fields=fields,
        banks=tuple(banks),
        quota=Quota(**head.quota.model_dump()),
        rules=(*rules, *_unsaid(rules)),
        statement_codes={category.id: category.statement for category in categories if category.statement},
    )


def _bytes(uri: str) -> bytes:
    try:
        if uri.startswith("gs://"):
            return open_store(uri).get(uri)
        if LocalPath(uri).exists() and not LocalPath(uri).is_file():
            raise ConfigError("it is not a file")
        with LocalPath(uri).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"can't read the policy: {error.strerror}", file=uri, fix="check the path") from error
    except ScreeningError as error:
        raise ConfigError(f"can't read the policy: {error}", file=uri, fix="check the URI") from error


def _banks(entries: Iterable[BankEntry | None], policy_uri: str, problems: Problems) -> list[BankSpec]:
    found: dict[str, BankSpec] = {}
    for i, entry in enumerate(entries):
        if entry is None:
            continue
        if entry.id in found:
            problems.add(("banks", i, "id"), f"bank {entry.id!r} appears twice", "give each bank an id of its own")
        try:
            file = entry.file if entry.file.startswith("gs://") else local_path(entry.file)
        except ConfigError as error:
            problems.add(("banks", i, "file"), error.what, error.fix)
            continue
        uri = _beside(policy_uri, file)
        if not uri.startswith("gs://") and not LocalPath(uri).is_file():
            problems.add(
                ("banks", i, "file"), f"there is no bank file {uri}", "paths are relative to the policy's folder"
            )
        # An allowed picture stays near even with something painted into it, so only identical hashes are known good.
        default = PDQ_MAX_DISTANCE if entry.use == "block" else 0
        distance = default if entry.max_distance is None else entry.max_distance
        found[entry.id] = BankSpec(entry.id, uri, entry.use, distance)
    return list(found.values())


def _beside(policy_uri: str, file: str) -> str:
    if file.startswith(("gs://", "/")):
        return file
    if policy_uri.startswith("gs://"):
        bucket, _, name = policy_uri.removeprefix("gs://").partition("/")
        return f"gs://{bucket}/{posixpath.normpath(posixpath.join(posixpath.dirname(name), file))}"
    return str((LocalPath(policy_uri).absolute().parent / file).resolve())


def _banks_have_a_use(banks: Sequence[BankSpec], rules: Sequence[Rule], problems: Problems) -> None:
    matched = [i for i, rule in enumerate(rules) if rule.source == "bank"]
    blocking = [i for i, bank in enumerate(banks) if bank.use == "block"]
    if blocking and not matched:
        what = f"bank {banks[blocking[0]].id!r} blocks, but no category has `signal: known_hash`"
        problems.add(("banks", blocking[0]), what, "add such a category with `reject: 0.87`, or remove the bank")
    if matched and not blocking:
        what = f"category {rules[matched[0]].category!r} has no bank to match"
        problems.add(("categories", matched[0]), what, "add a bank with `use: block`, or remove the category")


def _languages(head: PolicyFile, bundles: Sequence[BundleLike], problems: Problems) -> None:
    known = known_languages()
    read = dict.fromkeys(code for bundle in bundles for code in bundle.languages)
    for i, code in enumerate(head.languages):
        if code not in known:
            problems.add(
                ("languages", i), f"language {code!r} can't be recognised", f"known: {', '.join(sorted(known))}"
            )
        elif read and code not in read:
            what = f"no bundle reads {code!r}, so texts in it would be accepted unread"
            problems.add(
                ("languages", i), what, f"remove it, or add a bundle that reads it; read are: {', '.join(read)}"
            )


def _clock(head: PolicyFile, problems: Problems) -> None:
    """Refuse `seconds` so short that a busy machine would hold uploads whose `cpu_seconds` are not used up."""
    limits = Limits(**head.limits.model_dump(exclude_none=True))
    if limits.seconds < 2 * limits.cpu_seconds:
        what = f"`seconds` {limits.seconds:g}, on the clock, is less than twice `cpu_seconds` {limits.cpu_seconds:g}"
        problems.add(("limits", "seconds"), what, "leave `seconds` out, and limit the work by `cpu_seconds`")
