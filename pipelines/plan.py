"""Plan a release: count what it would do before anything is done, and refuse it if it exceeds the quota."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
from rich.table import Table
from rich.text import Text

from pipelines.listing.source import is_folder
from pipelines.moved import Moved, stays, uri_now
from screening.errors import ConfigError, ScreeningError
from screening.policy import Quota
from screening.records import DECISIONS, Decision
from screening.report.text import visible
from screening.storage import overlap
from screening.tables import ResultTables

# An act is pending for the newest decision on an object, unless it was done (and not withdrawn since) or the object
# was found to be replaced.
_PENDING = """
WITH withdrawn AS (
  SELECT uri, generation, max(released_at) AS at FROM releases WHERE action = 'withdrawn' GROUP BY ALL
), done AS (
  SELECT r.uri, r.generation, r.action, r.decision FROM releases AS r LEFT JOIN withdrawn AS w USING (uri, generation)
  WHERE w.at IS NULL OR r.action <> 'live' OR r.released_at > w.at
)
SELECT run_id, uri, name, generation, sha256, decision, fingerprint, content_type, '' AS target
FROM effective_verdicts AS v
WHERE decision IN ({decisions}) AND {stays} AND NOT EXISTS (
  SELECT 1 FROM done AS r WHERE r.uri = v.uri AND r.generation = v.generation
  AND (r.action = 'replaced' OR (r.action IN ({actions}) AND r.decision = v.decision)))
ORDER BY uri
"""
# Copies in live of generations that are no longer accepted.
_TO_WITHDRAW = """
SELECT v.run_id, v.uri, v.name, v.generation, r.sha256, v.decision, v.fingerprint, v.content_type, r.target
FROM effective_verdicts AS v JOIN (
  SELECT uri, generation, sha256, target, action FROM releases WHERE action IN ('live', 'withdrawn')
  QUALIFY row_number() OVER (PARTITION BY uri, generation, target ORDER BY released_at DESC, release_id DESC) = 1
) AS r USING (uri, generation)
WHERE r.action = 'live' AND v.decision IN ('review', 'reject')
ORDER BY v.uri
"""
# What an act needs to know about its target. Two uploads to different inputs may have the same name, and then one of
# them owns the target: the one whose copy is there according to `releases`, else the first by URI. Hashes of the names
# find such cases in 16 bytes a name. `replaces` is the digests of earlier generations, whose copy may be replaced.
_ACTS = """
WITH pending AS MATERIALIZED ({pending}), shared AS (
  SELECT hash(name) AS key FROM verdicts GROUP BY 1 HAVING min(hash(uri)) <> max(hash(uri))
), contested AS (
  SELECT uri, CASE decision WHEN 'accept' THEN $live ELSE $quarantine END || '/' || name AS place FROM pending
  WHERE hash(name) IN (SELECT key FROM shared)
), held AS (
  SELECT target AS place, arg_max({now}, (released_at, release_id)) AS uri FROM releases
  WHERE action IN ('live', 'quarantine', 'withdrawn') AND target IN (SELECT place FROM contested)
  GROUP BY target HAVING arg_max(action, (released_at, release_id)) <> 'withdrawn'
), owner AS (
  SELECT place, coalesce(any_value(h.uri), min(c.uri)) AS uri
  FROM contested AS c LEFT JOIN held AS h USING (place) GROUP BY place
), earlier AS (
  SELECT p.uri, p.generation, list(DISTINCT v.sha256) AS replaces
  FROM pending AS p JOIN (SELECT uri, {now} AS now, generation, sha256 FROM verdicts WHERE sha256 <> '') AS v
    ON v.now = p.uri
  WHERE v.generation < p.generation OR v.uri <> p.uri GROUP BY ALL
)
SELECT p.*, coalesce(o.uri, '') AS owner, coalesce(e.replaces, []) AS replaces
FROM pending AS p LEFT JOIN contested AS c USING (uri) LEFT JOIN owner AS o USING (place)
LEFT JOIN earlier AS e ON e.uri = p.uri AND e.generation = p.generation
ORDER BY p.uri
"""
_RUNS = "SELECT DISTINCT run_id FROM ({pending})"


class QuotaExceeded(ScreeningError):
    """The plan exceeds the quota or the ledger has gaps, so nothing was done: a person must look first."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do to one object, bound to the generation that was screened.

    `content_type` is what was screened. `target` is the copy to withdraw. `owner` is the upload that owns the target if
    several uploads have its name, else "". `replaces` holds the SHA-256 of earlier generations, whose copy this one
    may replace.
    """

    run_id: str
    uri: str
    name: str
    generation: int
    sha256: str
    decision: Decision
    fingerprint: str
    content_type: str = ""
    target: str = ""
    owner: str = ""
    replaces: tuple[str, ...] = ()


def pending(tables: ResultTables, mode: str, live: str = "", quarantine: str = "", moves: Moved = ()) -> Iterator[Act]:
    """Yield the acts still to be done, in the order of their URIs; copies go to `live` and `quarantine`."""
    connection = tables.connection()
    if mode == "copy":
        sql = _ACTS.format(pending=_sql(mode, moves), now=uri_now(moves, "uri"))
        result = connection.execute(sql, {"live": live.rstrip("/"), "quarantine": quarantine.rstrip("/")})
    else:
        result = connection.execute(_sql(mode, moves))
    while rows := result.fetchmany(1000):
        for row in rows:
            facts = (*row[:-1], tuple(row[-1])) if mode == "copy" else row
            yield Act(*facts)


def check_places(
    connection: duckdb.DuckDBPyConnection, mode: str, places: Mapping[str, str], moves: Moved = ()
) -> None:
    """Check that uploads can be released to these places (by flag).

    Raises ConfigError if a place overlaps an input of the pending runs, or is in another kind of store than an upload.
    """
    runs = f"SELECT DISTINCT input FROM runs WHERE run_id IN ({_RUNS.format(pending=_sql(mode, moves))})"
    inputs = sorted(source for (source,) in connection.execute(runs).fetchall() if is_folder(source))
    for flag, where in places.items():
        for source in inputs:
            if overlap(where, source):
                raise ConfigError(f"{flag} {where} and the input {source} overlap", fix="use two separate places")
        found = connection.execute(
            f"SELECT uri FROM ({_sql(mode, moves)}) "
            "WHERE starts_with(uri, $inside) OR starts_with(uri, 'gs://') <> $bucket LIMIT 1",
            {"inside": f"{where.rstrip('/')}/", "bucket": where.startswith("gs://")},
        ).fetchone()
        if found:
            raise ConfigError(
                f"{flag} {where} can't take {found[0]}",
                fix="give a place outside the input and in the same kind of store: a bucket for buckets, else a folder",
            )


def _sql(mode: str, moves: Moved) -> str:
    if mode == "withdraw":
        return _TO_WITHDRAW
    of = (
        {"decisions": "'accept', 'review', 'reject', 'error'", "actions": "'label'"}
        if mode == "label"
        else {"decisions": "'accept', 'reject'", "actions": "'live', 'quarantine'"}
    )
    return _PENDING.format(**of, stays=stays(moves, "v.uri"))


def plan(connection: duckdb.DuckDBPyConnection, mode: str, quota: Quota, moves: Moved = ()) -> dict[str, int]:
    """Return how many acts are pending for each decision.

    Raises QuotaExceeded if the runs with pending acts have too large a share of rejects or errors, or if the ledger has
    gaps. A share is taken over everything that these runs decided, so that old objects in review do not distort it.
    """
    _refuse_unreconciled(connection)
    counted = dict(
        connection.execute(f"SELECT decision, count(*) FROM ({_sql(mode, moves)}) GROUP BY decision").fetchall()
    )
    runs = _RUNS.format(pending=_sql(mode, moves))
    totals = dict(
        connection.execute(
            f"SELECT decision, count(*) FROM effective_verdicts WHERE run_id IN ({runs}) GROUP BY decision"
        ).fetchall()
    )
    total = sum(totals.values())
    if total >= quota.min_uploads:
        for decision, most in (("reject", quota.max_reject_share), ("error", quota.max_error_share)):
            share = totals.get(decision, 0) / total
            if share > most:
                raise QuotaExceeded(
                    f"refused: {share:.0%} of {total} uploads are `{decision}`, but the policy's quota is {most:.0%}; "
                    "nothing was done. Look at `screening results`, then correct the policy or raise its quota"
                )
    return counted


def backlog(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many uploads wait for a reviewer."""
    found = connection.execute("SELECT count(*) FROM effective_verdicts WHERE decision = 'review'").fetchone()
    return int(found[0]) if found else 0


def _refuse_unreconciled(connection: duckdb.DuckDBPyConnection) -> None:
    broken = connection.execute(
        """
        SELECT r.run_id FROM runs AS r LEFT JOIN (
          SELECT run_id, count(*) AS rows,
            count(*) FILTER (decision = 'accept') AS accept, count(*) FILTER (decision = 'review') AS review,
            count(*) FILTER (decision = 'reject') AS reject, count(*) FILTER (decision = 'error') AS error
          FROM verdicts GROUP BY run_id) AS v USING (run_id)
        WHERE r.listed - r.skipped <> coalesce(v.rows, 0) OR r.accept <> coalesce(v.accept, 0)
          OR r.review <> coalesce(v.review, 0) OR r.reject <> coalesce(v.reject, 0)
          OR r.error <> coalesce(v.error, 0)
        """
    ).fetchall()
    if broken:
        ids = ", ".join(sorted(row[0] for row in broken))
        raise QuotaExceeded(f"refused: the ledger does not account for every upload of {ids}; nothing was done")


def plan_table(counted: dict[str, int], mode: str, live: str, quarantine: str) -> Table:
    """Return the plan as a table for people: how many objects go where."""
    places: dict[str, dict[str, str]] = {
        "copy": {"accept": live, "reject": quarantine},
        "label": dict.fromkeys(DECISIONS, "labelled in place"),
        "withdraw": dict.fromkeys(("review", "reject"), "taken from live"),
    }
    table = Table(title="release plan", title_justify="left")
    table.add_column("decision")
    table.add_column("objects", justify="right")
    table.add_column("goes to", overflow="fold")
    for decision, target in places[mode].items():
        table.add_row(decision, str(counted.get(decision, 0)), Text(visible(target)))
    return table
