"""What a release would do, counted before anything is done, and the quota that can refuse it."""

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

# A pending act: the newest decision on an object, unless it was done (and not withdrawn since), or the object was
# found replaced.
_PENDING = """
WITH withdrawn AS (
  SELECT uri, generation, max(released_at) AS at FROM releases WHERE action = 'withdrawn' GROUP BY ALL
), done AS (
  SELECT r.uri, r.generation, r.action, r.decision FROM releases AS r LEFT JOIN withdrawn AS w USING (uri, generation)
  WHERE w.at IS NULL OR r.action <> 'live' OR r.released_at > w.at
)
SELECT run_id, uri, name, generation, sha256, decision, fingerprint, '' AS target FROM effective_verdicts AS v
WHERE decision IN ({decisions}) AND {stays} AND NOT EXISTS (
  SELECT 1 FROM done AS r WHERE r.uri = v.uri AND r.generation = v.generation
  AND (r.action = 'replaced' OR (r.action IN ({actions}) AND r.decision = v.decision)))
ORDER BY uri
"""
# A copy in live of a generation that is not accepted any more.
_TO_WITHDRAW = """
SELECT v.run_id, v.uri, v.name, v.generation, r.sha256, v.decision, v.fingerprint, r.target
FROM effective_verdicts AS v JOIN (
  SELECT uri, generation, sha256, target, action FROM releases WHERE action IN ('live', 'withdrawn')
  QUALIFY row_number() OVER (PARTITION BY uri, generation, target ORDER BY released_at DESC, release_id DESC) = 1
) AS r USING (uri, generation)
WHERE r.action = 'live' AND v.decision IN ('review', 'reject')
ORDER BY v.uri
"""
# What an act needs to know of its target. Two uploads may bear one name (they were uploaded to two inputs), and then
# the target is the first one's: whose copy stands there by the ledger, else the first by URI. Which names these are is
# told by 16 bytes a name. And the bytes of an upload's earlier generations, whose copy this one may replace.
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
    """The plan is out of the ordinary, so nothing was done: a person looks first."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do to one object, bound to the generation that was screened.

    `target` is a copy to withdraw. `owner` is the upload that the target of a copy is for, where several bear its name;
    `replaces` are the SHA-256 of earlier generations, whose copy this one may replace.
    """

    run_id: str
    uri: str
    name: str
    generation: int
    sha256: str
    decision: Decision
    fingerprint: str
    target: str = ""
    owner: str = ""
    replaces: tuple[str, ...] = ()


def pending(tables: ResultTables, mode: str, live: str = "", quarantine: str = "", moves: Moved = ()) -> Iterator[Act]:
    """The acts still to be done, streaming, in the order of their URIs; `live` and `quarantine` are where copies go."""
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


def check_places(tables: ResultTables, mode: str, places: Mapping[str, str], moves: Moved = ()) -> None:
    """ConfigError when a place that is released to is, holds or lies in one that was screened, or is in another store.

    `places` are by their flag.
    """
    connection = tables.connection()
    runs = f"SELECT DISTINCT input FROM runs WHERE run_id IN ({_RUNS.format(pending=_sql(mode, moves))})"
    inputs = sorted(source for (source,) in connection.execute(runs).fetchall() if is_folder(source))
    for flag, where in places.items():
        for source in inputs:
            if overlap(where, source):
                raise ConfigError(f"{flag} {where} and the input {source} overlap", fix="use two places apart")
        found = connection.execute(
            f"SELECT uri FROM ({_sql(mode, moves)}) "
            "WHERE starts_with(uri, $inside) OR starts_with(uri, 'gs://') <> $bucket LIMIT 1",
            {"inside": f"{where.rstrip('/')}/", "bucket": where.startswith("gs://")},
        ).fetchone()
        if found:
            raise ConfigError(
                f"{flag} {where} can't take {found[0]}",
                fix="name a place apart from the uploads and in the same store: a bucket for buckets, or a folder",
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


def plan(tables: ResultTables, mode: str, quota: Quota, moves: Moved = ()) -> dict[str, int]:
    """Pending acts by decision; QuotaExceeded when the runs behind them are out of the ordinary.

    Shares are those of the runs that have something pending, over everything these runs decided: so objects
    that stay in review do not pile up into a share of their own.
    """
    connection = tables.connection()
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
                    f"refused: {share:.0%} of {total} uploads are `{decision}`, the policy's quota is {most:.0%}; "
                    "nothing was done. Look at `screening results`, then mend the policy or raise its quota"
                )
    return counted


def backlog(tables: ResultTables) -> int:
    """How many uploads wait for a person."""
    found = tables.connection().execute("SELECT count(*) FROM effective_verdicts WHERE decision = 'review'").fetchone()
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
    """The plan for a person: how many objects go where."""
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
