"""The views that people and the release job read. They show the tables as they are when the connection is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow.dataset as ds

from screening.errors import ConfigError

# Arrow datasets are registered under these names, since the views have the tables' own names. BigQuery's views are made
# from these (`tests/terraform/shipped.py`), so they use only SQL that can be translated.
_RAW = "stored_{}"

VERDICTS = """
CREATE VIEW verdicts AS
SELECT * FROM stored_verdicts WHERE run_id IN (SELECT run_id FROM stored_runs)
"""

SIGNALS = """
CREATE VIEW signals AS
SELECT run_id, uri, name, generation, content_type, decision, signal.source, signal.label, signal.score,
       signal.evidence.window AS "window", signal.evidence.start AS "start", signal.evidence."end" AS "end",
       signal.evidence.note AS note, signal.evidence.part AS part
FROM verdicts CROSS JOIN unnest(signals) AS s(signal)
"""

# Each upload has one row: the newest verdict on its newest generation, overruled by what a person decided on that same
# generation. A person judges a verdict, so the outcome follows from the verdict that was reviewed, and it still holds
# if the same bytes are screened again. An error stays an error: what could not be screened can't be cleared.
# The keys are found first, so that no sort or hash table ever holds signals.
EFFECTIVE_VERDICTS = """
CREATE VIEW effective_verdicts AS
WITH newest AS (
  SELECT uri, generation, run_id
  FROM (SELECT uri, generation, run_id FROM verdicts) JOIN (SELECT run_id, committed_at FROM runs) USING (run_id)
  QUALIFY row_number() OVER (PARTITION BY uri ORDER BY generation DESC, committed_at DESC, run_id DESC) = 1
), outcome AS (
  SELECT r.uri, r.generation, r.review_id, r.reviewer, r.reason AS review_reason, r.reviewed_at,
    CASE WHEN r.decision = 'uphold' THEN CASE WHEN v.decision = 'review' THEN 'reject' ELSE v.decision END
         WHEN v.decision = 'accept' THEN 'reject'
         ELSE 'accept' END AS outcome
  FROM reviews AS r JOIN (SELECT run_id, uri, generation, decision FROM verdicts) AS v
    USING (run_id, uri, generation)
  WHERE v.decision <> 'error' AND r.decision IN ('uphold', 'overturn')
  QUALIFY row_number() OVER (PARTITION BY r.uri, r.generation ORDER BY r.reviewed_at DESC, r.review_id DESC) = 1
)
SELECT
  v.* REPLACE (CASE WHEN v.decision = 'error' THEN 'error' ELSE coalesce(o.outcome, v.decision) END AS decision),
  v.decision AS machine_decision,
  CASE WHEN v.decision = 'error' OR o.outcome IS NULL THEN 'machine' ELSE 'reviewer' END AS decided_by,
  o.review_id, o.reviewer, o.review_reason, o.reviewed_at
FROM verdicts AS v
JOIN newest USING (uri, generation, run_id)
LEFT JOIN outcome AS o USING (uri, generation)
"""

RUN_SUMMARY = """
CREATE VIEW run_summary AS
SELECT r.run_id, r.input, r.started_at, r.committed_at, r.listed, r.skipped,
  r.accept, r.review, r.reject, r.error, r.listed - r.skipped AS decided,
  coalesce(p.upheld, 0) AS upheld, coalesce(p.overturned, 0) AS overturned,
  coalesce(d.live, 0) AS live, coalesce(d.quarantine, 0) AS quarantine, r.fingerprint, r.policy
FROM runs AS r
LEFT JOIN (
  SELECT run_id, count(*) FILTER (decision = 'uphold') AS upheld, count(*) FILTER (decision = 'overturn') AS overturned
  FROM (SELECT * FROM reviews QUALIFY row_number() OVER (
    PARTITION BY run_id, uri, generation ORDER BY reviewed_at DESC, review_id DESC) = 1)
  GROUP BY run_id
) AS p USING (run_id)
LEFT JOIN (
  SELECT run_id, count(DISTINCT object) FILTER (action = 'live') AS live,
    count(DISTINCT object) FILTER (action = 'quarantine') AS quarantine
  FROM (SELECT run_id, action, concat(CAST(generation AS VARCHAR), ' ', uri) AS object FROM releases)
  GROUP BY run_id
) AS d USING (run_id)
ORDER BY r.committed_at, r.run_id
"""

VIEWS = (VERDICTS, SIGNALS, EFFECTIVE_VERDICTS, RUN_SUMMARY)


def connect(tables: Mapping[str, ds.Dataset]) -> duckdb.DuckDBPyConnection:
    """Return a connection to the datasets `runs`, `verdicts`, `reviews` and `releases`, without access to files or net.

    Times are shown in UTC.
    """
    connection = duckdb.connect(":memory:")
    for name, dataset in tables.items():
        connection.register(_RAW.format(name), dataset)
        if name != "verdicts":
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {_RAW.format(name)}")
    for view in VIEWS:
        connection.execute(view)
    for setting in (
        "TimeZone = 'UTC'",
        "python_enable_replacements = false",
        "autoinstall_known_extensions = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


def query(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object] = ()) -> duckdb.DuckDBPyRelation:
    """Return the answer to one query in SQL. Raises ConfigError if it is wrong, or if it is not a single query."""
    try:
        statements = connection.extract_statements(sql)
        asks = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
        if len(statements) != 1 or statements[0].type not in asks:
            raise ConfigError("--sql takes one SELECT: result tables are only ever read here")
        return connection.sql(statements[0].query, params=list(values))
    except duckdb.Error as error:
        raise ConfigError(f"the SQL does not work: {error}") from error
