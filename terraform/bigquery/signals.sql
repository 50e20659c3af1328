SELECT
  run_id,
  uri,
  name,
  generation,
  content_type,
  decision,
  signal.source,
  signal.label,
  signal.score,
  signal.evidence.`window` AS `window`,
  signal.evidence.start AS `start`,
  signal.evidence.`end` AS `end`,
  signal.evidence.note AS note,
  signal.evidence.part AS part
FROM `${dataset}.verdicts`
CROSS JOIN UNNEST(signals) AS signal
