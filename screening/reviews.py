"""What a person may ask of a verdict, and decide on it; the `screening` commands are built on these."""

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
    """Nothing committed speaks of the upload that a person named."""


class ReviewRefused(ScreeningError):
    """What a person asked for is not theirs to decide."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything there is to say of an upload.

    `decision` is the one in force and `decided_by` who made it, `earlier` are the older verdicts, `since` tells how
    the object stands to the generation that was screened. `statements` are the codes of the statement of reasons by
    policy category, as the policy names them.
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
    """The committed verdicts on an upload, the newest first.

    `upload` is its URI, a path, or its name below the input if only one has that name. UnknownUpload when there are
    none.
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
    """Why an upload got its verdict, and what happened to it since; UnknownUpload as `verdicts_on`."""
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
    """Append a person's decision on the newest verdict of an upload, and give that verdict.

    Raises ConfigError for an empty reason, UnknownUpload as `verdicts_on` and also where the newest verdict is not of
    the run `run_id`, ReviewRefused where an error was to be overturned: what was never screened stays held.
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
            "upload it again or mend the cause, and screen it again"
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
    """The decision in force on an upload that has a verdict, and who made it."""
    found = tables.connection().execute("SELECT decision, decided_by FROM effective_verdicts WHERE uri = ?", [uri])
    ((decision, decided_by),) = found.fetchall()
    return decision, decided_by


def since(verdict: Verdict) -> str:
    """How the object in the store stands to the generation that was screened."""
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
    """What an upload's URI may be: its real path, or the path as it is written, as earlier versions stored it."""
    try:
        return [place(upload), absolute(upload)]
    except ConfigError:  # a name below the input may begin like a scheme
        return [absolute(upload)]
