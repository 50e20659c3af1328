SELECT
  *
FROM `${dataset}.stored_reviews`
