"""What people may ask about a verdict and decide on it; the `screening` commands are built on this."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from screening.errors import ConfigError, ScreeningError, UploadError
from screening.records import Release, Review, Verdict
from screening.storage import open_store, place
from screening.tables import ResultTables
from screening.tables.delta import absolute


class UnknownUpload(ScreeningError):
    """No committed verdict is on the upload that a person named."""


class ReviewRefused(ScreeningError):
    """A person asked for a decision that is not theirs to make."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known about an upload.

    `decision` is the one in force, and `decided_by` is who made it. `earlier` are the older verdicts. `since` says
    whether the object is still the generation that was screened. `statements` are the policy's codes for the statement
    of reasons, by category.
    """

    verdict: Verdict
    decision: str
    decided_by: str
    reviews: tuple[Review, ...]
    releases: tuple[Release, ...]
    earlier: tuple[Verdict, ...]
    since: str
    statements: Mapping[str, str] = field(default_factory=dict)


def verdicts_on(tables: ResultTables, upload: str) -> list[Verdict]:
    """Return the committed verdicts on an upload, the newest first.

    `upload` is its URI, its path, or its name below the input if only one upload has that name. Raises UnknownUpload
    if there are none.
    """
    for uri in _uris(upload):
        if found := tables.verdicts(uri):
            return found
    named = tables.connection().execute(
        "SELECT DISTINCT uri FROM verdicts WHERE name = ? ORDER BY uri LIMIT 3", [upload]
    )
    uris: list[str] = [uri for (uri,) in named.fetchall()]
    if len(uris) > 1:
        raise UnknownUpload(f"several uploads are named {upload!r}; give the whole URI, for example {uris[0]}")
    if not uris:
        raise UnknownUpload(f"no committed verdict on {_uris(upload)[0]} under {tables.uri}")
    return tables.verdicts(uris[0])


def explain(tables: ResultTables, upload: str, statements: Mapping[str, str] | None = None) -> Explanation:
    """Return why an upload got its verdict, and what has happened to it since. Raises UnknownUpload."""
    newest, *earlier = verdicts_on(tables, upload)
    decision, decided_by = effective(tables, newest.uri)
    return Explanation(
        verdict=newest,
        decision=decision,
        decided_by=decided_by,
        reviews=tuple(tables.reviews(newest.uri)),
        releases=tuple(tables.releases(newest.uri)),
        earlier=tuple(earlier),
        since=since(newest),
        statements=statements or {},
    )


def review(
    tables: ResultTables,
    upload: str,
    decision: Literal["uphold", "overturn"],
    reason: str,
    reviewer: str,
    run_id: str = "",
) -> Verdict:
    """Append a person's decision on the newest verdict of an upload, and return that verdict.

    Raises ConfigError if the reason is empty, UnknownUpload if there is no verdict or the newest is not of the run
    `run_id`, and ReviewRefused if an error is to be overturned: an upload that was never screened stays held.
    """
    if not reason.strip():
        raise ConfigError("--reason is empty", fix="say why; it is what an appeal will look at")
    verdict = verdicts_on(tables, upload)[0]
    if run_id and verdict.run_id != run_id:
        raise UnknownUpload(f"the newest verdict is of run {verdict.run_id}, not {run_id}; look at it again")
    if verdict.decision == "error" and decision == "overturn":
        why = ", ".join(verdict.reasons) or "no reason stored"
        raise ReviewRefused(
            f"an error can't be overturned: {verdict.uri} could not be screened ({why}), so it stays held; "
            "upload it again or fix the cause, then screen it again"
        )
    tables.append_reviews(
        [
            Review(
                review_id=uuid.uuid4().hex,
                run_id=verdict.run_id,
                uri=verdict.uri,
                generation=verdict.generation,
                decision=decision,
                reason=reason.strip(),
                reviewer=reviewer,
                reviewed_at=datetime.now(UTC),
            )
        ]
    )
    return verdict


def effective(tables: ResultTables, uri: str) -> tuple[str, str]:
    """Return the decision in force on an upload that has a verdict, and who made it."""
    found = tables.connection().execute("SELECT decision, decided_by FROM effective_verdicts WHERE uri = ?", [uri])
    ((decision, decided_by),) = found.fetchall()
    return decision, decided_by


def since(verdict: Verdict) -> str:
    """Return, in words, whether the object in the store is still the generation that was screened."""
    try:
        now = open_store(verdict.uri).stat(verdict.uri, verdict.name)
    except UploadError as error:
        return "the object is gone" if error.reason in ("not_found", "replaced") else f"can't be looked at: {error}"
    except ScreeningError as error:
        return f"can't be looked at: {error}"
    if now.generation == verdict.generation:
        return "the object is still the one that was screened"
    return f"the object was replaced: it is generation {now.generation} now, so this verdict says nothing about it"


def _uris(upload: str) -> list[str]:
    """Return the URIs that an upload may have: its real path, and the path as written, as earlier versions kept it."""
    try:
        return [place(upload), absolute(upload)]
    except ConfigError:  # a name below the input may begin like a scheme
        return [absolute(upload)]
