"""What a release would do, counted before anything is done, and the quota that can refuse it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
from rich.table import Table

from screening.errors import ScreeningError
from screening.policy import Quota
from screening.records import DECISIONS, Decision
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
WHERE decision IN ({decisions}) AND NOT EXISTS (
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
_RUNS = "SELECT DISTINCT run_id FROM ({pending})"


class QuotaExceeded(ScreeningError):
    """The plan is out of the ordinary, so nothing was done: a person looks first."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do to one object, bound to the generation that was screened; `target` is a copy to withdraw."""

    run_id: str
    uri: str
    name: str
    generation: int
    sha256: str
    decision: Decision
    fingerprint: str
    target: str = ""


def pending(tables: ResultTables, mode: str) -> Iterator[Act]:
    """The acts still to be done, streaming, in the order of their URIs."""
    result = tables.connection().execute(_sql(mode))
    while rows := result.fetchmany(1000):
        yield from (Act(*row) for row in rows)


def _sql(mode: str) -> str:
    if mode == "withdraw":
        return _TO_WITHDRAW
    if mode == "label":
        return _PENDING.format(decisions="'accept', 'review', 'reject', 'error'", actions="'label'")
    return _PENDING.format(decisions="'accept', 'reject'", actions="'live', 'quarantine'")


def plan(tables: ResultTables, mode: str, quota: Quota) -> dict[str, int]:
    """Pending acts by decision; QuotaExceeded when the runs behind them are out of the ordinary.

    Shares are those of the runs that have something pending, over everything these runs decided: so objects
    that stay in review do not pile up into a share of their own.
    """
    connection = tables.connection()
    _refuse_unreconciled(connection)
    counted = dict(connection.execute(f"SELECT decision, count(*) FROM ({_sql(mode)}) GROUP BY decision").fetchall())
    runs = _RUNS.format(pending=_sql(mode))
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
    goes = {
        "copy": {"accept": live, "reject": quarantine},
        "label": dict.fromkeys(DECISIONS, "labelled in place"),
        "withdraw": dict.fromkeys(("review", "reject"), "taken from live"),
    }[mode]
    table = Table(title="release plan", title_justify="left")
    table.add_column("decision")
    table.add_column("objects", justify="right")
    table.add_column("goes to", overflow="fold")
    for decision, target in goes.items():
        table.add_row(decision, str(counted.get(decision, 0)), target)
    return table
