SELECT
  r.run_id,
  r.input,
  r.started_at,
  r.committed_at,
  r.listed,
  r.skipped,
  r.accept,
  r.review,
  r.reject,
  r.error,
  r.listed - r.skipped AS decided,
  COALESCE(p.upheld, 0) AS upheld,
  COALESCE(p.overturned, 0) AS overturned,
  COALESCE(d.live, 0) AS live,
  COALESCE(d.quarantine, 0) AS quarantine,
  r.fingerprint,
  r.policy
FROM `${dataset}.runs` AS r
LEFT JOIN (
  SELECT
    run_id,
    COUNTIF(decision = 'uphold') AS upheld,
    COUNTIF(decision = 'overturn') AS overturned
  FROM (
    SELECT
      *
    FROM `${dataset}.reviews`
    QUALIFY
      ROW_NUMBER() OVER (PARTITION BY run_id, uri, generation ORDER BY reviewed_at DESC, review_id DESC) = 1
  )
  GROUP BY
    run_id
) AS p
  USING (run_id)
LEFT JOIN (
  SELECT
    run_id,
    COUNT(DISTINCT IF(action = 'live', object, NULL)) AS live,
    COUNT(DISTINCT IF(action = 'quarantine', object, NULL)) AS quarantine
  FROM (
    SELECT
      run_id,
      action,
      CONCAT(COALESCE(CAST(generation AS STRING), ''), ' ', COALESCE(uri, '')) AS object
    FROM `${dataset}.releases`
  )
  GROUP BY
    run_id
) AS d
  USING (run_id)
ORDER BY
  r.committed_at NULLS LAST,
  r.run_id NULLS LAST
