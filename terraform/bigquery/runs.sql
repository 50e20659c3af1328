SELECT
  *
FROM `${dataset}.stored_runs`
