"""The queries with which drift compares two runs, in DuckDB's SQL over the view `verdicts`.

The table macro `compared` gives the verdicts of both runs, each in its group and in the group '', which holds all. The
queries on it take the parameters `$run`, `$reference`, `$by` and, except for GROUPS, `$groups`.
"""

from __future__ import annotations

# An upload's source is the one in its metadata, else the folder below the input. Its language is that of most of its
# text, which the check on languages notes.
COMPARED = """
CREATE TEMP MACRO compared(run, reference, wanted) AS TABLE
SELECT unnest(list_distinct(['', CASE wanted
    WHEN 'source' THEN coalesce(
      nullif(metadata['source'], ''), CASE WHEN contains(name, '/') THEN split_part(name, '/', 1) ELSE '(top)' END)
    WHEN 'language' THEN coalesce(
      nullif(list_filter(signals, lambda s: s.label = 'unknown_language')[1].evidence.note, ''), '(not known)')
    ELSE '' END])) AS grp,
  run_id = run AS now, uri, decision, reasons, signals, parts
FROM verdicts WHERE run_id IN (run, reference)
"""

# Scores of main parts, and of uploads as a whole: how many other parts uploads have is another question.
SCORES = """
CREATE TEMP MACRO scores(run, reference, wanted, groups) AS TABLE
SELECT grp, now, uri, s.source, s.label, s.score
FROM (SELECT grp, now, uri, parts, unnest(signals) AS s FROM compared(run, reference, wanted)
      WHERE grp IN (SELECT unnest(groups)))
WHERE isfinite(s.score)
  AND coalesce(len(list_filter(parts, lambda p: p.place = s.evidence.part AND p.role <> 'main')), 0) = 0
"""

MADE_BY = "SELECT provenance FROM verdicts WHERE run_id = $run LIMIT 1"

GROUPS = """
SELECT grp, count(*) FROM compared($run, $reference, $by) WHERE grp <> '' GROUP BY 1 ORDER BY 2 DESC, 1
"""

DECISIONS = """
SELECT grp, decision, coalesce(reasons[1], '(none)'), now, count(*) FROM compared($run, $reference, $by)
WHERE grp IN (SELECT unnest($groups)) GROUP BY ALL
"""

# The quantiles of the scores at `$shares`, and the least score, from every `$every`th upload of the reference.
EDGES = """
SELECT grp, source, label, quantile_disc(score, $shares), min(score)
FROM scores($run, $reference, $by, $groups)
WHERE NOT now AND hash(uri) % $every = 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""

# How many scores of each run are in each bin. `$c` is the bins' edges, for the group `$g`, source `$s` and label `$l`.
BINNED = """
WITH edge AS (
  SELECT unnest($g::VARCHAR[]) AS grp, unnest($s::VARCHAR[]) AS source, unnest($l::VARCHAR[]) AS label,
    unnest($c::DOUBLE[][]) AS cuts
)
SELECT grp, source, label, now, len(list_filter(cuts, lambda cut: cut < score)), count(*)
FROM scores($run, $reference, $by, $groups) LEFT JOIN edge USING (grp, source, label) GROUP BY ALL
"""
