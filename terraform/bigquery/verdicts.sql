SELECT
  *
FROM `${dataset}.stored_verdicts`
WHERE
  run_id IN (
    SELECT
      run_id
    FROM `${dataset}.stored_runs`
  )
