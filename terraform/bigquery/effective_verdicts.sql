WITH newest AS (
  SELECT
    uri,
    generation,
    run_id
  FROM (
    SELECT
      uri,
      generation,
      run_id
    FROM `${dataset}.verdicts`
  )
  JOIN (
    SELECT
      run_id,
      committed_at
    FROM `${dataset}.runs`
  )
    USING (run_id)
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY uri ORDER BY generation DESC, committed_at DESC, run_id DESC) = 1
), outcome AS (
  SELECT
    r.uri,
    r.generation,
    r.review_id,
    r.reviewer,
    r.reason AS review_reason,
    r.reviewed_at,
    CASE
      WHEN r.decision = 'uphold'
      THEN CASE WHEN v.decision = 'review' THEN 'reject' ELSE v.decision END
      WHEN v.decision = 'accept'
      THEN 'reject'
      ELSE 'accept'
    END AS outcome
  FROM `${dataset}.reviews` AS r
  JOIN (
    SELECT
      run_id,
      uri,
      generation,
      decision
    FROM `${dataset}.verdicts`
  ) AS v
    USING (run_id, uri, generation)
  WHERE
    v.decision <> 'error' AND r.decision IN ('uphold', 'overturn')
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY r.uri, r.generation ORDER BY r.reviewed_at DESC, r.review_id DESC) = 1
)
SELECT
  v.*
  REPLACE (CASE WHEN v.decision = 'error' THEN 'error' ELSE COALESCE(o.outcome, v.decision) END AS decision),
  v.decision AS machine_decision,
  CASE
    WHEN v.decision = 'error' OR o.outcome IS NULL
    THEN 'machine'
    ELSE 'reviewer'
  END AS decided_by,
  o.review_id,
  o.reviewer,
  o.review_reason,
  o.reviewed_at
FROM `${dataset}.verdicts` AS v
JOIN newest
  USING (uri, generation, run_id)
LEFT JOIN outcome AS o
  USING (uri, generation)
