"""The questions that drift asks of two runs, in DuckDB's SQL over the view `verdicts`.

`compared` is a table macro: the verdicts of both runs, each in its group and in the whole, which is the group ''. The
other questions stand on it, and are asked with `$run`, `$reference`, `$by` and, but for the first, `$groups`.
"""

from __future__ import annotations

# Where an upload comes from: what its metadata say, else the folder below the input. Its language: that which most of
# the text is in, which the check on languages notes.
COMPARED = """
CREATE TEMP MACRO compared(run, reference, wanted) AS TABLE
SELECT unnest(list_distinct(['', CASE wanted
    WHEN 'source' THEN coalesce(
      nullif(metadata['source'], ''), CASE WHEN contains(name, '/') THEN split_part(name, '/', 1) ELSE '(top)' END)
    WHEN 'language' THEN coalesce(
      nullif(list_filter(signals, lambda s: s.label = 'unknown_language')[1].evidence.note, ''), '(not known)')
    ELSE '' END])) AS grp,
  run_id = run AS now, uri, decision, reasons, signals
FROM verdicts WHERE run_id IN (run, reference)
"""

SCORES = """
CREATE TEMP MACRO scores(run, reference, wanted, groups) AS TABLE
SELECT grp, now, uri, s.source, s.label, s.score
FROM (SELECT grp, now, uri, unnest(signals) AS s FROM compared(run, reference, wanted)
      WHERE grp IN (SELECT unnest(groups)))
WHERE isfinite(s.score)
"""

MADE_BY = "SELECT provenance FROM verdicts WHERE run_id = $run LIMIT 1"

GROUPS = """
SELECT grp, count(*) FROM compared($run, $reference, $by) WHERE grp <> '' GROUP BY 1 ORDER BY 2 DESC, 1
"""

DECISIONS = """
SELECT grp, decision, coalesce(reasons[1], '(none)'), now, count(*) FROM compared($run, $reference, $by)
WHERE grp IN (SELECT unnest($groups)) GROUP BY ALL
"""

# Of every so manyth upload of the reference: the scores below which lie these shares of all, and the least.
EDGES = """
SELECT grp, source, label, quantile_disc(score, $shares), min(score)
FROM scores($run, $reference, $by, $groups)
WHERE NOT now AND hash(uri) % $every = 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""

# How many scores of either run lie in each bin between the edges ($g, $s and $l are group, source and label of $c).
BINNED = """
WITH edge AS (
  SELECT unnest($g::VARCHAR[]) AS grp, unnest($s::VARCHAR[]) AS source, unnest($l::VARCHAR[]) AS label,
    unnest($c::DOUBLE[][]) AS cuts
)
SELECT grp, source, label, now, len(list_filter(cuts, lambda cut: cut < score)), count(*)
FROM scores($run, $reference, $by, $groups) LEFT JOIN edge USING (grp, source, label) GROUP BY ALL
"""
