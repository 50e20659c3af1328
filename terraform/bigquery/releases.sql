SELECT
  *
FROM `${dataset}.stored_releases`
